package worker

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
)

// gatedLog is a Log whose reads of events can be held up.
type gatedLog struct {
	Log
	gate    atomic.Pointer[chan struct{}] // nil: open
	waiting atomic.Int64                  // reads that came while it was shut
}

// shut holds reads up until open is called.
func (l *gatedLog) shut() (open func()) {
	gate := make(chan struct{})
	l.waiting.Store(0)
	l.gate.Store(&gate)
	return sync.OnceFunc(func() {
		l.gate.Store(nil)
		close(gate)
	})
}

func (l *gatedLog) ReadLog(ctx context.Context, ranges []chat.Range, maxBytes int) ([]chat.Event, error) {
	if gate := l.gate.Load(); gate != nil {
		l.waiting.Add(1)
		select {
		case <-*gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return l.Log.ReadLog(ctx, ranges, maxBytes)
}

func TestPagesAreShared(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://", "CHATIRE_RATE_LIMIT=off")
	ada := s.signUp(t, "ada")
	room := s.room(t, ada)
	const events = pageEvents + 50
	for range events - 1 {
		s.post(t, ada, room, "text")
	}
	open := s.log.shut()
	defer open()
	devices := make([]*device, 20)
	for i := range devices {
		devices[i] = s.connect(t, ada)
		devices[i].subscribe(t, room, 0)
		devices[i].want(t, map[string]any{"type": "subscribed"})
	}
	eventually(t, "all wait for the page", func() bool {
		s.worker.hub.pages.mu.Lock()
		defer s.worker.hub.pages.mu.Unlock()
		for _, pg := range s.worker.hub.pages.reading {
			return pg.holders == len(devices)
		}
		return false
	})
	if n := s.log.waiting.Load(); n != 1 {
		t.Errorf("%d reads for one page", n)
	}
	open()
	for _, d := range devices {
		d.wantEvents(t, room, 1, events)
		d.want(t, map[string]any{"type": "caught_up", "uri": room})
	}
	eventually(t, "every page was given back", func() bool { return len(s.worker.hub.pages.room) == 0 })
}
