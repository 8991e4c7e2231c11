package admin

import (
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

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
		Users []chat.ImportedUserJSON `json:"users"`
		All   bool                    `json:"all"`
	}
	if err := httpd.Document(c, &in); err != nil {
		return err
	}
	users := make([]chat.ImportedUser, len(in.Users))
	for i, u := range in.Users {
		var err error
		if users[i], err = u.ImportedUser(); err != nil {
			return chat.FieldError(fmt.Sprintf("users.%d", i), err.Error())
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
	list := make([]chat.ImportedUserJSON, len(users))
	for i, u := range users {
		list[i] = u.Exported(digests == 1).JSON()
	}
	var next int64
	if len(users) > 0 {
		next = users[len(users)-1].ID
	}
	return c.JSON(fiber.Map{"users": list, "has_more": more, "next": next})
}
