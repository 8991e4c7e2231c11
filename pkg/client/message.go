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
	ReplyTo     *int64          `json:"reply_to"`
	Mentions    []int64         `json:"mentions"` // ids of Members
	Reactions   []chat.Reaction `json:"reactions"`
	Edited      bool            `json:"edited"`
	Deleted     bool            `json:"deleted"`
}

// Post sends a Message once. clientID "" leaves it out. An error that is no *Error
// means that the Message may be stored; so does an Error with a 5xx.
func (c *Client) Post(ctx context.Context, uri, text, clientID string) (Message, error) {
	return c.Reply(ctx, uri, text, clientID, 0)
}

// Reply is Post for a Message that answers another one; replyTo 0 answers none.
func (c *Client) Reply(ctx context.Context, uri, text, clientID string, replyTo int64) (Message, error) {
	in := map[string]any{"message": text}
	if clientID != "" {
		in["client_id"] = clientID
	}
	if replyTo != 0 {
		in["reply_to"] = replyTo
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

// Message returns one Message.
func (c *Client) Message(ctx context.Context, uri string, seq int64) (Message, error) {
	var m Message
	err := c.call(ctx, http.MethodGet, messageAddress(uri, seq), nil, &m)
	return m, err
}

// Edit gives one's own Message another text.
func (c *Client) Edit(ctx context.Context, uri string, seq int64, text string) (Message, error) {
	var m Message
	err := c.call(ctx, http.MethodPatch, messageAddress(uri, seq), map[string]string{"message": text}, &m)
	return m, err
}

// Delete takes a Message's text back.
func (c *Client) Delete(ctx context.Context, uri string, seq int64) error {
	return c.call(ctx, http.MethodDelete, messageAddress(uri, seq), nil, nil)
}

// React puts an emoji under a Message, Unreact takes it away.
func (c *Client) React(ctx context.Context, uri string, seq int64, emoji string) error {
	return c.call(ctx, http.MethodPut, messageAddress(uri, seq, "reactions", emoji), nil, nil)
}

// Unreact takes one's own emoji away.
func (c *Client) Unreact(ctx context.Context, uri string, seq int64, emoji string) error {
	return c.call(ctx, http.MethodDelete, messageAddress(uri, seq, "reactions", emoji), nil, nil)
}

func messageAddress(uri string, seq int64, more ...string) string {
	return address(append([]string{"api", "chats", uri, "messages", strconv.FormatInt(seq, 10)}, more...)...)
}
