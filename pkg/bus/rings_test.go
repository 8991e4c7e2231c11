package bus

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/chatire/chatire/pkg/chat"
)

// counted is a set of rings that notes what it dropped.
func counted(n int) (*rings, map[string]int) {
	dropped := map[string]int{}
	return newRings(n, func(reason string, n int) { dropped[reason] += n }), dropped
}

// newStillBus returns a Bus of one slot that sends nothing by itself.
func newStillBus() *Bus {
	b := &Bus{slots: 1, sealer: testSealer(), metrics: newMetrics(prometheus.NewRegistry())}
	b.rings = newRings(3, b.metrics.dropped)
	b.epoch.Store(new(string))
	return b
}

func to(n int) func(item) int { return func(item) int { return n } }

func TestRings(t *testing.T) {
	t.Run("drop the oldest beyond their count", func(t *testing.T) {
		r, dropped := counted(1)
		for seq := range int64(ringItems + 10) {
			r.put([]item{eventItem(seq)}, to(0))
		}
		if dropped[dropFull] != 10 {
			t.Errorf("dropped %v", dropped)
		}
		n, _ := r.turn()
		for want := int64(10); ; want++ {
			i, ok := r.take(n)
			if !ok {
				if want != ringItems+10 {
					t.Errorf("ended before %d", want)
				}
				break
			}
			if i.event.Seq != want {
				t.Fatalf("took %d, want %d", i.event.Seq, want)
			}
		}
	})

	t.Run("drop the oldest beyond their bytes", func(t *testing.T) {
		r, dropped := counted(1)
		big := eventItem(1)
		big.event.Body = strings.Repeat("x", 1<<20)
		for range 20 {
			r.put([]item{big}, to(0))
		}
		if r.bytes > ringBytes || r.bytes < ringBytes-2<<20 || dropped[dropFull] == 0 {
			t.Errorf("hold %d bytes, dropped %v", r.bytes, dropped)
		}
	})

	t.Run("hold a bounded amount together", func(t *testing.T) {
		r, dropped := counted(100)
		big := eventItem(1)
		big.event.Body = strings.Repeat("x", 1<<20)
		for n := range 100 {
			for range 8 {
				r.put([]item{big}, to(n))
			}
		}
		if r.bytes > ringsBytes || dropped[dropFull] == 0 {
			t.Errorf("hold %d bytes, dropped %v", r.bytes, dropped)
		}
	})

	t.Run("take turns", func(t *testing.T) {
		r, _ := counted(3)
		for n := range 3 {
			r.put([]item{eventItem(1), eventItem(2)}, to(n))
		}
		var turns []int
		for range 6 {
			n, ok := r.turn()
			if !ok {
				break
			}
			r.take(n)
			r.done(n)
			turns = append(turns, n)
		}
		want := []int{0, 1, 2, 0, 1, 2}
		for i := range want {
			if len(turns) != 6 || turns[i] != want[i] {
				t.Fatalf("turns %v", turns)
			}
		}
		if _, ok := r.turn(); ok {
			t.Error("an empty ring has a turn")
		}
	})

	t.Run("forget what they gave away", func(t *testing.T) {
		r, _ := counted(1)
		r.put(make([]item, 1000), to(0))
		n, _ := r.turn()
		for range 1000 {
			r.take(n)
		}
		if r.bytes != 0 || r.rings[0].bytes != 0 || cap(r.rings[0].items) > 256 {
			t.Errorf("%d bytes, room for %d", r.bytes, cap(r.rings[0].items))
		}
	})

	t.Run("count what comes too late", func(t *testing.T) {
		r, dropped := counted(1)
		r.shut()
		r.put([]item{eventItem(1)}, to(0))
		if dropped[dropClosed] != 1 {
			t.Errorf("dropped %v", dropped)
		}
	})
}

// TestBatchesAreBounded packs Events of many sizes.
func TestBatchesAreBounded(t *testing.T) {
	b := newStillBus()
	var events []chat.Event
	for seq := range int64(3000) {
		e := *eventItem(seq + 1).event
		e.Body = strings.Repeat("x", int(seq%97)*20)
		if seq%500 == 499 {
			e.Body = strings.Repeat("y", 2*packBytes)
		}
		events = append(events, e)
	}
	b.PublishEvents(events, nil)
	batches := newBatcher(b)
	next, packs := int64(1), 0
	for {
		p, ok := batches.next()
		if !ok {
			break
		}
		packs++
		if len(p.body) > packBytes && p.items > 1 {
			t.Errorf("%d bytes hold %d events", len(p.body), p.items)
		}
		got, err := decodePack(b.sealer, p.body)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range got.Events {
			if c.Seq != next {
				t.Fatalf("event %d follows %d", c.Seq, next-1)
			}
			next++
		}
	}
	if next != 3001 {
		t.Errorf("packed up to %d", next-1)
	}
	if packs > 100 {
		t.Errorf("%d packs are too many", packs)
	}
	if len(b.rings.ready) != 0 || b.rings.rings[0].queued {
		t.Error("the empty ring still waits for a turn")
	}
}

func TestEventsOfAnotherLogAreDropped(t *testing.T) {
	b := newStillBus()
	b.SetEpoch("old")
	event := func(seq int64, size int) chat.Event {
		return chat.Event{URI: "0123456789abcde", Seq: seq, Type: chat.EventMessage, Body: strings.Repeat("x", size)}
	}
	// The second is too large for the pack of the first, and is held back.
	b.PublishEvents([]chat.Event{event(1, 40<<10), event(2, 40<<10), event(3, 10)}, nil)
	batches := newBatcher(b)
	sent := func() (p Pack) {
		if batch, ok := batches.next(); ok {
			var err error
			if p, err = decodePack(b.sealer, batch.body); err != nil {
				t.Fatal(err)
			}
		}
		return p
	}
	if p := sent(); p.Epoch != "old" || len(p.Events) != 1 || p.Events[0].Seq != 1 {
		t.Fatalf("sent %+v", p)
	}
	b.SetEpoch("new")
	b.PublishEvents([]chat.Event{event(2, 10)}, nil)
	b.PublishControl(chat.Control{Kind: chat.ControlNotice})
	p := sent()
	if p.Epoch != "new" || len(p.Events) != 1 || p.Events[0].Seq != 2 || len(p.Events[0].Frame) > 1000 {
		t.Errorf("sent %d events of %q", len(p.Events), p.Epoch)
	}
	if dropped := testutil.ToFloat64(b.metrics.droppedBy.WithLabelValues(dropEpoch)); dropped != 2 {
		t.Errorf("%v were dropped", dropped)
	}
	if p := sent(); len(p.Controls) != 1 {
		t.Errorf("the control did not come: %+v", p)
	}
}
