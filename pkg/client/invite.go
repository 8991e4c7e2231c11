package client

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// Invite is a link that makes whoever has its code a Member.
type Invite struct {
	ID          int64           `json:"id"`
	Code        string          `json:"code"`
	Role        chat.Role       `json:"role"`
	MaxUses     int64           `json:"max_uses"` // 0: any number
	Uses        int64           `json:"uses"`
	User        chat.PublicUser `json:"user"` // who made it
	CreatedDate time.Time       `json:"created_date"`
	Expires     *time.Time      `json:"expires"` // nil: never
}

// CreateInvite makes an Invite to a Session.
func (c *Client) CreateInvite(ctx context.Context, uri string, n chat.NewInvite) (Invite, error) {
	in := map[string]any{"max_uses": n.MaxUses, "expires_in": int64(n.Life.Seconds())}
	if n.Role != "" {
		in["role"] = n.Role
	}
	var invite Invite
	err := c.call(ctx, http.MethodPost, address("api", "chats", uri, "invites"), in, &invite)
	return invite, err
}

// Invites lists those that can be used.
func (c *Client) Invites(ctx context.Context, uri string) ([]Invite, error) {
	var out struct {
		Invites []Invite `json:"invites"`
	}
	err := c.call(ctx, http.MethodGet, address("api", "chats", uri, "invites"), nil, &out)
	return out.Invites, err
}

// RevokeInvite ends an Invite.
func (c *Client) RevokeInvite(ctx context.Context, uri string, id int64) error {
	return c.call(ctx, http.MethodDelete, address("api", "chats", uri, "invites", strconv.FormatInt(id, 10)), nil, nil)
}

// AcceptInvite makes the Client's own user a Member.
func (c *Client) AcceptInvite(ctx context.Context, code string) (Session, error) {
	var session Session
	err := c.call(ctx, http.MethodPost, address("api", "invites", code), nil, &session)
	return session, err
}

// Preview is what a link shows before joining.
type Preview struct {
	Title       string `json:"title"`
	MemberCount int64  `json:"member_count"`
	URI         string `json:"uri"` // "" for whoever is no Member
}

// PreviewLink shows what a Session's uri leads to, PreviewInvite what an Invite does.
func (c *Client) PreviewLink(ctx context.Context, uri string) (Preview, error) {
	var p Preview
	err := c.call(ctx, http.MethodGet, address("api", "chats", uri, "preview"), nil, &p)
	return p, err
}

// PreviewInvite shows what an Invite leads to.
func (c *Client) PreviewInvite(ctx context.Context, code string) (Preview, error) {
	var p Preview
	err := c.call(ctx, http.MethodGet, address("api", "invites", code), nil, &p)
	return p, err
}
