package admin

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// sessionJSON is a Session as administrators see it.
type sessionJSON struct {
	ID          int64       `json:"id"`
	URI         string      `json:"uri"`
	Title       string      `json:"title"`
	Access      chat.Access `json:"access"`
	OwnerID     int64       `json:"owner_id"`
	Events      int64       `json:"events"`
	Messages    int64       `json:"messages"` // deleted ones count
	CreatedDate *string     `json:"created_date"`
	ClosedDate  *string     `json:"closed_date"` // null while people may post
}

func sessionOf(s chat.Session) sessionJSON {
	var closed time.Time
	if s.ClosedAt != nil {
		closed = *s.ClosedAt
	}
	return sessionJSON{s.ID, s.URI, s.Title, s.Access, s.OwnerID, s.Head, s.LastOrdinal, date(s.CreatedAt), date(closed)}
}

// overviewJSON is one Session with who is in it.
type overviewJSON struct {
	sessionJSON
	Owner   string `json:"owner"` // "" of an account that ended
	Members int64  `json:"members"`
}

func (a *API) listSessions(c *fiber.Ctx) error {
	p, err := pageOf(c)
	if err != nil {
		return err
	}
	sessions, more, err := read(p, func(after int64, limit int) ([]chat.Session, error) {
		return a.chat.AllSessions(c.UserContext(), after, limit)
	})
	if err != nil {
		return err
	}
	list := make([]sessionJSON, len(sessions))
	for i, s := range sessions {
		list[i] = sessionOf(s)
	}
	return c.JSON(fiber.Map{"sessions": list, "has_more": more})
}

func (a *API) session(c *fiber.Ctx) error {
	o, err := a.chat.SessionAt(c.UserContext(), c.Params("uri"))
	if err != nil {
		return err
	}
	return c.JSON(overviewJSON{sessionOf(o.Session), o.Owner.Username, o.Members})
}

// actor is who is seen in the Session to do what an administrator does: their account
// or, where they work without one, the owner.
func (a *API) actor(c *fiber.Ctx) (chat.Identity, error) {
	who := httpd.Who(c)
	if a.local == nil {
		return who, nil
	}
	o, err := a.chat.SessionAt(c.UserContext(), c.Params("uri"))
	return chat.Identity{User: o.Owner}, err
}

// acting runs a change of a Session.
func (a *API) acting(c *fiber.Ctx, change func(who chat.Identity, uri string) error) error {
	who, err := a.actor(c)
	if err != nil {
		return err
	}
	return empty(c, change(who, c.Params("uri")))
}

func (a *API) deleteSession(c *fiber.Ctx) error {
	return a.acting(c, func(who chat.Identity, uri string) error { return a.chat.EraseSession(c.UserContext(), who, uri) })
}

func (a *API) closeSession(c *fiber.Ctx) error {
	return a.acting(c, func(who chat.Identity, uri string) error { return a.chat.CloseSession(c.UserContext(), who, uri) })
}

func (a *API) transferSession(c *fiber.Ctx) error {
	var in struct {
		Username string `json:"username"`
	}
	if err := httpd.Document(c, &in); err != nil {
		return err
	}
	if in.Username == "" {
		return httpd.Missing("username")
	}
	return a.acting(c, func(who chat.Identity, uri string) error {
		_, err := a.chat.SetRole(c.UserContext(), who, uri, in.Username, chat.RoleOwner)
		return err
	})
}

// memberJSON is a Member; the list goes on behind JoinedSeq.
type memberJSON struct {
	Username  string    `json:"username"`
	UserID    int64     `json:"user_id"`
	Role      chat.Role `json:"role"`
	JoinedSeq int64     `json:"joined_seq"`
	ReadSeq   int64     `json:"read_seq"`
}

func (a *API) listMembers(c *fiber.Ctx) error {
	p, err := pageOf(c)
	if err != nil {
		return err
	}
	members, more, err := read(p, func(after int64, limit int) ([]chat.Member, error) {
		return a.chat.SessionMembers(c.UserContext(), c.Params("uri"), after, limit)
	})
	if err != nil {
		return err
	}
	list := make([]memberJSON, len(members))
	for i, m := range members {
		list[i] = memberJSON{m.User.Username, m.User.ID, m.Role, m.JoinedSeq, m.ReadSeq}
	}
	return c.JSON(fiber.Map{"members": list, "has_more": more})
}
