package bus

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chatire/chatire/pkg/trace"
)

// QuestionKind is what somebody wants to know of all processes.
type QuestionKind string

const (
	AskTrace QuestionKind = "trace" // where an Event was
	AskStats QuestionKind = "stats" // how they are
)

// Question goes to all processes of an installation, also to the one that asks.
type Question struct {
	Kind QuestionKind `json:"kind"`
	URI  string       `json:"uri,omitempty"` // AskTrace
	Seq  int64        `json:"seq,omitempty"` // AskTrace
}

// Answer is what one part of a process says.
type Answer struct {
	Instance string          `json:"instance"` // of the process
	Part     string          `json:"part"`     // of it, such as worker
	Body     json.RawMessage `json:"body"`
}

// AnswerPatience is how long an Ask waits for answers: nobody knows how many there will
// be.
const AnswerPatience = 400 * time.Millisecond

const (
	// letterFresh is how old a question or an answer may be: an older one was recorded
	// and sent again.
	letterFresh = 30 * time.Second

	// lettersWaiting bounds the answers that wait for who asked.
	lettersWaiting = 1024
)

// letter is a question or an answer on its way. It is JSON with a signature behind it,
// which is that of no pack: those do not begin with a brace.
type letter struct {
	ID       string    `json:"id"` // of the question
	At       time.Time `json:"at"`
	Question *Question `json:"question,omitempty"`
	Answer   *Answer   `json:"answer,omitempty"`
}

// post carries letters to all processes.
type post interface {
	// send sends a letter to everybody.
	send(ctx context.Context, body []byte) error
}

// correspondence is what a Bus knows of questions and answers.
type correspondence struct {
	begin sync.Once
	ready chan struct{} // closed once post may be used

	// mu guards what follows. Nothing is sent under it.
	mu      sync.Mutex
	post    post
	parts   map[string]func(Question) any
	waiting map[string]chan Answer // by the id of the question
}

// Trace is where this process notes when Events pass.
func (b *Bus) Trace() *trace.Ring { return b.trace }

// OnQuestion has a part of this process answer questions. answer returns what becomes
// JSON, or nil for nothing; it must not take long.
func (b *Bus) OnQuestion(part string, answer func(Question) any) {
	b.letters.mu.Lock()
	b.letters.parts[part] = answer
	b.letters.mu.Unlock()
	b.correspond()
}

// correspond begins to take letters in.
func (b *Bus) correspond() {
	b.letters.begin.Do(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.closed {
			return
		}
		b.consuming.Go(func() { b.wire.correspond(b) })
	})
}

// setPost says by what letters go; nil while there is nothing.
func (b *Bus) setPost(p post) {
	b.letters.mu.Lock()
	defer b.letters.mu.Unlock()
	b.letters.post = p
	if p != nil {
		select {
		case <-b.letters.ready:
		default:
			close(b.letters.ready)
		}
	}
}

// Ask asks all processes and returns what they answer within AnswerPatience. It is ErrAway
// if the broker cannot be asked.
func (b *Bus) Ask(ctx context.Context, q Question) ([]Answer, error) {
	b.correspond()
	id := rand.Text()
	answers := make(chan Answer, lettersWaiting)
	b.letters.mu.Lock()
	b.letters.waiting[id] = answers
	b.letters.mu.Unlock()
	defer func() {
		b.letters.mu.Lock()
		delete(b.letters.waiting, id)
		b.letters.mu.Unlock()
	}()
	if err := b.mail(ctx, letter{ID: id, At: time.Now(), Question: &q}); err != nil {
		return nil, err
	}
	patience := time.NewTimer(AnswerPatience)
	defer patience.Stop()
	var all []Answer
	for {
		select {
		case a := <-answers:
			all = append(all, a)
		case <-patience.C:
			return all, nil
		case <-ctx.Done():
			return all, ctx.Err()
		}
	}
}

// mail signs a letter and sends it.
func (b *Bus) mail(ctx context.Context, l letter) error {
	body, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode letter: %w", err)
	}
	wait, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	select {
	case <-b.letters.ready:
	case <-wait.Done():
		return ErrAway
	}
	b.letters.mu.Lock()
	p := b.letters.post
	b.letters.mu.Unlock()
	if p == nil {
		return ErrAway
	}
	return p.send(ctx, b.sealer.seal(body))
}

// Why a letter is not taken in.
var (
	errLetter = errors.New("no letter of ours")
	errStale  = errors.New("an old letter, or a clock that is wrong")
)

// open checks and reads a letter.
func (b *Bus) open(body []byte) (letter, error) {
	var l letter
	if len(body) < macBytes || !b.sealer.verify(body) {
		return l, errLetter
	}
	if err := json.Unmarshal(body[:len(body)-macBytes], &l); err != nil {
		return l, err
	}
	if time.Since(l.At).Abs() > letterFresh {
		return l, errStale
	}
	return l, nil
}

// deliver takes a letter in: a question is answered, an answer goes to who asked.
func (b *Bus) deliver(ctx context.Context, body []byte) {
	l, err := b.open(body)
	switch {
	case errors.Is(err, errStale):
		b.metrics.refused(refuseForeign)
	case err != nil:
		b.metrics.refused(refuseForged)
	case l.Question != nil:
		for _, a := range b.answers(*l.Question) {
			_ = b.mail(ctx, letter{ID: l.ID, At: time.Now(), Answer: &a}) // who asked does without
		}
	case l.Answer != nil:
		b.letters.mu.Lock()
		defer b.letters.mu.Unlock()
		select {
		case b.letters.waiting[l.ID] <- *l.Answer:
		default: // nobody waits here, or too many came
		}
	}
}

// answers has all parts of this process answer.
func (b *Bus) answers(q Question) []Answer {
	b.letters.mu.Lock()
	parts := make(map[string]func(Question) any, len(b.letters.parts))
	for name, answer := range b.letters.parts {
		parts[name] = answer
	}
	b.letters.mu.Unlock()
	var all []Answer
	for name, answer := range parts {
		said := answer(q)
		if said == nil {
			continue
		}
		if body, err := json.Marshal(said); err == nil {
			all = append(all, Answer{b.Instance(), name, body})
		}
	}
	return all
}
