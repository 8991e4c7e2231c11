package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Search says which Messages to find.
type Search struct {
	URI    string // of the Session; "" for all of the user's
	Text   string
	Author string    // a name; "" for anybody
	Since  time.Time // zero: from the beginning
	Until  time.Time // exclusive; zero: to the end
	Cursor string    // where to go on; "" for the first page
	Limit  int       // 0 is the server's own
}

// Found is a page of Messages, the best first.
type Found struct {
	Messages []FoundMessage `json:"messages"`
	HasMore  bool           `json:"has_more"`
	Cursor   string         `json:"cursor"` // where the next page begins
}

// FoundMessage is a Message and the Session that it is in.
type FoundMessage struct {
	URI string `json:"uri"`
	Message
}

// Search finds Messages.
func (c *Client) Search(ctx context.Context, s Search) (Found, error) {
	query := url.Values{"q": {s.Text}}
	for name, value := range map[string]string{"author": s.Author, "cursor": s.Cursor} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": s.Since, "until": s.Until} {
		if !at.IsZero() {
			query.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if s.Limit != 0 {
		query.Set("limit", strconv.Itoa(s.Limit))
	}
	path := "/api/search/"
	if s.URI != "" {
		path = address("api", "chats", s.URI, "search")
	}
	var found Found
	err := c.call(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &found)
	return found, err
}
