package client

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chatire/chatire/pkg/chat"
)

// Add makes a user a Member. Adding a Member again changes nothing.
func (c *Client) Add(ctx context.Context, uri, username string) (chat.PublicUser, error) {
	var out struct {
		User chat.PublicUser `json:"user"`
	}
	err := c.call(ctx, http.MethodPatch, address("api", "chats", uri), map[string]string{"username": username}, &out)
	return out.User, err
}

// Join makes the Client's own user a Member. Whoever knows the uri may.
func (c *Client) Join(ctx context.Context, uri string) error {
	me, err := c.Me(ctx)
	if err != nil {
		return fmt.Errorf("find own name: %w", err)
	}
	_, err = c.Add(ctx, uri, me.Username)
	return err
}

// Remove ends a membership. NotFound in answer to a second try means done.
func (c *Client) Remove(ctx context.Context, uri, username string) error {
	return c.call(ctx, http.MethodDelete, address("api", "chats", uri, "members", username), nil, nil)
}

// Leave ends the membership of the Client's own user.
func (c *Client) Leave(ctx context.Context, uri string) error {
	me, err := c.Me(ctx)
	if err != nil {
		return fmt.Errorf("find own name: %w", err)
	}
	return c.Remove(ctx, uri, me.Username)
}

// SetRole gives a Member another Role.
func (c *Client) SetRole(ctx context.Context, uri, username string, role chat.Role) (Member, error) {
	var m Member
	err := c.call(ctx, http.MethodPatch, address("api", "chats", uri, "members", username), map[string]chat.Role{"role": role}, &m)
	return m, err
}

// Ban keeps a user out of a Session, Unban lets them in again.
func (c *Client) Ban(ctx context.Context, uri, username string) error {
	return c.call(ctx, http.MethodPut, address("api", "chats", uri, "bans", username), nil, nil)
}

// Unban lets a banned user in again.
func (c *Client) Unban(ctx context.Context, uri, username string) error {
	return c.call(ctx, http.MethodDelete, address("api", "chats", uri, "bans", username), nil, nil)
}

// Bans lists who is banned from a Session.
func (c *Client) Bans(ctx context.Context, uri string) ([]chat.PublicUser, error) {
	var out struct {
		Users []chat.PublicUser `json:"users"`
	}
	err := c.call(ctx, http.MethodGet, address("api", "chats", uri, "bans"), nil, &out)
	return out.Users, err
}
