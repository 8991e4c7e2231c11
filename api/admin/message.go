package admin

import (
	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// listEvents returns a piece of a Session's whole Log.
func (a *API) listEvents(c *fiber.Ctx) error {
	p, err := pageOf(c)
	if err != nil {
		return err
	}
	uri := c.Params("uri")
	if err := a.chat.NoteReading(c.UserContext(), uri); err != nil {
		return err
	}
	log, err := a.chat.EventLog(c.UserContext(), httpd.Who(c), uri, p.after, p.limit)
	if err != nil {
		return err
	}
	events := make([]chat.EventJSON, len(log.Events))
	for i := range log.Events {
		events[i] = log.Events[i].JSON()
	}
	return c.JSON(fiber.Map{"events": events, "head": log.Session.Head, "has_more": log.More})
}

// messageJSON is a Message as it is now.
type messageJSON struct {
	Seq         int64   `json:"seq"`
	Username    string  `json:"username"` // "" of an account that ended
	Message     string  `json:"message"`
	CreatedDate *string `json:"created_date"`
	Edited      bool    `json:"edited"`
	Deleted     bool    `json:"deleted"`
}

func (a *API) listMessages(c *fiber.Ctx) error {
	p, err := pageOf(c)
	if err != nil {
		return err
	}
	uri := c.Params("uri")
	if err := a.chat.NoteReading(c.UserContext(), uri); err != nil {
		return err
	}
	h, err := a.chat.History(c.UserContext(), httpd.Who(c), uri, chat.HistoryPage{After: &p.after, Limit: p.limit})
	if err != nil {
		return err
	}
	list := make([]messageJSON, len(h.Messages))
	for i, m := range h.Messages {
		list[i] = messageJSON{m.Seq, m.User.Username, m.Body, date(m.CreatedAt), m.Edited, m.Deleted()}
	}
	return c.JSON(fiber.Map{"messages": list, "has_more": h.More})
}

func (a *API) deleteMessage(c *fiber.Ctx) error {
	seq, err := httpd.NumberParam(c, "seq")
	if err != nil {
		return err
	}
	return a.acting(c, func(who chat.Identity, uri string) error {
		return a.chat.DeleteMessage(c.UserContext(), who, uri, seq)
	})
}
