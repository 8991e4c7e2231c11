package faults

import (
	"context"
	"fmt"
	"time"
)

// resets counts how often devices were told to begin anew, once for each time that all
// of a device's rooms were.
func (c *Crowd) resets() int {
	n := 0
	for _, p := range c.People {
		p.mu.Lock()
		n += p.resets / len(p.rooms)
		p.mu.Unlock()
	}
	return n
}

// forgetHeads forgets what was accepted by a log that is gone.
func (c *Crowd) forgetHeads() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.acked)
}

// Back returns how long devices that lost their connection were without one, since it
// was last asked.
func (c *Crowd) Back() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	back := c.back
	c.back = nil
	return back
}

func (c *Crowd) noteAck(uri string, seq int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acked[uri] = max(c.acked[uri], seq)
	c.posts++
}

// Posts is how many messages were accepted so far.
func (c *Crowd) Posts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.posts
}

// heads returns the highest seq that was accepted in each room.
func (c *Crowd) heads() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	heads := make(map[string]int64, len(c.acked))
	for uri, seq := range c.acked {
		heads[uri] = seq
	}
	return heads
}

// behind counts the devices that have not come to these heads, or know nothing of a
// room of theirs yet.
func (c *Crowd) behind(heads map[string]int64) int {
	n := 0
	for _, p := range c.People {
		if p.isBehind(heads) {
			n++
		}
	}
	return n
}

// await polls until something is so.
func (c *Crowd) await(ctx context.Context, patience time.Duration, is func() bool) error {
	for end := time.Now().Add(patience); ; {
		if is() {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within %v", patience)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Recovered waits until posts are accepted and reach every device within a second
// again, and returns how long that took.
func (c *Crowd) Recovered(ctx context.Context) (time.Duration, error) {
	began, posts := time.Now(), c.Posts()
	for time.Since(began) < patience {
		if err := c.await(ctx, patience, func() bool { return c.Posts() > posts+len(c.Rooms) }); err != nil {
			return 0, fmt.Errorf("posts are not accepted again: %w", err)
		}
		heads := c.heads()
		if c.await(ctx, time.Second, func() bool { return c.behind(heads) == 0 }) == nil {
			return time.Since(began), nil
		}
	}
	return 0, fmt.Errorf("%d devices are behind after %v", c.behind(c.heads()), patience)
}
