package worker

import (
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// Somebody's token may have ended, or a membership, without this process having heard
// of it: a word of the bus may be lost. The probe finds it, unless it fails as well. So
// who could not look does not speak: what is known of tokens is good for leaseTime, and
// so is what is known of who is a member. Nobody gets anything two seconds after they
// lost the right to it, and all are late only while the database does not answer, when
// there is nothing new anyway.
const (
	leaseTime = 1900 * time.Millisecond

	// leasePause is how often those who wait for a lease see whether there is one.
	leasePause = 20 * time.Millisecond
)

// mayDeliver says that the last look at the tokens is not too long ago.
func (h *Hub) mayDeliver() bool { return h.isFresh(time.Duration(h.looked.Load())) }

// isFresh says whether a look that began at an age of the hub still counts.
func (h *Hub) isFresh(began time.Duration) bool { return h.age()-began < leaseTime }

// renew notes that a look has succeeded which began at an age of the hub. If the one
// before was too long ago, what came since is brought out now.
func (h *Hub) renew(began time.Duration) {
	held := !h.mayDeliver()
	h.looked.Store(int64(began))
	if !held {
		return
	}
	w := h.newWave()
	for _, cur := range h.cursors() {
		cur.resume(w)
		w.flush()
	}
}

// awaitLease waits until frames may go out. It reports false if the hub stops.
func (h *Hub) awaitLease() bool {
	for !h.mayDeliver() && h.ctx.Err() == nil {
		h.pause(leasePause)
	}
	return h.ctx.Err() == nil
}

// mayDeliver says that frames may go out: the tokens are known to be good, and there is
// no end of a membership that this cursor has not seen in time. It is called with the
// lock.
func (c *cursor) mayDeliver() bool { return c.hub.mayDeliver() && c.hub.isFresh(c.whole) }

// isHeld is mayDeliver's opposite for those without the lock.
func (c *cursor) isHeld() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.mayDeliver()
}

// resume brings out what was kept aside while there was no lease. It is called without
// the lock.
func (c *cursor) resume(w *wave) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.head != unopened {
		c.fromAside(w)
		c.expect(c.target)
	}
}

// probed tells a cursor the head that the store had after a probe began.
func (c *cursor) probed(head int64, began time.Duration, w *wave) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if head > c.target {
		c.hub.metrics.probeRepairs.Inc()
	}
	c.probedHead, c.probedAt = head, began
	c.noteWhole()
	c.fromAside(w)
	c.expect(head)
}

// noteWhole renews the cursor's lease if it has all that there was at the last probe.
func (c *cursor) noteWhole() {
	if c.head >= c.probedHead {
		c.whole = max(c.whole, c.probedAt)
	}
}

// lookForEnds renews the lease of a cursor that is behind for too long: it looks for
// memberships that have ended in all that the cursor has not read. Those Users get
// nothing more, also not of what comes before.
func (h *Hub) lookForEnds(c *cursor) error {
	began := h.age()
	c.mu.Lock()
	piece := chat.Range{SessionID: c.sessionID, After: c.head, Limit: pageEvents}
	c.mu.Unlock()
	for {
		ctx, cancel := h.deadline()
		events, err := h.store.ReadLog(ctx, []chat.Range{piece}, pageBytes)
		cancel()
		if err != nil {
			return err
		}
		if len(events) == 0 {
			break
		}
		for i := range events {
			if f := frameOf(&events[i]); f.ends != 0 {
				h.exclude(membershipEnd{c, f})
			}
		}
		piece.After += int64(len(events))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.whole = max(c.whole, began)
	return nil
}
