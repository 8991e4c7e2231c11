package client

import (
	"context"
	"net/http"

	"github.com/chatire/chatire/pkg/chat"
)

// Unread is what the user has not read in a Session, as far as they want to hear of it.
type Unread struct {
	Messages int64       `json:"unread"`
	Mentions int64       `json:"mentions"`
	Read     int64       `json:"read"` // the Seq up to which they have read
	Notify   chat.Notify `json:"notify"`
}

// UnreadCounts is what the user has not read in all their Sessions.
type UnreadCounts struct {
	Messages int64           `json:"unread"`
	Mentions int64           `json:"mentions"`
	Sessions []SessionUnread `json:"sessions"` // those with something to read
}

// SessionUnread is what the user has not read in one Session.
type SessionUnread struct {
	URI string `json:"uri"`
	Unread
}

// UnreadCounts counts what the user has not read.
func (c *Client) UnreadCounts(ctx context.Context) (UnreadCounts, error) {
	var counts UnreadCounts
	err := c.call(ctx, http.MethodGet, "/api/unread/", nil, &counts)
	return counts, err
}

// MarkRead says that the user has read a Session up to a Seq.
func (c *Client) MarkRead(ctx context.Context, uri string, seq int64) error {
	return c.call(ctx, http.MethodPut, address("api", "chats", uri, "read"), map[string]int64{"seq": seq}, nil)
}

// ReadPositions returns how far the Members of a Session have read, by their ids.
func (c *Client) ReadPositions(ctx context.Context, uri string) (map[int64]int64, error) {
	var out struct {
		Positions []struct {
			UserID int64 `json:"user_id"`
			Seq    int64 `json:"seq"`
		} `json:"positions"`
	}
	err := c.call(ctx, http.MethodGet, address("api", "chats", uri, "read"), nil, &out)
	positions := map[int64]int64{}
	for _, p := range out.Positions {
		positions[p.UserID] = p.Seq
	}
	return positions, err
}

// SetNotify says what the user wants to hear of in a Session.
func (c *Client) SetNotify(ctx context.Context, uri string, notify chat.Notify) error {
	return c.call(ctx, http.MethodPut, address("api", "chats", uri, "notify"), map[string]chat.Notify{"notify": notify}, nil)
}
