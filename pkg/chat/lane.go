package chat

import (
	"fmt"
	"sync"
)

// lane is one queue of posts of which at most one batch is being committed.
type lane struct {
	wake chan struct{} // has a token while there may be something to take

	mu      sync.Mutex // guards all below
	waiting []*post
	byKey   map[draftKey]*post // waiting and under way, those with a ClientID
	closed  bool
}

func newLane() *lane {
	return &lane{wake: make(chan struct{}, 1), byKey: map[draftKey]*post{}}
}

// post is one draft and those who wait for its outcome.
type post struct {
	draft Draft
	event Event // what to publish, without its numbers
	cause Cause

	done    chan struct{} // closed when what follows is set
	outcome Outcome
	batch   int // how many drafts were in the transaction, 0 if there was none
	err     error
}

// draftKey is what makes two drafts one.
type draftKey struct {
	sessionID, userID int64
	clientID          string
	sum               int64
}

func keyOf(d Draft) (key draftKey, ok bool) {
	if d.ClientID == nil {
		return draftKey{}, false
	}
	return draftKey{d.SessionID, d.UserID, *d.ClientID, d.Sum}, true
}

// add queues a draft, or joins an equal one that is in the lane already.
func (l *lane) add(d Draft, e Event, cause Cause) (p *post, joined bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key, keyed := keyOf(d)
	if keyed && l.byKey[key] != nil {
		return l.byKey[key], true, nil
	}
	if l.closed || len(l.waiting) >= maxWaiting {
		return nil, false, ErrUnavailable
	}
	p = &post{draft: d, event: e, cause: cause, done: make(chan struct{})}
	l.waiting = append(l.waiting, p)
	if keyed {
		l.byKey[key] = p
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return p, false, nil
}

// take removes the next batch from the queue; it is empty if nothing waits.
func (l *lane) take() []*post {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, size := 0, 0
	for n < len(l.waiting) && n < maxBatch {
		size += len(l.waiting[n].draft.Body)
		if n > 0 && size > maxBatchBytes {
			break
		}
		n++
	}
	batch := l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	if len(l.waiting) == 0 {
		l.waiting = nil // let the array go
	}
	return batch
}

// settle tells everybody who waits for these posts. A post that is settled already
// stays as it is.
func (l *lane) settle(batch []*post, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range batch {
		select {
		case <-p.done:
			continue
		default:
		}
		if err != nil {
			p.err = fmt.Errorf("append messages: %w", err)
		}
		if key, keyed := keyOf(p.draft); keyed {
			delete(l.byKey, key)
		}
		close(p.done)
	}
}

// close makes the lane refuse what comes from now on.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}
