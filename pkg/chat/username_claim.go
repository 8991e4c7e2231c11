package chat

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"
)

// nameClaims lets one request at a time in this process make an account of one
// name. It holds one entry for each request under way.
type nameClaims struct {
	mu   sync.Mutex // guards busy
	busy map[string]chan struct{}
}

func newNameClaims() *nameClaims { return &nameClaims{busy: map[string]chan struct{}{}} }

// claim waits until nobody else holds the name or a variant of it.
func (c *nameClaims) claim(ctx context.Context, name string) (release func(), err error) {
	key := strings.ToLower(norm.NFKC.String(name))
	for {
		held, free := c.try(key)
		if free != nil {
			return free, nil
		}
		select {
		case <-held:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the name: %w", ctx.Err())
		}
	}
}

// try takes the name, or returns what is closed when its holder is done.
func (c *nameClaims) try(key string) (held chan struct{}, release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if held, taken := c.busy[key]; taken {
		return held, nil
	}
	mine := make(chan struct{})
	c.busy[key] = mine
	return nil, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.busy, key)
		close(mine)
	}
}
