package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// simLog is the database of a simulation: the same rules as the real one, in memory,
// and calls that may be slow, hang, or fail before or after they did something.
type simLog struct {
	chat.LogStore // nil: only what is below is called

	trouble atomic.Pointer[trouble]

	mu       sync.Mutex // guards all below
	sessions map[string]*simSession
	byID     map[int64]*simSession
	tokens   map[chat.Secret]chat.Identity // those that are good
}

// trouble is what happens to calls; the zero trouble is none.
type trouble struct {
	slow        time.Duration // the longest a call takes
	hang        bool          // calls wait for their deadline
	failBefore  float64       // the share of calls that do nothing
	failAfter   float64       // the share of appends that are done and not confirmed
	readsFailed float64
}

type simSession struct {
	chat.Session
	events  []chat.Event
	members map[int64]bool
	ids     map[string]int64 // user and client id: seq
}

var errSim = errors.New("the database of the simulation failed")

func newSimLog() *simLog {
	l := &simLog{sessions: map[string]*simSession{}, byID: map[int64]*simSession{}, tokens: map[chat.Secret]chat.Identity{}}
	l.trouble.Store(&trouble{})
	return l
}

// enter is the beginning of each call.
func (l *simLog) enter(ctx context.Context) (*trouble, error) {
	t := l.trouble.Load()
	if t.hang {
		<-ctx.Done()
		return t, fmt.Errorf("%w: %w", chat.ErrUnavailable, ctx.Err())
	}
	if t.slow > 0 {
		time.Sleep(rand.N(t.slow))
	}
	if rand.Float64() < t.failBefore {
		return t, fmt.Errorf("%w: %w", chat.ErrUnavailable, errSim)
	}
	return t, ctx.Err()
}

func (l *simLog) reading(ctx context.Context) error {
	t, err := l.enter(ctx)
	if err == nil && rand.Float64() < t.readsFailed {
		err = errSim
	}
	return err
}

// AppendMessages implements chat.LogStore.
func (l *simLog) AppendMessages(ctx context.Context, drafts []chat.Draft) ([]chat.Outcome, error) {
	t, err := l.enter(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	outcomes := make([]chat.Outcome, len(drafts))
	for i, d := range drafts {
		outcomes[i] = l.byID[d.SessionID].post(d)
	}
	l.mu.Unlock()
	if rand.Float64() < t.failAfter {
		return nil, fmt.Errorf("%w: %w", chat.ErrUnavailable, errSim)
	}
	return outcomes, nil
}

func (s *simSession) post(d chat.Draft) chat.Outcome {
	key := fmt.Sprint(d.UserID, " ", *d.ClientID)
	if seq, known := s.ids[key]; known {
		return chat.Outcome{Verdict: chat.Known, Seq: seq, Rev: seq}
	}
	if !s.members[d.UserID] {
		return chat.Outcome{Verdict: chat.Stranger}
	}
	e := s.add(chat.Event{Type: chat.EventMessage, User: chat.User{ID: d.UserID}, Body: d.Body, ClientID: d.ClientID})
	s.ids[key] = e.Seq
	return chat.Outcome{Verdict: chat.Stored, Seq: e.Seq, Rev: e.Seq, CreatedAt: e.CreatedAt}
}

// add appends an event. The log's lock is held.
func (s *simSession) add(e chat.Event) chat.Event {
	s.Head++
	e.SessionID, e.URI, e.Seq, e.Rev, e.CreatedAt = s.ID, s.URI, s.Head, s.Head, time.Now()
	s.events = append(s.events, e)
	return e
}

// change makes somebody a member, or no member any more.
func (l *simLog) change(uri string, user int64, in bool) chat.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sessions[uri]
	s.members[user] = in
	e := chat.Event{Type: chat.EventRemoved, User: chat.User{ID: 1}, Member: &chat.User{ID: user}}
	if in {
		e.Type, e.Role = chat.EventJoined, chat.RoleMember
	}
	return s.add(e)
}

// ReadLog implements Log.
func (l *simLog) ReadLog(ctx context.Context, ranges []chat.Range, _ int) ([]chat.Event, error) {
	if err := l.reading(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var events []chat.Event
	for _, r := range ranges {
		log := l.byID[r.SessionID].events
		if r.After < int64(len(log)) {
			for _, e := range log[r.After:min(int64(len(log)), r.After+int64(min(r.Limit, 5)))] { // small pages
				events = append(events, l.byID[r.SessionID].joined(e))
			}
		}
	}
	return events, nil
}

// joined returns an event as it is read: a change brings its message as it is now.
func (s *simSession) joined(e chat.Event) chat.Event {
	if e.Changes() {
		now := s.events[e.Target-1]
		e.Body, e.Reactions, e.Edited, e.Rev = now.Body, now.Reactions, now.Edited, now.Rev
	}
	return e
}

// alter edits or deletes a message, or reacts to it, and returns the event that says so;
// none if there is no message yet.
func (l *simLog) alter(r *rand.Rand, uri string, user int64) (chat.Event, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sessions[uri]
	var messages []int64
	for _, e := range s.events {
		if e.Type == chat.EventMessage && !e.Deleted() {
			messages = append(messages, e.Seq)
		}
	}
	if len(messages) == 0 {
		return chat.Event{}, false
	}
	target := messages[r.IntN(len(messages))]
	kind := []chat.EventType{chat.EventEdited, chat.EventReacted, chat.EventDeleted}[r.IntN(3)]
	e := s.add(chat.Event{Type: kind, User: chat.User{ID: user}, Target: target})
	message := &s.events[target-1]
	message.Rev = e.Seq
	switch kind {
	case chat.EventEdited:
		message.Body, message.Edited = fmt.Sprint("edited at ", e.Seq), true
	case chat.EventReacted:
		message.Reactions = []chat.Reaction{{Emoji: "👍", Count: e.Seq, Users: []int64{user}}}
	case chat.EventDeleted:
		message.Body, message.Reactions = "", nil
	}
	return s.joined(e), true
}

// Heads implements Log.
func (l *simLog) Heads(ctx context.Context, ids []int64) (map[int64]int64, error) {
	if err := l.reading(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	heads := map[int64]int64{}
	for _, id := range ids {
		heads[id] = l.byID[id].Head
	}
	return heads, nil
}

// LiveTokens implements Log.
func (l *simLog) LiveTokens(ctx context.Context, ids []int64) ([]int64, error) {
	if err := l.reading(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var live []int64
	for _, who := range l.tokens {
		if slices.Contains(ids, who.Token.ID) {
			live = append(live, who.Token.ID)
		}
	}
	return live, nil
}

// Epoch implements Log.
func (l *simLog) Epoch(ctx context.Context) (string, error) { return "epoch", l.reading(ctx) }

// Authenticate implements Users.
func (l *simLog) Authenticate(ctx context.Context, secret chat.Secret) (chat.Identity, error) {
	if err := l.reading(ctx); err != nil {
		return chat.Identity{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	who, ok := l.tokens[secret]
	if !ok {
		return who, chat.Errorf(chat.Unauthorized, "no such token")
	}
	return who, nil
}

// Watchable implements Users.
func (l *simLog) Watchable(ctx context.Context, user int64, uris []string) (map[string]chat.Membership, error) {
	if err := l.reading(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	may := map[string]chat.Membership{}
	for _, uri := range uris {
		if s := l.sessions[uri]; s != nil && s.members[user] {
			may[uri] = chat.Membership{Session: s.Session, Role: chat.RoleMember}
		}
	}
	return may, nil
}

// revoke ends a token.
func (l *simLog) revoke(secret chat.Secret) chat.Identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	who := l.tokens[secret]
	delete(l.tokens, secret)
	return who
}
