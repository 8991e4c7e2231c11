package worker

import (
	"context"
	"time"
)

const (
	// drainRate is how many connections a second are sent elsewhere when this
	// process stops: what the others take in without trouble.
	drainRate = 100

	// closeWait is how long connections have to see their close.
	closeWait = 2 * time.Second
)

// drain sends every connection elsewhere, and returns when all have gone. Until its
// turn comes each gets its frames.
func (h *Hub) drain() {
	h.draining.Store(true)
	h.metrics.draining.Set(1)
	conns := h.all()
	h.sendAway(conns, min(h.drainSpread, time.Duration(len(conns))*time.Second/drainRate))
	h.closeRest()
}

// sendAway has connections come back elsewhere: each is told when, evenly over
// spread, and is closed then with 1012. It returns when all were.
func (h *Hub) sendAway(conns []*Connection, spread time.Duration) {
	begin := time.Now()
	for i, c := range conns {
		c.returnAt(begin.Add(spread * time.Duration(i+1) / time.Duration(len(conns))))
	}
	for i, c := range conns {
		h.pause(time.Until(begin.Add(spread * time.Duration(i+1) / time.Duration(len(conns)))))
		c.close(closeRestart, "")
	}
}

// returnAt tells the client when to come back. One that has not signed in yet is
// told when it has: see tellReturn.
func (c *Connection) returnAt(at time.Time) {
	c.returns.Store(int64(at.Sub(c.hub.began)))
	if c.greeted.Load() {
		c.tellReturn()
	}
}

// tellReturn tells the client when to come back, if it is to.
func (c *Connection) tellReturn() {
	if at := c.returns.Load(); at != 0 {
		left := max(time.Duration(at)-c.hub.age(), 0)
		if drain := encode(drainFrame{"drain", left.Milliseconds()}); c.socket.offer(drain) {
			c.hub.metrics.sent(typeDrain, 1, len(drain))
		}
		c.socket.flush()
	}
}

// closeRest closes those that came while the others went, and waits until nobody
// is left. Who does not go is dropped.
func (h *Hub) closeRest() {
	ctx, cancel := context.WithTimeout(h.ctx, closeWait)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conns := h.all()
		if len(conns) == 0 {
			return
		}
		closeAll(conns, closeRestart, "")
		select {
		case <-tick.C:
		case <-ctx.Done():
			for _, c := range h.all() {
				c.drop()
			}
			return
		}
	}
}
