package bus_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/bus/bustest"
	"github.com/chatire/chatire/pkg/chat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = chat.Secret("0123456789abcdef0123456789abcdef")

// opened is a Bus with what a test wants to know of it.
type opened struct {
	*bus.Bus
	metrics *prometheus.Registry
}

func open(t testing.TB, url string, change ...func(*bus.Options)) opened {
	t.Helper()
	o := bus.Options{
		URL:        chat.Secret(url),
		Secret:     secret,
		Instance:   "tester",
		Log:        slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(),
	}
	for _, fn := range change {
		fn(&o)
	}
	b, err := bus.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeBus(t, b) })
	return opened{b, o.Registerer.(*prometheus.Registry)}
}

func closeBus(t testing.TB, b *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Error(err)
	}
}

// count returns the value of a metric with this label value; "" for one without.
func (b opened) count(t testing.TB, name, label string) float64 {
	t.Helper()
	families, err := b.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "chatire_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			if len(m.GetLabel()) == 0 || m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("there is no metric %s with %q", name, label)
	return 0
}

// listener keeps what a subscription received.
type listener struct {
	mu    sync.Mutex
	packs []bus.Pack
	sizes []int // of the packs, in bytes
	errs  []error
}

// listen subscribes and, if slots are given, binds them. It returns when packs
// arrive.
func listen(t testing.TB, b opened, slots ...int) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	messages, err := b.Subscriber().Subscribe(ctx, bus.Topic)
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{}
	var reading sync.WaitGroup
	reading.Go(func() {
		for m := range messages {
			p, err := b.Decode(m)
			l.mu.Lock()
			if err != nil {
				l.errs = append(l.errs, err)
			} else {
				l.packs = append(l.packs, p)
				l.sizes = append(l.sizes, len(m.Payload))
			}
			l.mu.Unlock()
			m.Ack()
		}
	})
	t.Cleanup(func() { cancel(); reading.Wait() })
	waitUp(t, b)
	for _, slot := range slots {
		if err := b.Bind(ctx, slot); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func waitUp(t testing.TB, b opened) {
	t.Helper()
	wait(t, "both directions to be up", func() bool {
		publisher, subscriber := b.Up()
		return publisher && subscriber
	})
}

func (l *listener) events() []chat.Copy {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []chat.Copy
	for _, p := range l.packs {
		all = append(all, p.Events...)
	}
	return all
}

func (l *listener) errors() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]error(nil), l.errs...)
}

// has says whether the Event arrived.
func (l *listener) has(uri string, seq int64) bool {
	for _, e := range l.events() {
		if e.URI == uri && e.Seq == seq {
			return true
		}
	}
	return false
}

func wait(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

func message(uri string, seq int64) chat.Event {
	return chat.Event{
		URI:       uri,
		Seq:       seq,
		Rev:       seq,
		Type:      chat.EventMessage,
		User:      chat.User{ID: 7, Username: "ada"},
		CreatedAt: time.UnixMicro(1_700_000_000_000_000 + seq).UTC(),
		Body:      fmt.Sprintf("message %d", seq),
	}
}

func publish(b opened, uri string, seqs ...int64) {
	var events []chat.Event
	var ids []string
	for _, seq := range seqs {
		events = append(events, message(uri, seq))
		ids = append(ids, fmt.Sprintf("request-%d", seq))
	}
	b.PublishEvents(events, ids)
}

const room = "0123456789abcde"

func TestPublish(t *testing.T) {
	bustest.Each(t, func(t *testing.T, url string) {
		b := open(t, url)
		l := listen(t, b, 0)

		t.Run("keeps the order of a session", func(t *testing.T) {
			const n = 5000
			for seq := int64(1); seq <= n; seq += 2 {
				publish(b, room, seq, seq+1)
			}
			wait(t, "all events", func() bool { return len(l.events()) == n })
			for i, e := range l.events() {
				if e.URI != room || e.Seq != int64(i+1) {
					t.Fatalf("event %d is %s %d", i+1, e.URI, e.Seq)
				}
			}
		})

		t.Run("carries all that a worker must know", func(t *testing.T) {
			e := message("fffffffffffffff", 3)
			e.Type, e.Member = chat.EventRemoved, &chat.User{ID: 42, Username: "bob"}
			b.PublishEvents([]chat.Event{e}, []string{"abc"})
			wait(t, "the event", func() bool { return l.has(e.URI, 3) })
			got := l.events()[len(l.events())-1]
			want := chat.CopyOf(&e, "abc")
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})

		t.Run("carries control and typing", func(t *testing.T) {
			control := chat.Control{Kind: chat.ControlTokens, UserID: 7, TokenIDs: []int64{1, 2}}
			typing := chat.Typing{URI: room, UserID: 7, Username: "ada"}
			b.PublishControl(control)
			b.PublishTyping(typing)
			wait(t, "both", func() bool {
				l.mu.Lock()
				defer l.mu.Unlock()
				var controls []chat.Control
				var typings []chat.Typing
				for _, p := range l.packs {
					controls = append(controls, p.Controls...)
					typings = append(typings, p.Typings...)
				}
				return fmt.Sprint(controls) == fmt.Sprint([]chat.Control{control}) &&
					fmt.Sprint(typings) == fmt.Sprint([]chat.Typing{typing})
			})
		})

		t.Run("says who sent a pack and when", func(t *testing.T) {
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, p := range l.packs {
				if age := time.Since(p.Published); p.Sender != "tester" || age < 0 || age > time.Minute {
					t.Fatalf("sent by %q at %v", p.Sender, p.Published)
				}
			}
		})
	})
}
