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
	beats := int(heartbeat / time.Second)
	for beat := 0; ; beat = (beat + 1) % beats {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		for _, c := range h.all() {
			switch {
			case now.Sub(time.Unix(0, c.lastSeen.Load())) > silence:
				c.drop()
			case c.beat()%beats == beat:
				c.socket.offer(wire{0x89, 0}) // a ping without content; RFC 6455, section 5.5.2
				c.socket.flush()
			}
		}
	}
}

// beat spreads the connections over the seconds of a heartbeat.
func (c *Connection) beat() int { return int(c.opened.UnixNano() / int64(time.Millisecond) % 1000) }

// drop ends a connection whose peer is gone: there is nobody to tell.
func (c *Connection) drop() {
	if c.closing.CompareAndSwap(0, 1006) {
		c.hub.metrics.closed(1006)
	}
	_ = c.socket.Conn.Close()
}
