package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// unreadJSON is what somebody has not read in a Session, as far as they want to hear
// of it.
type unreadJSON struct {
	Unread   int64       `json:"unread"`
	Mentions int64       `json:"mentions"`
	Read     int64       `json:"read"` // the Seq up to which they have read
	Notify   chat.Notify `json:"notify"`
}

func unreadOf(u chat.Unread) unreadJSON {
	return unreadJSON{u.Messages, u.Mentions, u.ReadSeq, u.Notify}
}

// sessionUnreadJSON is a Session with something to read.
type sessionUnreadJSON struct {
	URI string `json:"uri"`
	unreadJSON
}

func (a *API) unread(c *fiber.Ctx) error {
	all, err := a.chat.Unread(c.UserContext(), httpd.Who(c))
	if err != nil {
		return err
	}
	sessions := make([]sessionUnreadJSON, len(all.Sessions))
	for i, s := range all.Sessions {
		sessions[i] = sessionUnreadJSON{s.URI, unreadOf(s.Unread)}
	}
	return c.JSON(fiber.Map{"unread": all.Messages, "mentions": all.Mentions, "sessions": sessions})
}

// positionJSON says how far a Member has read.
type positionJSON struct {
	UserID int64 `json:"user_id"`
	Seq    int64 `json:"seq"`
}

func (a *API) readPositions(c *fiber.Ctx) error {
	positions, err := a.chat.ReadPositions(c.UserContext(), httpd.Who(c), c.Params("uri"))
	if err != nil {
		return err
	}
	list := make([]positionJSON, len(positions))
	for i, p := range positions {
		list[i] = positionJSON(p)
	}
	return c.JSON(fiber.Map{"positions": list})
}

func (a *API) markRead(c *fiber.Ctx) error {
	if err := a.limits.reads.Take(userKey(c)); err != nil {
		return err
	}
	var seq int64
	if err := httpd.Decode(c, httpd.Whole("seq", &seq)); err != nil {
		return err
	}
	return empty(c, a.chat.MarkRead(c.UserContext(), httpd.Who(c), c.Params("uri"), seq))
}

func (a *API) setNotify(c *fiber.Ctx) error {
	var notify chat.Notify
	if err := httpd.Decode(c, httpd.Text("notify", &notify)); err != nil {
		return err
	}
	return empty(c, a.chat.SetNotify(c.UserContext(), httpd.Who(c), c.Params("uri"), notify))
}
