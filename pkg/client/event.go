package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// Event is one fact of a Session, from the websocket or from the Log.
type Event struct {
	URI         string           `json:"uri"`
	Seq         int64            `json:"seq"`
	Type        chat.EventType   `json:"event"`
	ID          int64            `json:"id"` // equals Seq
	Rev         int64            `json:"rev"`
	User        chat.PublicUser  `json:"user"`
	CreatedDate time.Time        `json:"created_date"`
	Message     string           `json:"message"`
	ClientID    *string          `json:"client_id"` // of Messages only
	Title       string           `json:"title"`
	Member      *chat.PublicUser `json:"member"`
	Role        chat.Role        `json:"role"`
	Target      int64            `json:"target"` // the Message's Seq, of its changes only
	ReplyTo     int64            `json:"reply_to"`
	Mentions    []int64          `json:"mentions"`
	Reactions   []chat.Reaction  `json:"reactions"`
	Edited      bool             `json:"edited"`
	Access      chat.Access      `json:"access"`
}

// EventPage is a piece of a Session's Log.
type EventPage struct {
	ID      int64   `json:"id"`
	URI     string  `json:"uri"`
	Epoch   string  `json:"epoch"`
	Oldest  int64   `json:"oldest"`
	Head    int64   `json:"head"`
	Events  []Event `json:"events"` // ascending, without gaps
	HasMore bool    `json:"has_more"`
}

// Events returns the Events after a Seq. A limit of 0 is the server's own.
func (c *Client) Events(ctx context.Context, uri string, after int64, limit int) (EventPage, error) {
	query := url.Values{"after": {strconv.FormatInt(after, 10)}}
	if limit != 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var page EventPage
	err := c.call(ctx, http.MethodGet, address("api", "chats", uri, "events")+"?"+query.Encode(), nil, &page)
	for i := range page.Events {
		page.Events[i].URI = uri
	}
	return page, err
}

// AllEvents returns the whole Log of a Session, page by page. It is meant for
// checking: nothing bounds the size of the answer.
func (c *Client) AllEvents(ctx context.Context, uri string) ([]Event, error) {
	var all []Event
	for after := int64(0); ; {
		page, err := c.Events(ctx, uri, after, chat.MaxPage)
		if err != nil {
			return all, err
		}
		all = append(all, page.Events...)
		if !page.HasMore || len(page.Events) == 0 {
			return all, nil
		}
		after = all[len(all)-1].Seq
	}
}
