package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// account is a User as they see themselves.
type account struct {
	Email    string `json:"email"`
	ID       int64  `json:"id"`
	Username string `json:"username"`
}

func accountOf(u chat.User) account { return account{u.Email, u.ID, u.Username} }

func (a *API) signUp(c *fiber.Ctx) error {
	var n chat.NewUser
	err := httpd.Decode(c,
		httpd.Text("username", &n.Username),
		httpd.Text("password", &n.Password),
		httpd.Text("email", &n.Email).Optional().Blank())
	if err != nil {
		return err
	}
	if err := a.limits.signUps.Take(addrKey(c)); err != nil {
		return err
	}
	user, err := a.chat.SignUp(c.UserContext(), n)
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(accountOf(user))
}

func (a *API) me(c *fiber.Ctx) error {
	user, err := a.chat.Me(c.UserContext(), httpd.Who(c))
	if err != nil {
		return err
	}
	return c.JSON(accountOf(user))
}

// changeEmail changes nothing where no address is sent.
func (a *API) changeEmail(c *fiber.Ctx) error {
	var email *string
	if err := httpd.Decode(c, httpd.Maybe("email", &email).Blank()); err != nil {
		return err
	}
	if email == nil {
		return a.me(c)
	}
	user, err := a.chat.ChangeEmail(c.UserContext(), httpd.Who(c), *email)
	if err != nil {
		return err
	}
	return c.JSON(accountOf(user))
}

func (a *API) rename(c *fiber.Ctx) error {
	var (
		name    string
		current chat.Secret
	)
	err := httpd.Decode(c,
		httpd.Text("new_username", &name),
		httpd.Text("current_password", &current))
	if err != nil {
		return err
	}
	who := httpd.Who(c)
	err = a.guess(c, who.User.Username, func() error {
		return a.chat.Rename(c.UserContext(), who, name, current)
	})
	return empty(c, err)
}

func (a *API) changePassword(c *fiber.Ctx) error {
	var password, current chat.Secret
	err := httpd.Decode(c,
		httpd.Text("new_password", &password),
		httpd.Text("current_password", &current))
	if err != nil {
		return err
	}
	who := httpd.Who(c)
	err = a.guess(c, who.User.Username, func() error {
		return a.chat.ChangePassword(c.UserContext(), who, password, current)
	})
	return empty(c, err)
}

func (a *API) deleteAccount(c *fiber.Ctx) error {
	var current chat.Secret
	if err := httpd.Decode(c, httpd.Text("current_password", &current)); err != nil {
		return err
	}
	who := httpd.Who(c)
	err := a.guess(c, who.User.Username, func() error {
		return a.chat.DeleteAccount(c.UserContext(), who, current)
	})
	return empty(c, err)
}

func (a *API) requestReset(c *fiber.Ctx) error {
	var email string
	if err := httpd.Decode(c, httpd.Text("email", &email)); err != nil {
		return err
	}
	if err := a.limits.resets.Take(addrKey(c)); err != nil {
		return err
	}
	return empty(c, a.chat.RequestReset(c.UserContext(), email))
}

func (a *API) confirmReset(c *fiber.Ctx) error {
	var (
		uid, code string
		password  chat.Secret
	)
	err := httpd.Decode(c,
		httpd.Text("uid", &uid),
		httpd.Text("token", &code),
		httpd.Text("new_password", &password))
	if err != nil {
		return err
	}
	return empty(c, a.chat.ConfirmReset(c.UserContext(), uid, code, password))
}

func (a *API) activate(c *fiber.Ctx) error {
	var uid, code string
	err := httpd.Decode(c,
		httpd.Text("uid", &uid),
		httpd.Text("token", &code))
	if err != nil {
		return err
	}
	return empty(c, a.chat.Activate(c.UserContext(), uid, code))
}

// empty answers 204 where there is nothing to say.
func empty(c *fiber.Ctx, err error) error {
	if err != nil {
		return err
	}
	c.Status(fiber.StatusNoContent)
	return nil
}
