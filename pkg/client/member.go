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
