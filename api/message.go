package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// postedJSON is the answer to a post: what is stored, first or on a retry.
type postedJSON struct {
	Status      string          `json:"status"`
	URI         string          `json:"uri"`
	Message     string          `json:"message"`
	User        chat.PublicUser `json:"user"`
	ID          int64           `json:"id"` // equals Seq
	Seq         int64           `json:"seq"`
	Rev         int64           `json:"rev"`
	ClientID    *string         `json:"client_id"`
	CreatedDate string          `json:"created_date"`
}

// postMessage looks for the session before the body: the protocol wants it so.
func (a *API) postMessage(c *fiber.Ctx) error {
	who, uri := httpd.Who(c), c.Params("uri")
	if err := a.chat.CheckSession(c.UserContext(), who, uri); err != nil {
		return err
	}
	var (
		text     string
		clientID *string
	)
	err := httpd.Decode(c,
		httpd.Text("message", &text).Verbatim(),
		httpd.Maybe("client_id", &clientID).Null().Verbatim())
	if err != nil {
		return err
	}
	if err := a.limits.messages.Take(userKey(c) + " " + uri); err != nil {
		return err
	}
	e, err := a.chat.PostMessage(c.UserContext(), who, uri, text, clientID)
	if err != nil {
		return err
	}
	return c.JSON(postedJSON{
		Status:      success,
		URI:         uri,
		Message:     e.Body,
		User:        seenBy(who, e.User),
		ID:          e.Seq,
		Seq:         e.Seq,
		Rev:         e.Rev,
		ClientID:    e.ClientID,
		CreatedDate: chat.Date(e.CreatedAt),
	})
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
	messages := make([]messageJSON, len(h.Messages))
	for i, e := range h.Messages {
		messages[i] = messageSeenBy(who, e)
	}
	return c.JSON(historyJSON{h.Session.ID, h.Session.URI, messages, h.More})
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
