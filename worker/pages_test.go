package worker

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
)

// gatedLog lets reads of pages pass only when its gate is open, and counts them.
type gatedLog struct {
	Log
	gate  chan struct{}
	reads atomic.Int64
}

func (l *gatedLog) ReadLog(ctx context.Context, ranges []chat.Range, maxBytes int) ([]chat.Event, error) {
	l.reads.Add(1)
	select {
	case <-l.gate:
	case <-ctx.Done():
		return nil, ctx.Err()
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
	log := &gatedLog{Log: s.worker.hub.store, gate: make(chan struct{})}
	s.worker.hub.store = log // before anybody reads
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
	if n := log.reads.Load(); n != 1 {
		t.Errorf("%d reads for one page", n)
	}
	close(log.gate)
	for _, d := range devices {
		d.wantEvents(t, room, 1, events)
		d.want(t, map[string]any{"type": "caught_up", "uri": room})
	}
	eventually(t, "every page was given back", func() bool { return len(s.worker.hub.pages.room) == 0 })
}
