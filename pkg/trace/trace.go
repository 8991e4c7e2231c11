// Package trace remembers of the newest Events when they passed a process, so that
// somebody can ask later where one of them was. It costs two stores under a lock that
// nobody else waits for, and a fixed amount of memory.
package trace

import (
	"hash/maphash"
	"sync"
	"time"
)

// Stage is a place that an Event passes.
type Stage int

const (
	Handed    Stage = iota // to the bus, by the process that committed it
	Published              // sent to the broker
	Confirmed              // by the broker
	Received               // by a worker
	Written                // handed to the sockets of all connections that were live
	stages
)

// slots is how many Events a Ring remembers at most, at 72 bytes each: 2.4 MB. An Event
// takes the place of another one that falls on the same slot, so that of the newest
// thousand about 30 are forgotten.
const slots = 1 << 15

// Marks are when an Event passed; a zero time is for where it did not.
type Marks [stages]time.Time

// Ring remembers. It is safe for concurrent use; a nil Ring remembers nothing.
type Ring struct {
	seed maphash.Seed
	slot [slots]slot
}

type slot struct {
	mu    sync.Mutex // guards all below
	uri   string
	seq   int64
	marks [stages]int64 // in nanoseconds since 1970; 0 for none
}

// New makes a Ring.
func New() *Ring { return &Ring{seed: maphash.MakeSeed()} }

func (r *Ring) at(uri string, seq int64) *slot {
	const golden = 0x9e3779b97f4a7c15 // spreads the seqs of one session over all slots
	return &r.slot[(maphash.String(r.seed, uri)+uint64(seq)*golden)>>(64-15)]
}

// Note notes when an Event passed a Stage. The first time counts.
func (r *Ring) Note(uri string, seq int64, stage Stage, at time.Time) {
	if r == nil {
		return
	}
	s := r.at(uri, seq)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seq != seq || s.uri != uri {
		s.uri, s.seq, s.marks = uri, seq, [stages]int64{}
	}
	if s.marks[stage] == 0 {
		s.marks[stage] = at.UnixNano()
	}
}

// Marks returns when an Event passed, and whether anything is known of it.
func (r *Ring) Marks(uri string, seq int64) (Marks, bool) {
	if r == nil {
		return Marks{}, false
	}
	s := r.at(uri, seq)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seq != seq || s.uri != uri {
		return Marks{}, false
	}
	var marks Marks
	for stage, nanos := range s.marks {
		if nanos != 0 {
			marks[stage] = time.Unix(0, nanos)
		}
	}
	return marks, true
}
