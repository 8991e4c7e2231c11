package bus

import (
	"sync"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/telemetry"
)

// The bounds of what waits to be sent. At 4,000 Events a second a ring holds two
// seconds of them; what is older has been found in the Log by every worker.
const (
	ringItems  = 8192    // in one ring
	ringBytes  = 8 << 20 // in one ring
	ringsBytes = 32 << 20
)

// itemBytes is about what an item takes beside its texts.
const itemBytes = 512

// item is one thing to carry: an event or a word.
type item struct {
	event     *chat.Event
	epoch     *string // of the Log that the event is of
	requestID string
	span      *telemetry.Span // nil if the event is not traced

	word any // *chat.Control, *chat.Typing, *chat.Load or *chat.Presence
}

func (i item) bytes() int {
	if i.event != nil {
		return itemBytes + len(i.event.Body) + len(i.requestID)
	}
	if c, ok := i.word.(*chat.Control); ok {
		return itemBytes + 8*len(c.TokenIDs)
	}
	return itemBytes
}

// rings holds what waits to be sent: one ring for each slot, one for control, one
// for what is ephemeral. Putting never waits. A full ring drops its oldest, since
// what is oldest is soonest found in the Log.
type rings struct {
	dropped func(reason string, n int)

	// wake has room for one token. It is there whenever something was put that may
	// not have been seen.
	wake chan struct{}

	// mu guards what follows; only memory is touched under it.
	mu     sync.Mutex
	rings  []ring
	ready  []int // rings that have items, in the order of their turns
	bytes  int
	closed bool
}

// ring is a queue. Items before head were taken.
type ring struct {
	items  []item
	head   int
	bytes  int
	queued bool // it waits for its turn or has it
}

func newRings(n int, dropped func(string, int)) *rings {
	return &rings{
		dropped: dropped,
		wake:    make(chan struct{}, 1),
		rings:   make([]ring, n),
	}
}

// put adds items, each to the ring that place names.
func (r *rings) put(items []item, place func(item) int) {
	r.mu.Lock()
	full, late := 0, 0
	for i := range items {
		if r.closed {
			late++
			continue
		}
		full += r.add(place(items[i]), items[i])
	}
	r.mu.Unlock()
	if full > 0 {
		r.dropped(dropFull, full)
	}
	if late > 0 {
		r.dropped(dropClosed, late)
	}
	r.signal()
}

// add returns how many items it dropped to keep the bounds.
func (r *rings) add(n int, i item) (dropped int) {
	q := &r.rings[n]
	if !q.queued {
		q.queued = true
		r.ready = append(r.ready, n)
	}
	q.push(i)
	r.bytes += i.bytes()
	for q.len() > ringItems || q.bytes > ringBytes || r.bytes > ringsBytes {
		if q.len() == 0 {
			break // others hold all there is
		}
		r.bytes -= q.pop().bytes()
		dropped++
	}
	return dropped
}

// turn returns the ring whose turn it is.
func (r *rings) turn() (n int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.ready) > 0 {
		n, r.ready = r.ready[0], r.ready[1:]
		if r.rings[n].len() > 0 {
			return n, true
		}
		r.rings[n].queued = false
	}
	r.ready = nil
	return 0, false
}

// take takes the oldest item of a ring whose turn it is.
func (r *rings) take(n int) (item, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := &r.rings[n]
	if q.len() == 0 {
		return item{}, false
	}
	i := q.pop()
	r.bytes -= i.bytes()
	return i, true
}

// done ends a ring's turn. If it still has items it waits for another.
func (r *rings) done(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rings[n].len() > 0 {
		r.ready = append(r.ready, n)
		return
	}
	r.rings[n].queued = false
}

// shut refuses what is put from now on.
func (r *rings) shut() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.signal()
}

// drop drops all that waits.
func (r *rings) drop(reason string) {
	r.mu.Lock()
	n := 0
	for i := range r.rings {
		n += r.rings[i].len()
		r.rings[i] = ring{}
	}
	r.ready, r.bytes = nil, 0
	r.mu.Unlock()
	r.dropped(reason, n)
}

func (r *rings) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (q *ring) len() int { return len(q.items) - q.head }

func (q *ring) push(i item) {
	if len(q.items) == cap(q.items) && q.head > len(q.items)/2 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, i)
	q.bytes += i.bytes()
}

func (q *ring) pop() item {
	i := q.items[q.head]
	q.items[q.head] = item{}
	q.head++
	q.bytes -= i.bytes()
	if q.len() == 0 {
		q.reset()
	}
	return i
}

// reset keeps a small buffer and gives a large one back.
func (q *ring) reset() {
	q.items, q.head = q.items[:0], 0
	if cap(q.items) > 256 {
		q.items = nil
	}
}
