package bus_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/bus/bustest"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/telemetry"
)

// tracing has a bus make spans, which nobody takes.
func tracing(t testing.TB) func(*bus.Options) {
	t.Helper()
	tracer, err := telemetry.Open(telemetry.Options{URL: "http://127.0.0.1:1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tracer.Stop(t.Context()) })
	return func(o *bus.Options) { o.Tracer = tracer }
}

// publishTraced publishes Events of which those at these places are traced.
func publishTraced(b opened, seqs int64, places ...int) {
	var events []chat.Event
	causes := make([]chat.Cause, seqs)
	for i := range causes {
		events = append(events, event(room, int64(i+1)))
		if slices.Contains(places, i) {
			causes[i].Trace = &chat.TraceParent{TraceID: [16]byte{1, byte(i)}, SpanID: [8]byte{2}}
		}
	}
	b.PublishEvents(events, causes)
}

// traced returns which Events go on with their traces, as session and seq.
func (l *listener) traced() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for _, p := range l.packs {
		for i, e := range p.Events {
			if p.TraceOf(i) != nil {
				all = append(all, fmt.Sprint(e.Seq))
			}
		}
	}
	return all
}

func TestTraces(t *testing.T) {
	bustest.Each(t, func(t *testing.T, url string) {
		for name, story := range map[string]struct {
			places []int
			want   string
		}{
			"of none":                {nil, ""},
			"of the Events they are": {[]int{3, 17}, "4 18"},
			"are at most eight":      {[]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, "2 3 4 5 6 7 8 9"},
		} {
			t.Run(name, func(t *testing.T) {
				b := open(t, url, tracing(t))
				l := listen(t, b, 0)
				publishTraced(b, 20, story.places...)
				wait(t, "all events", func() bool { return len(l.events()) == 20 })
				if got := strings.Join(l.traced(), " "); got != story.want {
					t.Errorf("traces go on of %q, want %q", got, story.want)
				}
			})
		}
		t.Run("are nothing to whoever traces nothing", func(t *testing.T) {
			b := open(t, url)
			l := listen(t, b, 0)
			publishTraced(b, 1, 0)
			wait(t, "the event", func() bool { return l.has(room, 1) })
			if got := l.traced(); len(got) != 0 {
				t.Errorf("traces go on of %q", got)
			}
		})
	})
}

// TestForgedTraces has somebody at the broker repeat packs of ours with headers that are
// not theirs. The Events come all the same.
func TestForgedTraces(t *testing.T) {
	url := bustest.AMQP(t)
	b := open(t, url, tracing(t))
	seen := listen(t, b, 0)
	attacker := bustest.Dial(t, url)
	first, header := captureTraced(t, b)
	other, otherHeader := captureTraced(t, b)
	stranger := open(t, bustest.AMQP(t), tracing(t), func(o *bus.Options) { o.Secret = "another secret of 32 characters !" })
	_, strangers := captureTraced(t, stranger)
	traceparent := header[strings.Index(header, "=")+1 : strings.LastIndex(header, " ")]
	before := len(seen.traced())

	send := func(body []byte, headers amqp.Table) {
		t.Helper()
		if err := attacker.Publish(bustest.Prefix(t, url)+".events", "0", false, false, amqp.Publishing{Body: body, Headers: headers}); err != nil {
			t.Fatal(err)
		}
	}
	forged := []any{
		otherHeader,              // of another pack
		strangers,                // of another installation
		header[1:], header + "0", // damaged
		strings.Replace(header, "0=", "1=", 1),
		strings.Replace(header, "-01 ", "-00 ", 1),
		"0=" + traceparent, "0=" + traceparent + " ", " ", "=",
		"0=" + traceparent + " " + strings.Repeat("0", 64),
		strings.Repeat("0=x ", 1<<14) + header,
		int32(1), amqp.Table{"a": true}, []byte(header), nil,
	}
	for _, value := range forged {
		send(first, amqp.Table{"traceparent": traceparent, "chatire-traces": value})
	}
	send(first, amqp.Table{"traceparent": traceparent})
	wait(t, "all of them", func() bool { return len(seen.events()) == 2+len(forged)+1 })
	if n := len(seen.traced()) - before; n != 0 {
		t.Errorf("%d forged headers were believed", n)
	}
	send(other, amqp.Table{"chatire-traces": otherHeader})
	wait(t, "the one that is ours", func() bool { return len(seen.traced()) == before+1 })
}

// captureTraced publishes an Event that is traced and returns its pack and the header.
func captureTraced(t *testing.T, b opened) (pack []byte, header string) {
	t.Helper()
	m := captured(t, b, func() { publishTraced(b, 1, 0) })
	return m.Payload, m.Metadata.Get("chatire-traces")
}

// captured publishes something and returns the message that comes of it.
func captured(t *testing.T, b opened, publish func()) *message.Message {
	t.Helper()
	subscriber := b.Subscriber()
	messages, err := subscriber.Subscribe(t.Context(), bus.Topic)
	if err != nil {
		t.Fatal(err)
	}
	defer subscriber.Close()
	waitUp(t, b)
	if err := b.Bind(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	publish()
	m := next(t, messages)
	m.Ack()
	return m
}
