package api

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// signIn leaves it to the service to refuse a missing or empty name or password:
// it answers as to a wrong one.
func (a *API) signIn(c *fiber.Ctx) error {
	var (
		username, label string
		password        chat.Secret
	)
	err := httpd.Decode(c,
		httpd.Text("username", &username).Optional().Blank(),
		httpd.Text("password", &password).Optional().Blank(),
		httpd.Text("label", &label).Optional().Blank())
	if err != nil {
		return err
	}
	var secret chat.Secret
	err = a.guess(c, username, func() (err error) {
		secret, _, err = a.chat.SignIn(c.UserContext(), username, password, label)
		return err
	})
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"auth_token": string(secret)})
}

func (a *API) signOut(c *fiber.Ctx) error {
	return empty(c, a.chat.SignOut(c.UserContext(), httpd.Who(c)))
}

// tokenJSON is a Token as its user sees it.
type tokenJSON struct {
	ID          int64  `json:"id"`
	Label       string `json:"label"`
	CreatedDate string `json:"created_date"`
	LastUsed    string `json:"last_used"`
	Expires     string `json:"expires"`
	Current     bool   `json:"current"` // the one that asks
}

func (a *API) listTokens(c *fiber.Ctx) error {
	who := httpd.Who(c)
	tokens, err := a.chat.Tokens(c.UserContext(), who)
	if err != nil {
		return err
	}
	list := make([]tokenJSON, len(tokens))
	for i, t := range tokens {
		list[i] = tokenJSON{
			ID:          t.ID,
			Label:       t.Label,
			CreatedDate: chat.Date(t.CreatedAt),
			LastUsed:    chat.Date(t.LastUsed),
			Expires:     chat.Date(t.ExpiresAt),
			Current:     t.ID == who.Token.ID,
		}
	}
	return c.JSON(fiber.Map{"tokens": list})
}

func (a *API) revokeToken(c *fiber.Ctx) error {
	id, err := strconv.ParseInt(c.Params("id"), 10, 64)
	if err != nil {
		return chat.ErrNotFound
	}
	return empty(c, a.chat.RevokeToken(c.UserContext(), httpd.Who(c), id))
}
