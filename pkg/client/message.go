package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// Message is what somebody wrote, in its newest form.
type Message struct {
	ID          int64           `json:"id"` // equals Seq
	Seq         int64           `json:"seq"`
	Rev         int64           `json:"rev"`
	User        chat.PublicUser `json:"user"`
	Text        string          `json:"message"`
	ClientID    *string         `json:"client_id"`
	CreatedDate time.Time       `json:"created_date"`
	Deleted     bool            `json:"deleted"`
}

// Post sends a Message once. clientID "" leaves it out. An error that is no *Error
// means that the Message may be stored; so does an Error with a 5xx.
func (c *Client) Post(ctx context.Context, uri, text, clientID string) (Message, error) {
	in := map[string]string{"message": text}
	if clientID != "" {
		in["client_id"] = clientID
	}
	var posted Message
	err := c.call(ctx, http.MethodPost, address("api", "chats", uri, "messages"), in, &posted)
	return posted, err
}

// History is a page of Messages.
type History struct {
	ID       int64     `json:"id"`
	URI      string    `json:"uri"`
	Messages []Message `json:"messages"` // ascending
	HasMore  bool      `json:"has_more"`
}

// History returns the newest Messages, those before a Seq, or the next after one.
// A Limit of 0 is the server's own.
func (c *Client) History(ctx context.Context, uri string, page chat.HistoryPage) (History, error) {
	query := url.Values{}
	if page.After != nil {
		query.Set("after", strconv.FormatInt(*page.After, 10))
	}
	if page.Before != nil {
		query.Set("before", strconv.FormatInt(*page.Before, 10))
	}
	if page.Limit != 0 {
		query.Set("limit", strconv.Itoa(page.Limit))
	}
	var history History
	err := c.call(ctx, http.MethodGet, address("api", "chats", uri, "messages")+"?"+query.Encode(), nil, &history)
	return history, err
}
