package worker

import (
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestAdmission(t *testing.T) {
	now := time.Now()
	t.Run("sends those who come together back one behind the other", func(t *testing.T) {
		a := newAdmission(1_000_000, limit{on: true, count: 100, window: time.Second})
		var waits []time.Duration
		for range 1100 {
			if wait, ok := a.enter(0, now); !ok {
				waits = append(waits, wait)
			}
		}
		if len(waits) != 1000 || !slices.IsSorted(waits) {
			t.Fatalf("%d were refused, in order: %v", len(waits), slices.IsSorted(waits))
		}
		// All of them find a place when they return, as fast as the limit allows.
		taken := 0
		for _, wait := range waits {
			if _, ok := a.enter(0, now.Add(wait)); ok {
				taken++
			}
		}
		if last := waits[len(waits)-1]; taken != len(waits) || last > 12*time.Second {
			t.Errorf("%d of %d found a place, the last after %v", taken, len(waits), last)
		}
	})
	t.Run("bounds the wait", func(t *testing.T) {
		a := newAdmission(1_000_000, limit{on: true, count: 1, window: time.Second})
		for range 1000 {
			if wait, ok := a.enter(0, now); !ok && (wait < returnLeast || wait > returnMost) {
				t.Fatalf("told to wait %v", wait)
			}
		}
	})
	t.Run("takes no more than the most", func(t *testing.T) {
		a := newAdmission(2, limit{})
		for open := range 4 {
			wait, ok := a.enter(open, now)
			if ok != (open < 2) || !ok && wait < returnLeast {
				t.Errorf("beside %d: %v, %v", open, wait, ok)
			}
		}
	})
}

func TestFullWorker(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://", "CHATIRE_MAX_CONNECTIONS=2", "CHATIRE_RATE_LIMIT=off")
	ada := s.signUp(t, "ada")
	first, second := s.connect(t, ada), s.connect(t, ada)
	for range 3 {
		d, _ := s.dial(t)
		c := d.wantClosed(t, closeFull)
		if ms, err := strconv.Atoi(c.reason); err != nil || ms < 1000 || ms > 30_000 {
			t.Errorf("the reason is %q", c.reason)
		}
	}
	first.ws.WriteClose(1000, nil)
	eventually(t, "there is a place again", func() bool {
		s.worker.hub.mu.Lock()
		defer s.worker.hub.mu.Unlock()
		return len(s.worker.hub.conns) == 1
	})
	s.connect(t, ada)
	second.quiet(t)
}
