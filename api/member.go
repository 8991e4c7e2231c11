package api

import (
	"errors"
	"net/url"

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
	username, err := url.PathUnescape(c.Params("username"))
	if err != nil {
		return chat.ErrNotFound // nobody has such a name
	}
	return empty(c, a.chat.RemoveMember(c.UserContext(), httpd.Who(c), c.Params("uri"), username))
}
