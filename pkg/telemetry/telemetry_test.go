package telemetry_test

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/chatire/chatire/pkg/bus/bustest"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/telemetry"
)

// postRoute is what the span of a post is called.
const postRoute = "POST /api/chats/:uri/messages/"

// TestTrace follows one message from its POST to the sockets, within one process and
// through three.
func TestTrace(t *testing.T) {
	bustest.Each(t, func(t *testing.T, url string) {
		const workers = 2
		c := newCollector(t)
		s := startSite(t, url, workers, "CHATIRE_OTLP_URL="+c.URL, "CHATIRE_TRACE_RATIO=1")
		ada := s.signUp("ada-whom-nobody-knows")
		room := ada.open()
		var got []<-chan string
		for _, w := range s.workers {
			got = append(got, ada.watch(room, w), ada.watch(room, w))
		}
		ada.post(room)
		for _, device := range got {
			if await(t, device) != text {
				t.Fatal("another message came")
			}
		}
		s.stop()

		post := one(t, c.named(postRoute))
		t.Run("begins with the request", func(t *testing.T) {
			want(t, post, otlp.Span_SPAN_KIND_SERVER, map[string]any{
				"http.request.method": "POST", "http.route": "/api/chats/:uri/messages/", "http.response.status_code": 200,
			})
			if len(post.ParentSpanId) != 0 || post.service != s.name("chatire-api") {
				t.Errorf("the request is of %s, part of %x", post.service, post.ParentSpanId)
			}
		})
		appended := one(t, c.under(post))
		t.Run("goes on with the transaction", func(t *testing.T) {
			if appended.Name != "append" {
				t.Errorf("%s follows the request", appended.Name)
			}
			want(t, appended, otlp.Span_SPAN_KIND_INTERNAL, map[string]any{"chatire.append.batch_size": 1})
		})
		published := one(t, c.under(appended))
		t.Run("with the broker", func(t *testing.T) {
			if published.Name != "publish" {
				t.Errorf("%s follows the transaction", published.Name)
			}
			want(t, published, otlp.Span_SPAN_KIND_PRODUCER, map[string]any{
				"messaging.system":                   s.system(),
				"messaging.operation.name":           "publish",
				"messaging.operation.type":           "send",
				"messaging.destination.partition.id": "0",
				"messaging.batch.message_count":      1,
			})
		})
		t.Run("and ends at the sockets of each worker", func(t *testing.T) {
			received := c.under(published)
			if len(received) != len(s.workers) {
				t.Fatalf("%d workers received it", len(received))
			}
			for _, r := range received {
				want(t, r, otlp.Span_SPAN_KIND_CONSUMER, map[string]any{
					"messaging.system": s.system(), "messaging.operation.name": "receive", "messaging.operation.type": "process",
				})
				delivered := one(t, c.under(r))
				if r.Name != "receive" || delivered.Name != "deliver" || delivered.service != s.name("chatire-worker") {
					t.Errorf("%s and %s of %s follow", r.Name, delivered.Name, delivered.service)
				}
				want(t, delivered, otlp.Span_SPAN_KIND_INTERNAL, map[string]any{"chatire.deliver.sockets": 2})
			}
		})
		t.Run("stands in the log", func(t *testing.T) {
			if len(s.log.with(`"msg":"request"`, "/messages/", `"trace_id":"`+hex.EncodeToString(post.TraceId)+`"`)) != 1 {
				t.Error("no line names the trace")
			}
		})
		t.Run("says nothing of people", func(t *testing.T) {
			for _, word := range []string{"ada-whom", text, ada.token, room, password, "/api/chats/" + room, "127.0.0.1"} {
				if c.knows(word) {
					t.Errorf("the collector knows %q", word)
				}
			}
			if !c.knows("host.name") {
				t.Error("the collector knows nothing at all")
			}
		})
	})
}

// name is how a process is called, given what it is called where it is one of its own.
func (s *site) name(apart string) string {
	if s.api == s.workers[0] {
		return "chatirectl dev"
	}
	return apart
}

func (s *site) system() string {
	if s.api == s.workers[0] {
		return "memory"
	}
	return "rabbitmq"
}

func one(t *testing.T, spans []span) span {
	t.Helper()
	if len(spans) != 1 {
		t.Fatalf("%d spans instead of one: %v", len(spans), spans)
	}
	return spans[0]
}

// want checks the kind of a span and some of what it says.
func want(t *testing.T, s span, kind otlp.Span_SpanKind, attributes map[string]any) {
	t.Helper()
	if s.Kind != kind {
		t.Errorf("%s is of the kind %v", s.Name, s.Kind)
	}
	for key, value := range attributes {
		if got := s.attribute(key); got != value {
			t.Errorf("%s of %s is %v, want %v", key, s.Name, got, value)
		}
	}
}

// sampled and unsampled are traceparents of a caller.
const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	sampled      = "00-" + callersTrace + "-00f067aa0ba902b7-01"
	unsampled    = "00-" + callersTrace + "-00f067aa0ba902b7-00"
)

func TestCallersTrace(t *testing.T) {
	const proxies = "CHATIRE_TRUSTED_PROXIES=127.0.0.0/8"
	for name, story := range map[string]struct {
		settings []string
		headers  []string
		traced   bool
		callers  bool // it is a part of the caller's trace
	}{
		"of a stranger is not taken over":       {[]string{"CHATIRE_TRACE_RATIO=1"}, []string{"traceparent", sampled}, true, false},
		"of a stranger has nothing traced":      {[]string{"CHATIRE_TRACE_RATIO=0"}, []string{"traceparent", sampled}, false, false},
		"of a stranger hides nothing":           {[]string{"CHATIRE_TRACE_RATIO=1"}, []string{"traceparent", unsampled}, true, false},
		"of a trusted proxy goes on":            {[]string{"CHATIRE_TRACE_RATIO=0", proxies}, []string{"traceparent", sampled}, true, true},
		"of a trusted proxy may say no":         {[]string{"CHATIRE_TRACE_RATIO=1", proxies}, []string{"traceparent", unsampled}, false, false},
		"that is damaged is none":               {[]string{"CHATIRE_TRACE_RATIO=1", proxies}, []string{"traceparent", "00-" + callersTrace + "-01"}, true, false},
		"that is damaged has nothing traced":    {[]string{"CHATIRE_TRACE_RATIO=0", proxies}, []string{"traceparent", strings.ToUpper(sampled)}, false, false},
		"that comes twice is none":              {[]string{"CHATIRE_TRACE_RATIO=1", proxies}, []string{"traceparent", sampled, "traceparent", sampled}, true, false},
		"of who only says to be behind a proxy": {[]string{"CHATIRE_TRACE_RATIO=0", "CHATIRE_TRUSTED_PROXIES=10.0.0.1"}, []string{"traceparent", sampled, "X-Forwarded-For", "10.0.0.1"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			s := startSite(t, "memory://", 1, append(story.settings, "CHATIRE_OTLP_URL="+c.URL)...)
			ada := s.signUp("ada", story.headers...)
			ada.post(ada.open())
			s.stop()
			posts := c.named(postRoute)
			if !story.traced {
				if len(posts) != 0 || c.count() != 0 {
					t.Errorf("%d posts were traced, the collector was called %d times", len(posts), c.count())
				}
				return
			}
			if callers := hex.EncodeToString(one(t, posts).TraceId) == callersTrace; callers != story.callers {
				t.Errorf("it is %v that the trace is the caller's", callers)
			}
		})
	}
}

func TestOff(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL) // of the library, which must not matter
	url := bustest.AMQP(t)
	s := startSite(t, url, 1, "CHATIRE_TRACE_RATIO=1", "CHATIRE_TRUSTED_PROXIES=127.0.0.1")
	ada := s.signUp("ada", "traceparent", sampled)
	room := ada.open()
	headers := tap(t, url)
	got := ada.watch(room, s.workers[0])
	ada.post(room)
	await(t, got)
	if h := await(t, headers); len(h) != 0 {
		t.Errorf("the message at the broker has headers: %v", h)
	}
	s.stop()
	if c.count() != 0 || len(s.log.with("trace_id")) != 0 {
		t.Error("something was traced")
	}
}

// TestOn shows that TestOff would notice.
func TestOn(t *testing.T) {
	c := newCollector(t)
	url := bustest.AMQP(t)
	s := startSite(t, url, 1, "CHATIRE_OTLP_URL="+c.URL, "CHATIRE_TRUSTED_PROXIES=127.0.0.1")
	ada := s.signUp("ada", "traceparent", sampled)
	room := ada.open()
	headers := tap(t, url)
	ada.post(room)
	h := await(t, headers)
	traceparent, _ := h["traceparent"].(string)
	if p, ok := telemetry.Parse(traceparent); !ok || hex.EncodeToString(p.TraceID[:]) != callersTrace {
		t.Errorf("the message at the broker has the headers %v", h)
	}
}

// tap returns the headers of the packs with Events at a broker from now on.
func tap(t *testing.T, url string) <-chan map[string]any {
	t.Helper()
	ch := bustest.Dial(t, url)
	q, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind(q.Name, "0", bustest.Prefix(t, url)+".events", false, nil); err != nil {
		t.Fatal(err)
	}
	deliveries, err := ch.Consume(q.Name, "", true, true, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	headers := make(chan map[string]any, 16)
	go func() {
		for d := range deliveries {
			headers <- d.Headers
		}
	}()
	return headers
}

// TestCollectorAway posts while nobody takes the spans.
func TestCollectorAway(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	s := startSite(t, "memory://", 1, "CHATIRE_OTLP_URL="+gone.URL, "CHATIRE_TRACE_RATIO=1")
	ada := s.signUp("ada")
	room := ada.open()
	got := ada.watch(room, s.workers[0])
	for range 3 {
		ada.post(room)
		await(t, got)
	}
	s.stop()
	if len(s.log.with("cannot send traces")) != 1 || len(s.log.with(`"level":"ERROR"`)) != 0 {
		t.Errorf("the log says %q", s.log.with())
	}
}

// TestCollectorRefuses sends many batches, of which the log tells once.
func TestCollectorRefuses(t *testing.T) {
	c := newCollector(t)
	log := &lines{}
	tracer, err := telemetry.Open(telemetry.Options{
		URL: c.URL + "/elsewhere", Ratio: 1, Log: slog.New(slog.NewJSONHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		tracer.Request("").Answer("GET", "", 200)
	}
	if err := tracer.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if told := log.with("cannot send traces"); c.count() < 2 || len(told) != 1 {
		t.Errorf("%d batches were refused, and the log says %q", c.count(), told)
	}
}

// TestStop has a collector that takes spans and says nothing.
func TestStop(t *testing.T) {
	silent := make(chan struct{})
	c := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	defer c.Close()
	defer close(silent)
	for _, within := range []time.Duration{0, 100 * time.Millisecond} {
		tracer, err := telemetry.Open(telemetry.Options{URL: c.URL, Ratio: 1, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		for range 5000 { // more than wait to be sent
			tracer.Request("").Answer("GET", "", 200)
		}
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		began := time.Now()
		if err := tracer.Stop(ctx); err == nil {
			t.Error("it says that all was sent")
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
	}
}

func TestNothingTraced(t *testing.T) {
	tracer, err := telemetry.Open(telemetry.Options{})
	if err != nil || tracer != nil {
		t.Fatalf("without an address there are traces: %v", err)
	}
	allocations := testing.AllocsPerRun(100, func() {
		span := tracer.Request(sampled)
		tracer.Publish(span.Parent()).Sent(telemetry.Place{}, 0, 1)
		tracer.Deliver(nil, 1, time.Time{})
		span.Answer("GET", "", 200)
	})
	if allocations != 0 || tracer.Stop(t.Context()) != nil {
		t.Errorf("%v allocations for what is not traced", allocations)
	}
}

func TestParse(t *testing.T) {
	p, ok := telemetry.Parse(sampled)
	if !ok || telemetry.Format(p) != sampled || p == (chat.TraceParent{}) {
		t.Errorf("%q was read as %+v", sampled, p)
	}
	damaged := []string{"", unsampled, sampled[1:], sampled + "0", strings.ToUpper(sampled), strings.Repeat("0", 1<<20)}
	if i := slices.IndexFunc(damaged, func(s string) bool { _, ok := telemetry.Parse(s); return ok }); i >= 0 {
		t.Errorf("the damaged traceparent %d was read", i)
	}
}
