package telemetry_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chatire/chatire/api"
	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/boot/boottest"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/store/storetest"
	"github.com/chatire/chatire/worker"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),    // one for the process
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2")) // ends within ten seconds
}

// patience bounds every wait.
const patience = 20 * time.Second

// What no trace may show.
const (
	password = "correct-horse-9"
	text     = "what-nobody-else-may-read"
)

// site is an API and workers, as processes of their own or all in one.
type site struct {
	t         *testing.T
	api       *boottest.Process
	workers   []*boottest.Process
	log       *lines // of all processes
	transport *http.Transport
}

// startSite runs an API and workers on one bus, or all in one process if the bus is
// within it.
func startSite(t *testing.T, bus string, workers int, settings ...string) *site {
	t.Helper()
	s := &site{t: t, log: &lines{}, transport: http.DefaultTransport.(*http.Transport).Clone()}
	o := boottest.Options{
		Database: storetest.SQLite(t),
		Settings: append([]string{"CHATIRE_RATE_LIMIT=off", "CHATIRE_BUS_URL=" + bus}, settings...),
		Log:      slog.New(slog.NewJSONHandler(s.log, nil)),
	}
	start := func(name string, programs ...boot.New) *boottest.Process {
		o.Name, o.Programs = name, programs
		return boottest.Start(t, o)
	}
	if strings.HasPrefix(bus, "memory:") {
		s.api = start("chatirectl dev", api.New, worker.New)
		s.workers = []*boottest.Process{s.api}
	} else {
		s.api = start("chatire-api", api.New)
		for range workers {
			s.workers = append(s.workers, start("chatire-worker", worker.New))
		}
	}
	t.Cleanup(s.transport.CloseIdleConnections) // first, or the server waits for them
	return s
}

// stop ends all processes, which send the spans that they have.
func (s *site) stop() {
	s.transport.CloseIdleConnections()
	for _, w := range s.workers {
		w.Stop()
	}
	s.api.Stop()
}

// person is somebody with an account.
type person struct {
	*site
	*client.Client
	token string
}

// signUp makes an account. Requests have these headers, name before value.
func (s *site) signUp(name string, headers ...string) *person {
	s.t.Helper()
	c, err := client.New(s.api.URL, client.WithTransport(&adding{s.transport, headers}))
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := c.SignUp(s.t.Context(), name, password, ""); err != nil {
		s.t.Fatal(err)
	}
	token, err := c.SignIn(s.t.Context(), name, password, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return &person{s, c.As(token), token}
}

// open opens a session.
func (p *person) open() (uri string) {
	p.t.Helper()
	uri, err := p.CreateSession(p.t.Context(), "")
	if err != nil {
		p.t.Fatal(err)
	}
	return uri
}

func (p *person) post(uri string) {
	p.t.Helper()
	if _, err := p.Post(p.t.Context(), uri, text, ""); err != nil {
		p.t.Fatal(err)
	}
}

// watch has a device at a worker watch a session from now on. The channel gets each
// message's text.
func (p *person) watch(uri string, at *boottest.Process) <-chan string {
	p.t.Helper()
	live, got := make(chan struct{}), make(chan string, 16)
	d := p.At("ws" + strings.TrimPrefix(at.URL, "http") + "/ws/").Device(client.DeviceOptions{Hooks: client.Hooks{
		OnCaughtUp: func(string, int64) { close(live) },
		OnEvent:    func(e client.Event) { got <- e.Message },
	}})
	d.Subscribe(client.Position{URI: uri, After: client.Head})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = d.Run(ctx) })
	p.t.Cleanup(func() { cancel(); running.Wait() })
	await(p.t, live)
	return got
}

func await[T any](t *testing.T, c <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-c:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return got
}

// adding adds headers to requests.
type adding struct {
	http.RoundTripper
	headers []string
}

// RoundTrip implements http.RoundTripper.
func (a *adding) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for i := 0; i < len(a.headers); i += 2 {
		r.Header.Add(a.headers[i], a.headers[i+1])
	}
	return a.RoundTripper.RoundTrip(r)
}

// lines is a log that a test can read while it is written.
type lines struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// with returns the lines that have all of these words.
func (l *lines) with(words ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for line := range strings.Lines(l.text.String()) {
		has := true
		for _, word := range words {
			has = has && strings.Contains(line, word)
		}
		if has {
			found = append(found, line)
		}
	}
	return found
}
