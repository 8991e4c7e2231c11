package worker

import (
	"context"
	"time"
)

const (
	// drainRate is how many connections a second are sent elsewhere when this
	// process stops: what the others take in without trouble.
	drainRate = 100

	// drainMost bounds the time that it takes.
	drainMost = 30 * time.Second

	// closeWait is how long connections have to see their close.
	closeWait = 2 * time.Second
)

// drain sends every connection elsewhere: each is told when to come back, evenly
// spread, and is closed then with 1012. Until then it gets its frames.
func (h *Hub) drain() {
	conns := h.all()
	spread := min(drainMost, time.Duration(len(conns))*time.Second/drainRate)
	h.metrics.draining.Set(1)
	begin := time.Now()
	h.mu.Lock()
	h.draining = true
	for i, c := range conns {
		h.hints[c] = begin.Add(spread * time.Duration(i+1) / time.Duration(len(conns)))
	}
	h.mu.Unlock()
	for _, c := range conns {
		if hint, ok := h.drainHint(c); ok && c.greeted.Load() {
			c.socket.offer(encode(drainFrame{"drain", hint.Milliseconds()}))
			c.socket.flush()
		}
	}
	h.closeInTurn()
}

// drainHint returns how long until a connection is to come back elsewhere. One that
// has not signed in yet is told when it does.
func (h *Hub) drainHint(c *Connection) (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, ok := h.hints[c]
	return max(time.Until(at), 0), h.draining && ok
}

// isDraining says that no new connection is taken.
func (h *Hub) isDraining() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.draining
}

// closeInTurn closes each connection at its time and returns when all have gone.
func (h *Hub) closeInTurn() {
	ctx, cancel := context.WithTimeout(h.ctx, drainMost+closeWait)
	defer cancel()
	for {
		conns := h.all()
		if len(conns) == 0 {
			return
		}
		for _, c := range conns {
			if left, _ := h.drainHint(c); left == 0 { // also one that came too late for a hint
				c.close(closeRestart, "")
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			for _, c := range h.all() {
				c.drop()
			}
			return
		}
	}
}
