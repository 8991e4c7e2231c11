package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// postedJSON is the answer to a post: what is stored, first or on a retry.
type postedJSON struct {
	Status string `json:"status"`
	URI    string `json:"uri"`
	messageJSON
}

// postMessage looks for the session before the body: the protocol wants it so.
func (a *API) postMessage(c *fiber.Ctx) error {
	who, uri := httpd.Who(c), c.Params("uri")
	if err := a.chat.CheckSession(c.UserContext(), who, uri); err != nil {
		return err
	}
	var p chat.Post
	err := httpd.Decode(c,
		httpd.Text("message", &p.Text).Verbatim(),
		httpd.Maybe("client_id", &p.ClientID).Null().Verbatim(),
		httpd.MaybeWhole("reply_to", &p.ReplyTo).Null())
	if err != nil {
		return err
	}
	if err := a.limits.messages.Take(userKey(c) + " " + uri); err != nil {
		return err
	}
	e, err := a.chat.PostMessage(c.UserContext(), who, uri, p)
	if err != nil {
		return err
	}
	return c.JSON(postedJSON{success, uri, messageSeenBy(who, e)})
}

func (a *API) message(c *fiber.Ctx) error {
	seq, err := httpd.NumberParam(c, "seq")
	if err != nil {
		return err
	}
	who := httpd.Who(c)
	e, err := a.chat.Message(c.UserContext(), who, c.Params("uri"), seq)
	if err != nil {
		return err
	}
	return c.JSON(messageSeenBy(who, e))
}

// historyJSON is a page of Messages, ascending.
type historyJSON struct {
	ID       int64         `json:"id"`
	URI      string        `json:"uri"`
	Messages []messageJSON `json:"messages"`
	HasMore  bool          `json:"has_more"` // older ones; with after, newer ones
}

func (a *API) history(c *fiber.Ctx) error {
	page := chat.HistoryPage{Limit: chat.MaxPage}
	err := httpd.Query(c,
		httpd.MaybeInt("after", &page.After, 0),
		httpd.MaybeInt("before", &page.Before, 0),
		httpd.Int("limit", &page.Limit, 1))
	if err != nil {
		return err
	}
	if page.After != nil && page.Before != nil {
		return chat.FieldError(chat.NonField, "Send either after or before.")
	}
	who := httpd.Who(c)
	h, err := a.chat.History(c.UserContext(), who, c.Params("uri"), page)
	if err != nil {
		return err
	}
	return c.JSON(historyJSON{h.Session.ID, h.Session.URI, messagesSeenBy(who, h.Messages), h.More})
}

// logJSON is a piece of a Session's Log.
type logJSON struct {
	ID      int64            `json:"id"`
	URI     string           `json:"uri"`
	Epoch   string           `json:"epoch"`
	Oldest  int64            `json:"oldest"`
	Head    int64            `json:"head"`
	Events  []chat.EventJSON `json:"events"`
	HasMore bool             `json:"has_more"`
}

func (a *API) eventLog(c *fiber.Ctx) error {
	var after int64
	limit := chat.MaxPage
	err := httpd.Query(c,
		httpd.Int("after", &after, 0),
		httpd.Int("limit", &limit, 1))
	if err != nil {
		return err
	}
	log, err := a.chat.EventLog(c.UserContext(), httpd.Who(c), c.Params("uri"), after, limit)
	if err != nil {
		return err
	}
	events := make([]chat.EventJSON, len(log.Events))
	for i := range log.Events {
		events[i] = log.Events[i].JSON()
	}
	return c.JSON(logJSON{
		ID:      log.Session.ID,
		URI:     log.Session.URI,
		Epoch:   log.Epoch,
		Oldest:  log.Oldest,
		Head:    log.Session.Head,
		Events:  events,
		HasMore: log.More,
	})
}
