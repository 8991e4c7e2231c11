package bus_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
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
	errs  []error

	latest atomic.Int64 // Seq of the last Event
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
			}
			l.mu.Unlock()
			if n := len(p.Events); n > 0 {
				l.latest.Store(p.Events[n-1].Seq)
			}
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

// next returns the next message, not acked yet.
func next(t testing.TB, messages <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case m, ok := <-messages:
		if ok {
			return m
		}
		t.Fatal("the subscription ended")
	case <-time.After(15 * time.Second):
		t.Fatal("waited in vain for a message")
	}
	return nil
}

func event(uri string, seq int64) chat.Event {
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
	var causes []chat.Cause
	for _, seq := range seqs {
		events = append(events, event(uri, seq))
		causes = append(causes, chat.Cause{RequestID: fmt.Sprintf("request-%d", seq)})
	}
	b.PublishEvents(events, causes)
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
			e := event("fffffffffffffff", 3)
			e.Type, e.Member = chat.EventRemoved, &chat.User{ID: 42, Username: "bob"}
			b.PublishEvents([]chat.Event{e}, []chat.Cause{{RequestID: "abc"}})
			wait(t, "the event", func() bool { return l.has(e.URI, 3) })
			got := l.events()[len(l.events())-1]
			want := chat.CopyOf(&e, "abc")
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})

		t.Run("carries control, typing and load", func(t *testing.T) {
			control := chat.Control{Kind: chat.ControlTokens, UserID: 7, TokenIDs: []int64{1, 2}}
			typing := chat.Typing{URI: room, UserID: 7, Username: "ada"}
			b.PublishControl(control)
			b.PublishTyping(typing)
			b.PublishLoad(chat.Load{Connections: 3})
			wait(t, "all three", func() bool {
				l.mu.Lock()
				defer l.mu.Unlock()
				var controls []chat.Control
				var typings []chat.Typing
				var loads []chat.Load
				for _, p := range l.packs {
					controls = append(controls, p.Controls...)
					typings = append(typings, p.Typings...)
					loads = append(loads, p.Loads...)
				}
				return fmt.Sprint(controls) == fmt.Sprint([]chat.Control{control}) &&
					fmt.Sprint(typings) == fmt.Sprint([]chat.Typing{typing}) &&
					fmt.Sprint(loads) == fmt.Sprint([]chat.Load{{Connections: 3}})
			})
		})

		t.Run("goes on beyond what the broker sends ahead of acks", func(t *testing.T) {
			for seq := int64(1); seq <= 1200; seq++ {
				publish(b, "one by one", seq)
				for end := time.Now().Add(5 * time.Second); l.latest.Load() != seq; time.Sleep(50 * time.Microsecond) {
					if time.Now().After(end) {
						t.Fatalf("waited in vain for event %d", seq)
					}
				}
			}
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

func TestCloseSendsTheRest(t *testing.T) {
	bustest.Each(t, func(t *testing.T, url string) {
		b := open(t, url)
		var l *listener
		receiver := b
		if strings.HasPrefix(url, "amqp") {
			receiver = open(t, url)
		}
		l = listen(t, receiver, 0)
		wait(t, "the publisher", func() bool { publisher, _ := b.Up(); return publisher })
		for seq := range int64(3000) {
			publish(b, room, seq+1)
		}
		closeBus(t, b.Bus)
		if n := b.count(t, "publish_dropped_total", "closed"); n != 0 {
			t.Errorf("dropped %v", n)
		}
		if receiver != b {
			wait(t, "all events", func() bool { return len(l.events()) == 3000 })
		}
		if _, err := b.Subscriber().Subscribe(t.Context(), bus.Topic); err == nil {
			t.Error("subscribed to a closed bus")
		}
	})
}

func TestNack(t *testing.T) {
	bustest.Each(t, func(t *testing.T, url string) {
		b := open(t, url)
		messages, err := b.Subscriber().Subscribe(t.Context(), bus.Topic)
		if err != nil {
			t.Fatal(err)
		}
		waitUp(t, b)
		if err := b.Bind(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		publish(b, room, 1)
		next(t, messages).Nack()
		publish(b, room, 2)
		m := next(t, messages)
		m.Ack()
		if p, err := b.Decode(m); err != nil || p.Events[0].Seq != 2 {
			t.Errorf("after a nack came %+v, %v", p, err)
		}
		wait(t, "the counts", func() bool {
			return b.count(t, "amqp_consumed_total", "nack") == 1 && b.count(t, "amqp_consumed_total", "ack") == 1
		})
	})
}

func TestSeveralSubscriptions(t *testing.T) {
	bustest.Each(t, func(t *testing.T, url string) {
		b := open(t, url)
		stuck, err := b.Subscriber().Subscribe(t.Context(), bus.Topic) // nobody reads it
		if err != nil {
			t.Fatal(err)
		}
		l := listen(t, b, 0)
		for seq := range int64(1000) {
			publish(b, room, seq+1)
			if seq%100 == 0 {
				time.Sleep(time.Millisecond) // for more than one pack
			}
		}
		wait(t, "all events", func() bool { return len(l.events()) == 1000 })
		next(t, stuck)
	})
}

func TestMetricsAreTidy(t *testing.T) {
	b := open(t, "memory://")
	complaints, err := testutil.GatherAndLint(b.metrics)
	if err != nil || len(complaints) > 0 {
		t.Error(complaints, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, o := range map[string]bus.Options{
		"another scheme": {URL: "kafka://user:hunter2@host", Secret: secret},
		"no URL":         {URL: "amqp://user:hunter2@host:port", Secret: secret},
		"a bad prefix":   {URL: "amqp://user:hunter2@host/?prefix=a%20b", Secret: secret},
		"no secret":      {URL: "memory://"},
		"too many slots": {URL: "memory://", Secret: secret, Slots: 2000},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bus.Open(o)
			if err == nil {
				t.Fatal("opened")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("shows the password: %v", err)
			}
		})
	}
}
