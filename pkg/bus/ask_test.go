package bus_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/bus/bustest"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/trace"
)

// named gives a bus the name of a process.
func named(name string) func(*bus.Options) { return func(o *bus.Options) { o.Instance = name } }

// said returns what was answered, in order.
func said(answers []bus.Answer) (all []string) {
	for _, a := range answers {
		all = append(all, a.Instance+"/"+a.Part+" "+string(a.Body))
	}
	slices.Sort(all)
	return all
}

// answering has a bus answer with the question, and waits until it can be asked.
func answering(t *testing.T, b opened, part string) {
	t.Helper()
	b.OnQuestion(part, func(q bus.Question) any {
		if q.Kind == "nothing" {
			return nil
		}
		return q.URI
	})
	wait(t, "the bus to take letters in", func() bool {
		answers, err := b.Ask(t.Context(), bus.Question{Kind: bus.AskStats, URI: "warm"})
		return err == nil && len(answers) > 0
	})
}

func TestAskWithin(t *testing.T) {
	b := open(t, "memory://", named("one"))
	answering(t, b, "process")
	b.OnQuestion("worker", func(bus.Question) any { return 7 })
	answers, err := b.Ask(t.Context(), bus.Question{Kind: bus.AskTrace, URI: "a"})
	if err != nil || !slices.Equal(said(answers), []string{`one/process "a"`, `one/worker 7`}) {
		t.Errorf("%v %v", said(answers), err)
	}
}

// TestAskOverTheBroker asks several processes, one of which only asks; one with another
// secret is not heard, and hears nothing.
func TestAskOverTheBroker(t *testing.T) {
	url := bustest.AMQP(t)
	one, two := open(t, url, named("one")), open(t, url, named("two"))
	answering(t, one, "process")
	answering(t, two, "process")
	asker := open(t, url, named("asker"))
	stranger := open(t, url, named("stranger"), func(o *bus.Options) { o.Secret = chat.Secret(secret[1:] + "x") })
	heard := make(chan struct{}, 16)
	stranger.OnQuestion("process", func(q bus.Question) any {
		if q.URI != "own" {
			heard <- struct{}{}
		}
		return "strange"
	})
	wait(t, "the stranger to take letters in", func() bool {
		answers, err := stranger.Ask(t.Context(), bus.Question{Kind: bus.AskStats, URI: "own"})
		return err == nil && len(answers) == 1
	})
	answers, err := asker.Ask(t.Context(), bus.Question{Kind: bus.AskTrace, URI: "a", Seq: 3})
	if err != nil || !slices.Equal(said(answers), []string{`one/process "a"`, `two/process "a"`}) {
		t.Errorf("%v %v", said(answers), err)
	}
	if answers, err := asker.Ask(t.Context(), bus.Question{Kind: "nothing"}); err != nil || len(answers) != 0 {
		t.Errorf("%v %v", said(answers), err)
	}
	select {
	case <-heard:
		t.Error("a question was answered that has another secret's signature")
	default:
	}
}

func TestAskWithoutABroker(t *testing.T) {
	b := open(t, "amqp://127.0.0.1:1/")
	if _, err := b.Ask(t.Context(), bus.Question{Kind: bus.AskStats}); !errors.Is(err, bus.ErrAway) {
		t.Errorf("%v, want that the broker is away", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Ask(ctx, bus.Question{Kind: bus.AskStats}); err == nil {
		t.Error("asked without an error though nobody waits")
	}
}

// TestTraceOfAPack notes when Events pass, on both buses.
func TestTraceOfAPack(t *testing.T) {
	for name, url := range map[string]string{"memory": "memory://", "amqp": bustest.AMQP(t)} {
		t.Run(name, func(t *testing.T) {
			b := open(t, url)
			before := time.Now()
			b.PublishEvents([]chat.Event{event(roomURI, 1), event(roomURI, 2)}, nil)
			b.PublishControl(chat.Control{Kind: chat.ControlErased, URI: roomURI})
			for seq := range int64(2) {
				wait(t, "the event to be confirmed", func() bool {
					marks, _ := b.Trace().Marks(roomURI, seq+1)
					return !marks[trace.Confirmed].IsZero()
				})
				marks, known := b.Trace().Marks(roomURI, seq+1)
				order := []time.Time{before, marks[trace.Handed], marks[trace.Published], marks[trace.Confirmed], time.Now()}
				if !known || !slices.IsSortedFunc(order, func(a, b time.Time) int { return a.Compare(b) }) || !marks[trace.Received].IsZero() {
					t.Errorf("event %d passed at %v", seq+1, order)
				}
			}
		})
	}
}
