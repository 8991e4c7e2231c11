package chat

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bounds of the appender.
const (
	// maxBatch and maxBatchBytes bound one transaction, so that its statements
	// leave in one network write and a process that is stopped holds no locks.
	maxBatch      = 64
	maxBatchBytes = 64 << 10

	// maxWaiting bounds the posts that wait in one lane. More are refused as
	// Unavailable: a queue that long would take longer than anybody waits.
	maxWaiting = 4096

	// appendTimeout bounds one transaction, and postTimeout how long a poster
	// waits in all: within two seconds everybody has an answer.
	appendTimeout = 1500 * time.Millisecond
	postTimeout   = 1900 * time.Millisecond

	// setAside is how long a Session that somebody else has locked is kept apart, and
	// maxAside bounds how many are.
	setAside = 5 * time.Second
	maxAside = 4096
)

// Appender stores Messages by group commit: the posts that arrive while a commit
// is under way wait for it and then go together in the next one. There is no
// timer, so a lone post waits for nobody.
//
// Each post is answered after its commit, and the Messages are handed to the
// publisher after that. Posts with the same author, Session, ClientID and text
// that are in the appender together are one draft and share its outcome.
//
// One commit is under way at a time, since two that share the work cost more than
// one that does it all. The exception is a Session that another process has locked:
// waiting for it would hold up all others, so for some seconds its posts take a lane
// aside.
type Appender struct {
	store     LogStore
	publisher Publisher
	tracer    Tracer // nil traces nothing
	usual     *lane
	aside     *lane
	joined    prometheus.Counter

	mu     sync.Mutex          // guards locked
	locked map[int64]time.Time // Sessions that take the lane aside, and until when
}

// NewAppender makes an Appender that stores nothing until Run runs.
func NewAppender(store LogStore, publisher Publisher, metrics prometheus.Registerer) *Appender {
	a := &Appender{
		store:     store,
		publisher: publisher,
		usual:     newLane(),
		aside:     newLane(),
		locked:    map[int64]time.Time{},
		joined: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatire_posts_joined_total",
			Help: "Posts that shared the outcome of an equal post under way.",
		}),
	}
	metrics.MustRegister(a.joined)
	return a
}

// Run stores posts until ctx ends, then what is still waiting, and returns.
func (a *Appender) Run(ctx context.Context) error {
	var lanes sync.WaitGroup
	for _, l := range []*lane{a.usual, a.aside} {
		lanes.Go(func() { a.runLane(ctx, l) })
	}
	lanes.Wait()
	return nil
}

// Post stores a draft and returns its outcome. The Event is what to publish if it
// was stored, with the numbers of the outcome. An error means that the outcome is
// not known.
func (a *Appender) Post(ctx context.Context, d Draft, e Event) (Outcome, error) {
	l := a.laneOf(d.SessionID)
	cause, traced := a.trace(CauseOf(ctx))
	p, joined, err := l.add(d, e, cause)
	if err != nil {
		traced(0, err)
		return Outcome{}, err
	}
	if joined {
		a.joined.Inc()
	}
	timeout := time.NewTimer(postTimeout)
	defer timeout.Stop()
	select {
	case <-p.done:
	case <-timeout.C:
		traced(0, ErrUnavailable)
		return Outcome{}, ErrUnavailable
	}
	traced(p.batch, p.err)
	outcome := p.outcome
	if joined && outcome.Verdict == Stored {
		outcome.Verdict = Known
	}
	return outcome, p.err
}

// trace begins the span of a post, if it is traced, and puts it before what comes of
// the post. end ends it.
func (a *Appender) trace(c Cause) (own Cause, end func(batch int, err error)) {
	if c.Trace == nil || a.tracer == nil {
		return c, func(int, error) {}
	}
	span, end := a.tracer.Append(*c.Trace)
	c.Trace = &span
	return c, end
}

// laneOf returns the lane that posts to a Session take now.
func (a *Appender) laneOf(sessionID int64) *lane {
	a.mu.Lock()
	defer a.mu.Unlock()
	until, locked := a.locked[sessionID]
	if !locked {
		return a.usual
	}
	if time.Now().After(until) {
		delete(a.locked, sessionID)
		return a.usual
	}
	return a.aside
}

// keepAside has posts to a Session take the lane aside for a while.
func (a *Appender) keepAside(sessionID int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if len(a.locked) >= maxAside {
		maps.DeleteFunc(a.locked, func(_ int64, until time.Time) bool { return now.After(until) })
	}
	if len(a.locked) < maxAside {
		a.locked[sessionID] = now.Add(setAside)
	}
}

// runLane commits one batch after another.
func (a *Appender) runLane(ctx context.Context, l *lane) {
	for {
		select {
		case <-l.wake:
		case <-ctx.Done():
		}
		ending := ctx.Err() != nil
		if ending {
			l.close() // before the last look, so that nobody is left waiting
		}
		for batch := l.take(); len(batch) > 0; batch = l.take() {
			a.commit(l, batch)
		}
		if ending {
			return
		}
	}
}

// commit stores a batch. One that was aborted, by a lock that somebody holds or by
// one bad draft, is tried again session by session, so that one Session cannot
// hold up the others: one that fails alone is kept aside. After an ambiguous end
// nothing is tried again.
func (a *Appender) commit(l *lane, batch []*post) {
	err := a.append(l, batch)
	if _, aborted := errors.AsType[*Aborted](err); !aborted {
		l.settle(batch, err)
		return
	}
	groups := bySession(batch)
	for _, group := range groups {
		if len(groups) > 1 {
			err = a.append(l, group)
		}
		if _, aborted := errors.AsType[*Aborted](err); aborted {
			a.keepAside(group[0].draft.SessionID)
		}
		l.settle(group, err)
	}
}

// append is one transaction. If it commits, the posts are settled and published.
func (a *Appender) append(l *lane, batch []*post) error {
	// Never a poster's context: if one gave up, the others would fail with it, and
	// the batch might be stored all the same.
	ctx, cancel := context.WithTimeout(context.Background(), appendTimeout)
	defer cancel()

	drafts := make([]Draft, len(batch))
	for i, p := range batch {
		drafts[i], p.batch = p.draft, len(batch)
	}
	outcomes, err := a.store.AppendMessages(ctx, drafts)
	if err != nil {
		return err
	}
	events := make([]Event, 0, len(batch))
	causes := make([]Cause, 0, len(batch))
	for i, p := range batch {
		p.outcome = outcomes[i]
		if p.outcome.Verdict == Stored {
			events = append(events, p.outcome.number(p.event))
			causes = append(causes, p.cause)
		}
	}
	l.settle(batch, nil)
	a.publisher.PublishEvents(events, causes)
	return nil
}

// bySession splits a batch, keeping the order within each Session.
func bySession(batch []*post) [][]*post {
	place := map[int64]int{}
	var groups [][]*post
	for _, p := range batch {
		i, seen := place[p.draft.SessionID]
		if !seen {
			i = len(groups)
			place[p.draft.SessionID] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	return groups
}
