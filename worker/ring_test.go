package worker

import (
	"fmt"
	"testing"
	"time"
)

func ringFrame(seq int64, size int) frame {
	return frame{seq: seq, wire: make(wire, size)}
}

func TestRing(t *testing.T) {
	t.Run("keeps the newest, within its bounds", func(t *testing.T) {
		for _, size := range []int{10, 2000, 40 << 10, 200 << 10} {
			r := ring{budget: &budget{most: keptBytes}}
			for seq := int64(1); seq <= 200; seq++ {
				r.push(ringFrame(seq, size))
			}
			n := int64(len(r.frames))
			if n == 0 || n > ringFrames || n > 1 && r.bytes > ringBytes {
				t.Fatalf("of %d bytes each it keeps %d frames, %d bytes", size, n, r.bytes)
			}
			last, ok := r.last(n)
			if !ok || last[0].seq != 200-n+1 || last[n-1].seq != 200 {
				t.Errorf("it keeps %v", last)
			}
			if _, ok := r.last(n + 1); ok {
				t.Error("it has more than it has")
			}
			if r.bytes != r.budget.kept.Load() {
				t.Errorf("it holds %d bytes, %d are counted", r.bytes, r.budget.kept.Load())
			}
		}
	})
	t.Run("shares a budget with all others", func(t *testing.T) {
		b := budget{most: keptBytes}
		rings := make([]ring, 2000)
		for seq := int64(1); seq <= ringFrames; seq++ {
			for i := range rings {
				rings[i].budget = &b
				rings[i].push(ringFrame(seq, 1000))
			}
		}
		if kept := b.kept.Load(); kept > keptBytes || kept < keptBytes/2 {
			t.Fatalf("%d bytes are kept", kept)
		}
		for i := range rings {
			if n := len(rings[i].frames); n > 0 && rings[i].frames[n-1].seq != ringFrames {
				t.Fatalf("a ring ends at %d", rings[i].frames[n-1].seq)
			}
			rings[i].pushed = rings[i].pushed.Add(-ringIdle - time.Second)
			rings[i].clearIdle()
		}
		if kept := b.kept.Load(); kept != 0 {
			t.Errorf("%d bytes are still counted", kept)
		}
	})
}

// TestNothingIsKeptForNobody sees that what a cursor keeps goes with it, also what
// comes after that.
func TestNothingIsKeptForNobody(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://", "CHATIRE_RATE_LIMIT=off")
	ada := s.signUp(t, "ada")
	room := s.room(t, ada)
	d := s.connect(t, ada)
	d.live(t, room)
	hub := s.worker.hub
	cur := hub.watched(room)
	s.post(t, ada, room, "one")
	d.wantEvents(t, room, 2, 2)
	w := hub.newWave()
	cur.accept(frame{seq: 50, wire: newWire([]byte("beyond a hole"))}, w)
	if kept := hub.budget.kept.Load(); kept == 0 {
		t.Fatal("nothing was kept")
	}
	d.send(t, map[string]any{"type": "unsubscribe", "uri": room})
	d.want(t, map[string]any{"type": "unsubscribed"})
	for seq := range int64(100) {
		cur.accept(frame{seq: seq, wire: newWire([]byte(fmt.Sprint(seq)))}, w)
	}
	w.flush()
	if kept := hub.budget.kept.Load(); kept != 0 {
		t.Errorf("%d bytes are kept for nobody", kept)
	}
}
