package worker

import (
	"slices"
	"sync"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/telemetry"
)

// asideFrames bounds the frames of one Session that came before their predecessors.
// What does not fit is read from the Log.
const asideFrames = 64

// unopened is the head of a cursor that does not know it yet.
const unopened = -1

// frame is an Event as cursors handle it.
type frame struct {
	seq       int64
	kind      chat.EventType
	ends      int64 // the User whose membership it ends, 0 if none
	committed time.Time
	received  time.Time       // zero: it was read from the log
	trace     *telemetry.Mark // where its trace goes on; nil if it is not traced
	wire      wire
}

func frameOf(e *chat.Event) frame {
	return frame{
		seq:       e.Seq,
		kind:      e.Type,
		ends:      e.Ends(),
		committed: e.CreatedAt,
		wire:      newWire(chat.EventFrame(e)),
	}
}

// cursor is one Session that somebody on this process watches: how far its Log is
// known here, and who is waiting at that point. It decides about every frame: the
// next one is delivered, a lower one is dropped, a higher one is kept aside until
// the hole before it is filled from the bus or from the Log.
type cursor struct {
	hub *Hub
	uri string

	watchers int // guarded by the hub's lock, not by mu

	mu        sync.Mutex // guards all below; taken before a connection's
	sessionID int64
	head      int64 // the highest seq without a hole before it
	target    int64 // the highest seq that is known to exist
	aside     map[int64]frame
	ring      ring
	live      []*subscription
	mending   bool          // it is in the hub's list of holes
	holeSince time.Duration // the hub's age when the hole was found; 0 while there is none
	over      bool          // nothing is kept or delivered any more
	typed     window

	// The last probe: the head that it found and the hub's age when it began.
	probedHead int64
	probedAt   time.Duration

	// whole is the hub's age at which the cursor is known to have had all there was.
	whole time.Duration
}

// open tells a cursor which Session it is and how long its Log is at least, by a look
// that began at an age of the hub. It is called for every subscription, so that a
// longer Log is noticed.
func (c *cursor) open(sessionID, head int64, began time.Duration, w *wave) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessionID = sessionID
	if c.head == unopened {
		c.head, c.whole = head, began
		c.fromAside(w)
	}
	c.expect(head)
}

// accept takes one frame, from the bus or from the Log.
func (c *cursor) accept(f frame, w *wave) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.head == unopened:
		c.keep(f)
	case f.seq <= c.head:
		c.hub.metrics.duplicates.Inc()
	case f.seq == c.head+1 && c.mayDeliver():
		c.advance(f, w)
		c.fromAside(w)
	default:
		c.keep(f)
		c.expect(f.seq)
	}
}

// keep puts a frame aside that is not due yet.
func (c *cursor) keep(f frame) {
	c.target = max(c.target, f.seq)
	if c.aside == nil {
		c.aside = map[int64]frame{}
	}
	if _, there := c.aside[f.seq]; !there && !c.over && len(c.aside) < asideFrames && c.hub.budget.take(f) {
		c.aside[f.seq] = f
	}
}

// unkeep takes a frame from those that were put aside.
func (c *cursor) unkeep(f frame) {
	delete(c.aside, f.seq)
	c.hub.budget.give(f.size())
}

// fromAside delivers what has become due, and drops what no longer will.
func (c *cursor) fromAside(w *wave) {
	if len(c.aside) == 0 {
		return
	}
	for seq, f := range c.aside {
		if seq <= c.head {
			c.unkeep(f)
		}
	}
	for c.mayDeliver() {
		f, due := c.aside[c.head+1]
		if !due {
			return
		}
		c.unkeep(f)
		c.advance(f, w)
	}
}

// expect notes that the Log reaches seq. If this cursor is behind there is a hole.
func (c *cursor) expect(seq int64) {
	c.target = max(c.target, seq)
	if c.head != unopened && c.target > c.head && !c.mending && !c.over {
		c.mending, c.holeSince = true, c.hub.age()
		c.hub.mend(c)
	}
}

// advance delivers the next frame to everybody who is live. A connection that has
// no room for it falls behind and catches up from the ring or from the Log.
func (c *cursor) advance(f frame, w *wave) {
	c.head = f.seq
	c.noteWhole()
	if !c.over {
		c.ring.push(f)
	}
	if f.ends != 0 {
		w.ends(c, f)
	}
	delivered := 0
	for i := 0; i < len(c.live); {
		s := c.live[i]
		switch s.take(f) {
		case taken:
			w.touch(s.conn)
			delivered++
			i++
		case passed:
			i++
		case behind:
			c.dropLive(i)
			s.conn.lag(s)
		case ended:
			c.dropLive(i)
			w.touch(s.conn)
			w.forget(s)
		}
	}
	w.delivered(c.uri, f, delivered)
}

// dropLive removes the i-th live subscription; the last one takes its place.
func (c *cursor) dropLive(i int) {
	last := len(c.live) - 1
	c.live[i] = c.live[last]
	c.live[last] = nil
	c.live = c.live[:last]
}

// covered returns the frames after pos if the ring has all of them. It is called
// with the lock.
func (c *cursor) covered(pos int64) ([]frame, bool) {
	missing := c.head - pos
	if missing <= 0 {
		return nil, true // also beyond the head: read from the Log before the bus brought it
	}
	return c.ring.last(missing)
}

// end gives up all that is kept for a Session, and delivers nothing more.
func (c *cursor) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.live = nil
	c.ring.clear()
	for _, f := range c.aside {
		c.unkeep(f)
	}
}

// hole returns the piece of the Log that is missing, if any is.
func (c *cursor) hole() (chat.Range, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.target <= c.head || c.head == unopened {
		c.mending, c.holeSince = false, 0
		return chat.Range{}, false
	}
	return chat.Range{SessionID: c.sessionID, After: c.head, Limit: ringFrames}, true
}

// leave takes a subscription out of the live ones.
func (c *cursor) leave(s *subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.over = true
	c.drop(s)
}

// drop is dropLive for a subscription that may be live.
func (c *cursor) drop(s *subscription) {
	if i := slices.Index(c.live, s); i >= 0 {
		c.dropLive(i)
	}
}
