package admin

import (
	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// tokenJSON is a token as administrators see it.
type tokenJSON struct {
	ID          int64   `json:"id"`
	Label       string  `json:"label"`
	CreatedDate *string `json:"created_date"`
	LastUsed    *string `json:"last_used"`
	Expires     *string `json:"expires"`
	AuthToken   string  `json:"auth_token,omitempty"` // of one that was just made
}

func tokenOf(t chat.Token, secret chat.Secret) tokenJSON {
	return tokenJSON{t.ID, t.Label, date(t.CreatedAt), date(t.LastUsed), date(t.ExpiresAt), string(secret)}
}

func (a *API) listTokens(c *fiber.Ctx) error {
	return named(c, func(username string) error {
		tokens, err := a.chat.UserTokens(c.UserContext(), username)
		if err != nil {
			return err
		}
		list := make([]tokenJSON, len(tokens))
		for i, t := range tokens {
			list[i] = tokenOf(t, "")
		}
		return c.JSON(fiber.Map{"tokens": list})
	})
}

func (a *API) createToken(c *fiber.Ctx) error {
	var in struct {
		Label string `json:"label"`
		TTL   int64  `json:"ttl"` // in seconds; 0: as one from a sign-in
	}
	if err := httpd.Document(c, &in); err != nil {
		return err
	}
	ttl, err := chat.TTLOf(in.TTL)
	if err != nil {
		return err
	}
	return named(c, func(username string) error {
		secret, token, err := a.chat.IssueToken(c.UserContext(), username, in.Label, ttl)
		if err != nil {
			return err
		}
		return c.Status(fiber.StatusCreated).JSON(tokenOf(token, secret))
	})
}

// numbered runs a handler with the name and the id in the path.
func numbered(c *fiber.Ctx, handle func(username string, id int64) error) error {
	return named(c, func(username string) error {
		id, err := httpd.NumberParam(c, "id")
		if err != nil {
			return err
		}
		return handle(username, id)
	})
}

func (a *API) rotateToken(c *fiber.Ctx) error {
	return numbered(c, func(username string, id int64) error {
		secret, token, err := a.chat.RotateToken(c.UserContext(), username, id)
		if err != nil {
			return err
		}
		return c.Status(fiber.StatusCreated).JSON(tokenOf(token, secret))
	})
}

func (a *API) revokeToken(c *fiber.Ctx) error {
	return numbered(c, func(username string, id int64) error {
		return empty(c, a.chat.RevokeUserToken(c.UserContext(), username, id))
	})
}

func (a *API) revokeTokens(c *fiber.Ctx) error {
	return named(c, func(username string) error { return empty(c, a.chat.RevokeUserTokens(c.UserContext(), username)) })
}
