package chat_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/chat"
)

// appending is an appender over a log whose commits the test answers. It lives in
// a synctest bubble: settled means that nothing happens any more until the test
// does something or time passes.
type appending struct {
	*chat.Appender
	log       *heldLog
	published *published
	metrics   *prometheus.Registry
	stop      context.CancelFunc
	stopped   chan struct{} // closed when Run has returned
}

// withAppender runs a story in a bubble of its own.
func withAppender(t *testing.T, story func(t *testing.T, a *appending)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		a := &appending{
			log:       &heldLog{heads: map[int64]int64{}},
			published: &published{},
			metrics:   prometheus.NewRegistry(),
			stop:      stop,
			stopped:   make(chan struct{}),
		}
		a.Appender = chat.NewAppender(a.log, a.published, a.metrics)
		go func() {
			defer close(a.stopped)
			if err := a.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		defer func() {
			stop()
			<-a.stopped
		}()
		story(t, a)
	})
}

// answer is what a poster got.
type answer struct {
	chat.Outcome
	err    error
	waited time.Duration
}

// post has somebody post, and returns where the answer will be.
func (a *appending) post(sessionID int64, text string) <-chan answer {
	return a.postAs(context.Background(), chat.Draft{SessionID: sessionID, UserID: 1, Body: text})
}

// postKeyed is post with a client id.
func (a *appending) postKeyed(sessionID int64, text, clientID string) <-chan answer {
	return a.postAs(context.Background(), chat.Draft{
		SessionID: sessionID,
		UserID:    1,
		ClientID:  &clientID,
		Body:      text,
		Sum:       chat.SumOf(text),
	})
}

func (a *appending) postAs(ctx context.Context, d chat.Draft) <-chan answer {
	answered := make(chan answer, 1)
	go func() {
		begin := time.Now()
		outcome, err := a.Post(ctx, d, chat.Event{SessionID: d.SessionID, Type: chat.EventMessage, Body: d.Body})
		answered <- answer{outcome, err, time.Since(begin)}
	}()
	synctest.Wait() // it is in the appender, in the order of the test
	return answered
}

// isAnswered says whether a poster has an answer.
func isAnswered(answers <-chan answer) bool {
	synctest.Wait()
	return len(answers) == 1
}

// wantStored waits for an answer and fails unless it is this one.
func wantStored(t *testing.T, answers <-chan answer, seq int64) {
	t.Helper()
	if got := <-answers; got.err != nil || got.Verdict != chat.Stored || got.Seq != seq {
		t.Errorf("answered %+v, want stored as %d", got, seq)
	}
}

// wantUnavailable waits for an answer and fails unless the outcome is unknown.
func wantUnavailable(t *testing.T, answers <-chan answer) {
	t.Helper()
	if got := <-answers; chat.CodeOf(got.err) != chat.Unavailable {
		t.Errorf("answered %+v, want unavailable", got)
	}
}

// heldLog is a log in which each commit waits for the test.
type heldLog struct {
	chat.LogStore // nil: the appender calls nothing else

	mu    sync.Mutex // guards all below
	begun []*commit
	heads map[int64]int64
}

// commit is one transaction that waits for its end.
type commit struct {
	log    *heldLog
	drafts []chat.Draft
	ctx    context.Context
	end    chan result
}

type result struct {
	outcomes []chat.Outcome
	err      error
}

// AppendMessages implements chat.LogStore.
func (l *heldLog) AppendMessages(ctx context.Context, drafts []chat.Draft) ([]chat.Outcome, error) {
	c := &commit{log: l, drafts: slices.Clone(drafts), ctx: ctx, end: make(chan result, 1)}
	l.mu.Lock()
	l.begun = append(l.begun, c)
	l.mu.Unlock()
	select {
	case r := <-c.end:
		return r.outcomes, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w (%w)", chat.ErrUnavailable, ctx.Err())
	}
}

// commits returns all that began, once everything has settled.
func (l *heldLog) commits() []*commit {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.begun)
}

// last returns the n-th commit and fails unless no other began after it.
func (l *heldLog) last(t *testing.T, n int) *commit {
	t.Helper()
	begun := l.commits()
	if len(begun) != n {
		t.Fatalf("%d commits began, want %d", len(begun), n)
	}
	return begun[n-1]
}

// texts are the drafts of a commit.
func (c *commit) texts() []string {
	var texts []string
	for _, d := range c.drafts {
		texts = append(texts, d.Body)
	}
	return texts
}

// store ends the commit well.
func (c *commit) store() {
	c.log.mu.Lock()
	outcomes := make([]chat.Outcome, len(c.drafts))
	for i, d := range c.drafts {
		c.log.heads[d.SessionID]++
		n := c.log.heads[d.SessionID]
		outcomes[i] = chat.Outcome{Verdict: chat.Stored, Seq: n, Ordinal: n, Rev: n}
	}
	c.log.mu.Unlock()
	c.end <- result{outcomes: outcomes}
	synctest.Wait()
}

// judge ends the commit with these verdicts.
func (c *commit) judge(verdicts ...chat.Verdict) {
	outcomes := make([]chat.Outcome, len(c.drafts))
	for i := range outcomes {
		outcomes[i] = chat.Outcome{Verdict: verdicts[i], Seq: 7}
	}
	c.end <- result{outcomes: outcomes}
	synctest.Wait()
}

// abort ends the commit before anything was stored.
func (c *commit) abort() {
	c.fail(&chat.Aborted{Err: fmt.Errorf("%w (locked)", chat.ErrUnavailable)})
}

// fail ends the commit with an error.
func (c *commit) fail(err error) {
	c.end <- result{err: err}
	synctest.Wait()
}

// published records what the appender hands over.
type published struct {
	mu     sync.Mutex // guards all below
	events []chat.Event
	causes []chat.Cause
	held   chan struct{} // if set, publishing waits until it is closed
}

// PublishEvents implements chat.Publisher.
func (p *published) PublishEvents(events []chat.Event, causes []chat.Cause) {
	p.mu.Lock()
	held := p.held
	p.mu.Unlock()
	if held != nil {
		<-held
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, events...)
	p.causes = append(p.causes, causes...)
}

// PublishControl implements chat.Publisher.
func (*published) PublishControl(chat.Control) {}

// all returns what was published so far.
func (p *published) all() ([]chat.Event, []chat.Cause) {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events), slices.Clone(p.causes)
}
