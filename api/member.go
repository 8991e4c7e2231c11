package api

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// memberJSON is a Member in a Session's details.
type memberJSON struct {
	User chat.PublicUser `json:"user"`
	Role chat.Role       `json:"role"`
}

func membersSeenBy(who chat.Identity, members []chat.Member) []memberJSON {
	list := make([]memberJSON, len(members))
	for i, m := range members {
		list[i] = memberJSON{seenBy(who, m.User), m.Role}
	}
	return list
}

// addedJSON is the answer to a new Member, in the original's form.
type addedJSON struct {
	Status  string            `json:"status"`
	Members []chat.PublicUser `json:"members"`
	Message string            `json:"message"`
	User    chat.PublicUser   `json:"user"`
}

func (a *API) addMember(c *fiber.Ctx, username string) error {
	who := httpd.Who(c)
	if err := a.limits.lookups.Check(userKey(c)); err != nil {
		return err
	}
	added, err := a.chat.AddMember(c.UserContext(), who, c.Params("uri"), username)
	if errors.Is(err, chat.ErrUserUnknown) {
		if err := a.limits.lookups.Take(userKey(c)); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	members := make([]chat.PublicUser, len(added.Members))
	for i, m := range added.Members {
		members[i] = seenBy(who, m.User)
	}
	return c.JSON(addedJSON{success, members, added.User.Username + " joined chat session", seenBy(who, added.User)})
}

func (a *API) removeMember(c *fiber.Ctx) error {
	username, err := httpd.TextParam(c, "username")
	if err != nil {
		return err
	}
	return empty(c, a.chat.RemoveMember(c.UserContext(), httpd.Who(c), c.Params("uri"), username))
}

func (a *API) setRole(c *fiber.Ctx) error {
	username, err := httpd.TextParam(c, "username")
	if err != nil {
		return err
	}
	var role chat.Role
	if err := httpd.Decode(c, httpd.Text("role", &role)); err != nil {
		return err
	}
	who := httpd.Who(c)
	m, err := a.chat.SetRole(c.UserContext(), who, c.Params("uri"), username, role)
	if err != nil {
		return err
	}
	return c.JSON(memberJSON{seenBy(who, m.User), m.Role})
}

func (a *API) listBans(c *fiber.Ctx) error {
	who := httpd.Who(c)
	banned, err := a.chat.Bans(c.UserContext(), who, c.Params("uri"))
	if err != nil {
		return err
	}
	users := make([]chat.PublicUser, len(banned))
	for i, u := range banned {
		users[i] = seenBy(who, u)
	}
	return c.JSON(fiber.Map{"users": users})
}

func (a *API) ban(c *fiber.Ctx) error {
	username, err := httpd.TextParam(c, "username")
	if err != nil {
		return err
	}
	return empty(c, a.chat.Ban(c.UserContext(), httpd.Who(c), c.Params("uri"), username))
}

func (a *API) unban(c *fiber.Ctx) error {
	username, err := httpd.TextParam(c, "username")
	if err != nil {
		return err
	}
	return empty(c, a.chat.Unban(c.UserContext(), httpd.Who(c), c.Params("uri"), username))
}
