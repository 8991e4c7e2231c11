package admin

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// userJSON is an account as administrators see it.
type userJSON struct {
	ID          int64   `json:"id"`
	Username    string  `json:"username"`
	Email       string  `json:"email"`
	FirstName   string  `json:"first_name"`
	LastName    string  `json:"last_name"`
	Admin       bool    `json:"admin"`
	Disabled    bool    `json:"disabled"`
	CreatedDate *string `json:"created_date"`
	LastSeen    *string `json:"last_seen"` // null before the first sign-in
}

func userOf(u chat.User) userJSON {
	var seen time.Time
	if u.LastSeen != nil {
		seen = *u.LastSeen
	}
	return userJSON{u.ID, u.Username, u.Email, u.FirstName, u.LastName, u.Admin, u.Disabled, date(u.CreatedAt), date(seen)}
}

// usersJSON is a page of accounts.
type usersJSON struct {
	Users   []userJSON `json:"users"`
	HasMore bool       `json:"has_more"`
}

func (a *API) listUsers(c *fiber.Ctx) error {
	p, err := pageOf(c)
	if err != nil {
		return err
	}
	users, more, err := read(p, func(after int64, limit int) ([]chat.User, error) {
		return a.chat.Users(c.UserContext(), after, limit)
	})
	if err != nil {
		return err
	}
	list := make([]userJSON, len(users))
	for i, u := range users {
		list[i] = userOf(u)
	}
	return c.JSON(usersJSON{list, more})
}

func (a *API) createUser(c *fiber.Ctx) error {
	var in struct {
		Username string `json:"username"`
		Email    string `json:"email"`
		Password string `json:"password"`
		Admin    bool   `json:"admin"`
	}
	if err := httpd.Document(c, &in); err != nil {
		return err
	}
	switch {
	case in.Username == "":
		return httpd.Missing("username")
	case in.Password == "":
		return httpd.Missing("password")
	}
	user, err := a.chat.CreateUser(c.UserContext(), chat.NewUser{
		Username: in.Username,
		Email:    in.Email,
		Password: chat.Secret(in.Password),
		Admin:    in.Admin,
	})
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(userOf(user))
}

// named runs a handler with the name in the path.
func named(c *fiber.Ctx, handle func(username string) error) error {
	username, err := httpd.TextParam(c, "username")
	if err != nil {
		return err
	}
	return handle(username)
}

func (a *API) user(c *fiber.Ctx) error {
	return named(c, func(username string) error {
		user, err := a.chat.UserNamed(c.UserContext(), username)
		if err != nil {
			return err
		}
		return c.JSON(userOf(user))
	})
}

func (a *API) updateUser(c *fiber.Ctx) error {
	var in struct {
		Username *string `json:"username"`
		Email    *string `json:"email"`
		Admin    *bool   `json:"admin"`
	}
	if err := httpd.Document(c, &in); err != nil {
		return err
	}
	return named(c, func(username string) error {
		user, err := a.chat.UpdateUser(c.UserContext(), username, chat.UserChange(in))
		if err != nil {
			return err
		}
		return c.JSON(userOf(user))
	})
}

func (a *API) deleteUser(c *fiber.Ctx) error {
	return named(c, func(username string) error { return empty(c, a.chat.DeleteUser(c.UserContext(), username)) })
}

func (a *API) enableUser(c *fiber.Ctx) error {
	return named(c, func(username string) error { return empty(c, a.chat.EnableUser(c.UserContext(), username)) })
}

func (a *API) disableUser(c *fiber.Ctx) error {
	return named(c, func(username string) error { return empty(c, a.chat.DisableUser(c.UserContext(), username)) })
}

func (a *API) setPassword(c *fiber.Ctx) error {
	var in struct {
		Password string `json:"password"`
	}
	if err := httpd.Document(c, &in); err != nil {
		return err
	}
	if in.Password == "" {
		return httpd.Missing("password")
	}
	return named(c, func(username string) error {
		return empty(c, a.chat.SetUserPassword(c.UserContext(), username, chat.Secret(in.Password)))
	})
}
