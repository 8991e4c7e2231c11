package chat_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/mail"
	"github.com/chatire/chatire/pkg/mail/mailtest"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// password is one that nothing is wrong with.
const password = "correct-horse-9"

// world is a running Service with a real database and a real mail server.
type world struct {
	*chat.Service
	store   chat.Store
	told    *told
	mails   *mailtest.Server
	metrics *prometheus.Registry
}

// told keeps what workers were told, in order.
type told struct {
	mu       sync.Mutex // guards all below
	events   []chat.Event
	controls []chat.Control
}

func (p *told) PublishEvents(events []chat.Event, _ []chat.Cause) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, events...)
}

func (p *told) PublishControl(c chat.Control) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.controls = append(p.controls, c)
}

// take returns what was told since it was last asked.
func (p *told) take() ([]chat.Event, []chat.Control) {
	p.mu.Lock()
	defer p.mu.Unlock()
	events, controls := p.events, p.controls
	p.events, p.controls = nil, nil
	return events, controls
}

// newWorld makes a Service over a store; change may alter its options.
func newWorld(t *testing.T, store chat.Store, change ...func(*chat.Options)) *world {
	t.Helper()
	w := &world{store: store, told: &told{}, mails: mailtest.Serve(t, mailtest.Options{}), metrics: prometheus.NewRegistry()}
	log := slog.New(slog.DiscardHandler)
	mailer, err := mail.Open(w.mails.URL(), log)
	if err != nil {
		t.Fatal(err)
	}
	o := chat.Options{
		Store:     store,
		Publisher: w.told,
		Mailer:    mailer,
		Log:       log,
		Metrics:   w.metrics,
		Secret:    "a secret of at least thirty-two characters",
		PublicURL: "https://chat.example.com/",
	}
	for _, fn := range change {
		fn(&o)
	}
	w.Service = chat.New(o)
	return w
}

// run has the Service run until the test ends.
func (w *world) run(t *testing.T) *world {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run the service: %v", err)
		}
	})
	return w
}

// signUp makes an account and signs it in.
func (w *world) signUp(t *testing.T, name string) chat.Identity {
	t.Helper()
	_, err := w.SignUp(t.Context(), chat.NewUser{Username: name, Email: name + "@example.com", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	who, _ := w.signIn(t, name, password)
	return who
}

// signIn signs in and returns who that is, and the token's secret.
func (w *world) signIn(t *testing.T, name string, password chat.Secret) (chat.Identity, chat.Secret) {
	t.Helper()
	secret, _, err := w.SignIn(t.Context(), name, password, "")
	if err != nil {
		t.Fatal(err)
	}
	return w.identity(t, secret), secret
}

func (w *world) identity(t *testing.T, secret chat.Secret) chat.Identity {
	t.Helper()
	who, err := w.Authenticate(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// wantDead fails if a token is accepted.
func (w *world) wantDead(t *testing.T, secret chat.Secret) {
	t.Helper()
	if _, err := w.Authenticate(t.Context(), secret); !errors.Is(err, chat.ErrInvalidToken) {
		t.Errorf("a token that has ended: got %v", err)
	}
}

// users returns how many accounts there are.
func (w *world) users(t *testing.T) int {
	t.Helper()
	users, err := w.Users(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(users)
}

// hashes returns how many password hashes were computed.
func (w *world) hashes(t *testing.T) float64 {
	t.Helper()
	return w.metric(t, "chatire_password_hash_seconds", "")
}

// metric returns the value of a counter, or how often a histogram observed. result
// is the value of its label, "" where there is none.
func (w *world) metric(t *testing.T, name, result string) float64 {
	t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() != name || result != "" && m.GetLabel()[0].GetValue() != result {
				continue
			}
			return m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	t.Fatalf("no metric %s with result %q", name, result)
	return 0
}

// wantFields fails unless err complains about exactly these fields in these words.
func wantFields(t *testing.T, err error, want map[string][]string) {
	t.Helper()
	refusal, ok := errors.AsType[*chat.Error](err)
	if !ok || refusal.Code != chat.Invalid || fmt.Sprint(refusal.Fields) != fmt.Sprint(want) {
		t.Errorf("got %v\nwant %v", err, want)
	}
}

// wantCode fails unless err has this code.
func wantCode(t *testing.T, err error, want chat.Code) {
	t.Helper()
	if got := chat.CodeOf(err); got != want {
		t.Errorf("got %v, want the code %q", err, want)
	}
}

// eventually fails the test if ok does not become true within five seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen: %s", what)
		}
	}
}

// eachStore runs a test once on each database.
func eachStore(t *testing.T, test func(t *testing.T, store chat.Store)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, url chat.Secret) { test(t, storetest.Open(t, url)) })
}
