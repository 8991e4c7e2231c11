package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// CreateSession opens a Session and returns its uri. A second try with the same
// clientID returns the same one; "" leaves it out.
func (c *Client) CreateSession(ctx context.Context, clientID string) (uri string, err error) {
	in := map[string]string{}
	if clientID != "" {
		in["client_id"] = clientID
	}
	var out struct {
		URI string `json:"uri"`
	}
	err = c.call(ctx, http.MethodPost, "/api/chats/", in, &out)
	return out.URI, err
}

// Session is a Session as one Member sees it.
type Session struct {
	ID          int64     `json:"id"`
	URI         string    `json:"uri"`
	Title       string    `json:"title"`
	Role        chat.Role `json:"role"` // the user's own
	Head        int64     `json:"head"`
	CreatedDate time.Time `json:"created_date"`
	Unread

	// Access and Closed are filled in by [Client.Session].
	Access chat.Access `json:"access"`
	Closed bool        `json:"closed"`

	// Members has the first 200 of MemberCount; [Client.Session] fills both in.
	Members     []Member `json:"members"`
	MemberCount int64    `json:"member_count"`

	// LastMessage is the newest one, if any; [Client.Sessions] fills it in.
	LastMessage *Message `json:"last_message"`

	// People has the first three other Members; [Client.Sessions] fills it in.
	People []chat.PublicUser `json:"people"`
}

// Member is a User in a Session.
type Member struct {
	User chat.PublicUser `json:"user"`
	Role chat.Role       `json:"role"`
}

// Session returns a Session with its Members.
func (c *Client) Session(ctx context.Context, uri string) (Session, error) {
	var session Session
	err := c.call(ctx, http.MethodGet, address("api", "chats", uri), nil, &session)
	return session, err
}

// SessionList is a page of the user's Sessions.
type SessionList struct {
	Sessions []Session `json:"sessions"` // latest activity first
	HasMore  bool      `json:"has_more"`
	Cursor   string    `json:"cursor"` // where the next page begins
}

// Sessions lists the user's Sessions. cursor "" is the first page, limit 0 the
// server's own.
func (c *Client) Sessions(ctx context.Context, cursor string, limit int) (SessionList, error) {
	query := url.Values{}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if limit != 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var list SessionList
	err := c.call(ctx, http.MethodGet, "/api/chats/?"+query.Encode(), nil, &list)
	return list, err
}

// SetTitle names a Session.
func (c *Client) SetTitle(ctx context.Context, uri, title string) (Session, error) {
	var session Session
	err := c.call(ctx, http.MethodPatch, address("api", "chats", uri), map[string]string{"title": title}, &session)
	return session, err
}

// SetAccess says who may join a Session.
func (c *Client) SetAccess(ctx context.Context, uri string, access chat.Access) (Session, error) {
	var session Session
	err := c.call(ctx, http.MethodPatch, address("api", "chats", uri), map[string]chat.Access{"access": access}, &session)
	return session, err
}

// CloseSession lets nothing more be posted in a Session.
func (c *Client) CloseSession(ctx context.Context, uri string) error {
	return c.call(ctx, http.MethodPost, address("api", "chats", uri, "close"), nil, nil)
}

// EraseSession deletes a Session. NotFound in answer to a second try means done.
func (c *Client) EraseSession(ctx context.Context, uri string) error {
	return c.call(ctx, http.MethodDelete, address("api", "chats", uri), nil, nil)
}
