package store_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
)

// watched is the appender of one process, and what it published.
type watched struct {
	*chat.Appender
	end func()

	mu        sync.Mutex // guards published
	published []chat.Event
}

// PublishEvents implements chat.Publisher.
func (a *watched) PublishEvents(events []chat.Event, _ []chat.Cause) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.published = append(a.published, events...)
}

// PublishControl implements chat.Publisher.
func (*watched) PublishControl(chat.Control) {}

func (w *world) startAppender(t *testing.T, process *store.Store) *watched {
	t.Helper()
	a := &watched{}
	a.Appender = chat.NewAppender(process, a, prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	a.end = func() {
		cancel()
		running.Wait()
	}
	w.appenders = append(w.appenders, a)
	return a
}

// postOne posts through an appender until ctx ends, as requests do.
func (w *world) postOne(ctx context.Context, appender *watched, random *rand.Rand) {
	var last chat.Draft
	for ctx.Err() == nil {
		d := w.draft(random)
		if last.ClientID != nil && random.IntN(4) == 0 {
			d = last
		}
		last = d
		c := call{asked: w.clock.Add(1), drafts: []chat.Draft{d}}
		outcome, err := appender.Post(context.Background(), d, chat.Event{SessionID: d.SessionID, Body: d.Body})
		c.answered = w.clock.Add(1)
		if err == nil {
			c.outcomes = []chat.Outcome{outcome}
		}
		_, c.aborted = errors.AsType[*chat.Aborted](err)
		w.note(c, err)
	}
}

// checkPublished holds what a process published against the log: each message
// once, and those of a room in the order of their seqs.
func (c *checker) checkPublished(a *watched) {
	heads := map[int64]int64{}
	for _, e := range a.published {
		if e.Seq <= heads[e.SessionID] {
			c.Errorf("room %d: seq %d was published after %d", e.SessionID, e.Seq, heads[e.SessionID])
		}
		heads[e.SessionID] = e.Seq
		r := c.rows[place{e.SessionID, e.Seq}]
		if r == nil || r.kind != chat.EventMessage || r.ordinal != e.Ordinal || r.rev == r.seq && r.body != e.Body {
			c.Errorf("published %+v of the row %+v", e, r)
		}
	}
	if len(a.published) == 0 {
		c.Error("the run proves nothing about what is published")
	}
}
