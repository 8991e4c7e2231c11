package worker

import (
	"runtime"
	"sync"
	"time"

	"github.com/chatire/chatire/pkg/trace"
)

// splitAt is how many connections one goroutine writes to before others help.
const splitAt = 128

// wave is the connections that got something and must be flushed, and what is to be
// measured once they are. Frames of one wave for one connection leave in one write.
type wave struct {
	hub     *Hub
	conns   []*Connection
	seen    map[*Connection]struct{}
	measure []measured
	over    []*subscription
	ended   []membershipEnd
}

type measured struct {
	uri   string
	frame frame
	count int
}

func (h *Hub) newWave() *wave { return &wave{hub: h} }

// touch notes a connection that must be flushed.
func (w *wave) touch(c *Connection) {
	if w.seen == nil {
		w.seen = map[*Connection]struct{}{}
	}
	if _, there := w.seen[c]; !there {
		w.seen[c] = struct{}{}
		w.conns = append(w.conns, c)
	}
}

// delivered notes that a frame went to so many connections at once.
func (w *wave) delivered(uri string, f frame, count int) {
	if count > 0 {
		w.measure = append(w.measure, measured{uri, f, count})
	}
}

// forget notes a subscription that is over. Its connection lets go of it, and maybe
// of its cursor, when the cursor's lock is no longer held.
func (w *wave) forget(s *subscription) { w.over = append(w.over, s) }

// ends notes that somebody is no member any more. Those of their subscriptions that
// are behind end as well, before they reach that frame.
func (w *wave) ends(c *cursor, f frame) { w.ended = append(w.ended, membershipEnd{c, f}) }

// flush writes to all connections of the wave.
func (w *wave) flush() {
	if len(w.conns) < splitAt {
		flushAll(w.conns)
	} else {
		w.flushInParallel()
	}
	now := time.Now()
	for _, m := range w.measure {
		w.hub.metrics.delivered(m.frame, m.count, now, w.hub.databaseTime(now))
		w.hub.trace.Note(m.uri, m.frame.seq, trace.Written, now)
		w.hub.tracer.Deliver(m.frame.trace, m.count, now)
	}
	for _, end := range w.ended {
		w.hub.exclude(end)
	}
	for _, s := range w.over {
		s.conn.forget(s)
	}
	clear(w.seen)
	clear(w.conns)
	clear(w.measure)
	clear(w.over)
	clear(w.ended)
	w.conns, w.measure, w.over, w.ended = w.conns[:0], w.measure[:0], w.over[:0], w.ended[:0]
}

func flushAll(conns []*Connection) {
	for _, c := range conns {
		c.socket.flush()
	}
}

func (w *wave) flushInParallel() {
	n := runtime.GOMAXPROCS(0)
	size := (len(w.conns) + n - 1) / n
	var parts sync.WaitGroup
	for begin := 0; begin < len(w.conns); begin += size {
		part := w.conns[begin:min(begin+size, len(w.conns))]
		parts.Go(func() { flushAll(part) })
	}
	parts.Wait()
}
