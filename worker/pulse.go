package worker

import (
	"context"
	"time"
)

// silence is how long a peer may give no sign of life.
const silence = 3 * heartbeat

// pulseLoop pings each connection once every heartbeat, a share of them each
// second, and drops those that have been silent for too long.
func (h *Hub) pulseLoop(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for beat := 0; ; beat = (beat + 1) % beats {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		h.pulse(h.age(), beat)
	}
}

// pulse is one second of pulseLoop.
func (h *Hub) pulse(age time.Duration, beat int) {
	for _, c := range h.all() {
		switch {
		case age-time.Duration(c.lastSeen.Load()) > silence:
			c.drop()
		case c.beat() == beat:
			c.socket.offer(wire{0x89, 0}) // a ping without content; RFC 6455, section 5.5.2
			c.socket.flush()
		}
	}
}

// beats is how many shares the connections are pinged in, one a second.
const beats = int(heartbeat / time.Second)

// beat is the share that a connection belongs to.
func (c *Connection) beat() int { return int(c.opened.UnixNano()/int64(time.Millisecond)) % beats }

// drop ends a connection whose peer is gone: there is nobody to tell.
func (c *Connection) drop() {
	if c.closing.CompareAndSwap(0, 1006) {
		c.hub.metrics.closed(1006)
	}
	c.socket.abort()
}
