package admin

import (
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// importedJSON is an account that comes from elsewhere, and one that is exported.
type importedJSON struct {
	Username       string  `json:"username"`
	Email          string  `json:"email,omitempty"`
	FirstName      string  `json:"first_name,omitempty"`
	LastName       string  `json:"last_name,omitempty"`
	Password       string  `json:"password,omitempty"`
	PasswordDigest string  `json:"password_digest,omitempty"`
	Admin          bool    `json:"admin,omitempty"`
	Disabled       bool    `json:"disabled,omitempty"`
	CreatedDate    *string `json:"created_date,omitempty"`
	LastSeen       *string `json:"last_seen,omitempty"`
}

func (u importedJSON) user(i int) (chat.ImportedUser, error) {
	created, err := moment(i, "created_date", u.CreatedDate)
	if err != nil {
		return chat.ImportedUser{}, err
	}
	seen, err := moment(i, "last_seen", u.LastSeen)
	return chat.ImportedUser{
		Username:  u.Username,
		Email:     u.Email,
		FirstName: u.FirstName,
		LastName:  u.LastName,
		Password:  chat.Secret(u.Password),
		Digest:    chat.Secret(u.PasswordDigest),
		Admin:     u.Admin,
		Disabled:  u.Disabled,
		CreatedAt: created,
		LastSeen:  seen,
	}, err
}

// moment reads a time of the i-th user; nil is the zero one.
func moment(i int, field string, text *string) (time.Time, error) {
	if text == nil {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, *text)
	if err != nil {
		return time.Time{}, chat.FieldError(fmt.Sprintf("users.%d.%s", i, field), "This is not a time such as 2026-01-31T12:00:00Z.")
	}
	return t, nil
}

// resultJSON says what became of one account.
type resultJSON struct {
	Outcome chat.ImportOutcome `json:"outcome"`
	ID      *int64             `json:"id"` // null where there is none
	Why     string             `json:"why"`
}

// importUsers makes up to chat.MaxImport accounts. done is false where all was asked
// for and not all could be made: then none was.
func (a *API) importUsers(c *fiber.Ctx) error {
	var in struct {
		Users []importedJSON `json:"users"`
		All   bool           `json:"all"`
	}
	if err := httpd.Document(c, &in); err != nil {
		return err
	}
	users := make([]chat.ImportedUser, len(in.Users))
	for i, u := range in.Users {
		var err error
		if users[i], err = u.user(i); err != nil {
			return err
		}
	}
	results, done, err := a.chat.ImportUsers(c.UserContext(), users, in.All)
	if err != nil {
		return err
	}
	list := make([]resultJSON, len(results))
	for i, r := range results {
		list[i] = resultJSON{r.Outcome, nil, r.Why}
		if r.ID != 0 {
			list[i].ID = &results[i].ID
		}
	}
	return c.JSON(fiber.Map{"results": list, "done": done})
}

// exportUsers returns a page of accounts in the form in which they can be imported. The
// digests of passwords are in it if digests=1.
func (a *API) exportUsers(c *fiber.Ctx) error {
	p, err := pageOf(c)
	if err != nil {
		return err
	}
	digests := 0
	if err := httpd.Query(c, httpd.Int("digests", &digests, 0)); err != nil {
		return err
	}
	if err := a.chat.NoteExport(c.UserContext(), p.after, digests == 1); err != nil {
		return err
	}
	users, more, err := read(p, func(after int64, limit int) ([]chat.User, error) {
		return a.chat.Users(c.UserContext(), after, limit)
	})
	if err != nil {
		return err
	}
	list := make([]importedJSON, len(users))
	for i, u := range users {
		shown := userOf(u)
		list[i] = importedJSON{
			Username:    u.Username,
			Email:       u.Email,
			FirstName:   u.FirstName,
			LastName:    u.LastName,
			Admin:       u.Admin,
			Disabled:    u.Disabled,
			CreatedDate: shown.CreatedDate,
			LastSeen:    shown.LastSeen,
		}
		if digests == 1 {
			list[i].PasswordDigest = string(u.Password)
		}
	}
	var next int64
	if len(users) > 0 {
		next = users[len(users)-1].ID
	}
	return c.JSON(fiber.Map{"users": list, "has_more": more, "next": next})
}
