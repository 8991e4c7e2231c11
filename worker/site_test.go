package worker

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/lxzan/gws"
	"go.uber.org/goleak"

	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/boot/boottest"
	"github.com/chatire/chatire/pkg/bus/bustest"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// The HTTP library has goroutines that end by themselves some seconds after their
// server, and one that keeps the date for as long as the process lives.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
	)
}

// patience bounds every wait of these tests.
const patience = 20 * time.Second

// site is a running worker, and the chat service of its process.
type site struct {
	*boot.Kit
	url    string // of the websocket
	ops    string
	worker *Worker
	log    *gatedLog // of the worker
	stop   func()    // stops the process and waits for it
}

// kitProgram shows a test the kit of its process.
type kitProgram struct{ kit *boot.Kit }

func (kitProgram) Mount(*fiber.App)              {}
func (kitProgram) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// startSite runs a worker until the test ends.
func startSite(t *testing.T, database chat.Secret, bus string, settings ...string) *site {
	t.Helper()
	s := &site{}
	p := boottest.Start(t, boottest.Options{
		Database: database,
		Settings: append([]string{"CHATIRE_BUS_URL=" + bus}, settings...),
		Log:      testLog(),
		Programs: []boot.New{
			func(k *boot.Kit) (boot.Program, error) { s.Kit = k; return kitProgram{k}, nil },
			func(k *boot.Kit) (boot.Program, error) {
				p, err := New(k)
				if err == nil {
					s.worker = p.(*Worker)
					if s.worker.hub.epoch() == "" {
						t.Error("a connection that comes at once would be told of no epoch")
					}
					s.log = &gatedLog{Log: s.worker.hub.store}
					s.worker.hub.store = s.log
				}
				return p, err
			},
		},
	})
	s.url, s.ops, s.stop = "ws"+strings.TrimPrefix(p.URL, "http")+"/ws/", p.Ops, p.Stop
	return s
}

// testLog is silent unless CHATIRE_TEST_LOG is set.
func testLog() *slog.Logger {
	if os.Getenv("CHATIRE_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return boot.NewLog(os.Stderr, slog.LevelDebug)
}

// eachSite runs a test on both databases, one with each bus.
func eachSite(t *testing.T, test func(t *testing.T, s *site), settings ...string) {
	t.Helper()
	t.Run("sqlite and memory", func(t *testing.T) { test(t, startSite(t, storetest.SQLite(t), "memory://", settings...)) })
	t.Run("postgres and rabbitmq", func(t *testing.T) {
		s := startSite(t, storetest.Postgres(t), bustest.AMQP(t), settings...)
		s.awaitBus(t)
		test(t, s)
	})
}

// awaitBus waits until the bus is connected both ways.
func (s *site) awaitBus(t *testing.T) {
	t.Helper()
	eventually(t, "the bus is connected", func() bool {
		publisher, subscriber := s.Bus.Up()
		return publisher && subscriber
	})
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("waited in vain until %s", what)
}

// person is a user who signed in.
type person struct {
	chat.Identity
	secret chat.Secret
}

func (s *site) signUp(t *testing.T, name string) person {
	t.Helper()
	u, err := s.Store.CreateUser(t.Context(), chat.User{Username: name})
	if err != nil {
		t.Fatal(err)
	}
	return s.signIn(t, u)
}

// signIn makes a token as signing in does, without the price of a password.
func (s *site) signIn(t *testing.T, u chat.User) person {
	t.Helper()
	secret := chat.Secret((newConnectionID() + newConnectionID() + newConnectionID())[:40])
	token, err := s.Store.CreateToken(t.Context(), chat.Token{UserID: u.ID}, chat.DigestOf(secret), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return person{chat.Identity{User: u, Token: token}, secret}
}

// room opens a session of an owner and members and returns its uri.
func (s *site) room(t *testing.T, owner person, members ...person) string {
	t.Helper()
	session, err := s.Chat.OpenSession(t.Context(), owner.Identity, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		if _, err := s.Chat.AddMember(t.Context(), m.Identity, session.URI, m.User.Username); err != nil {
			t.Fatal(err)
		}
	}
	return session.URI
}

func (s *site) post(t *testing.T, who person, uri, text string) chat.Event {
	t.Helper()
	e, err := s.Chat.PostMessage(t.Context(), who.Identity, uri, chat.Post{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// device is a websocket as a client sees it: raw frames, in the order they came.
type device struct {
	ws     *gws.Conn
	frames chan map[string]any
	closed chan closing
	gate   atomic.Pointer[chan struct{}] // not nil: nothing is read until it is closed
}

// sleep makes the device read nothing until wake is called.
func (d *device) sleep() (wake func()) {
	gate := make(chan struct{})
	d.gate.Store(&gate)
	return sync.OnceFunc(func() { close(gate) })
}

type closing struct {
	code   int
	reason string
}

type deviceHandler struct {
	gws.BuiltinEventHandler
	d *device
}

func (h deviceHandler) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	if gate := h.d.gate.Load(); gate != nil {
		<-*gate
	}
	var f map[string]any
	if err := json.Unmarshal(m.Bytes(), &f); err != nil {
		f = map[string]any{"type": "not JSON: " + string(m.Bytes())}
	}
	h.d.frames <- f
}

func (h deviceHandler) OnClose(_ *gws.Conn, err error) {
	c := closing{code: 1006}
	if e, ok := err.(*gws.CloseError); ok {
		c = closing{int(e.Code), string(e.Reason)}
	}
	h.d.closed <- c
	close(h.d.frames)
}

// dial opens a websocket; headers are "Name: value".
func (s *site) dial(t *testing.T, headers ...string) (*device, *http.Response) {
	t.Helper()
	d := &device{frames: make(chan map[string]any, 1<<16), closed: make(chan closing, 1)}
	header := http.Header{}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		header.Set(name, value)
	}
	ws, response, err := gws.NewClient(deviceHandler{d: d}, &gws.ClientOption{Addr: s.url, RequestHeader: header})
	if err != nil {
		return nil, response
	}
	d.ws = ws
	done := make(chan struct{})
	go func() {
		defer close(done)
		ws.ReadLoop()
	}()
	t.Cleanup(func() {
		_ = ws.NetConn().Close()
		<-done
	})
	return d, response
}

// connect opens a websocket and signs in.
func (s *site) connect(t *testing.T, who person) *device {
	t.Helper()
	d, _ := s.dial(t)
	if d == nil {
		t.Fatal("the handshake was refused")
	}
	d.send(t, map[string]any{"type": "auth", "token": string(who.secret)})
	if hello := d.next(t); hello["type"] != "hello" {
		t.Fatalf("the first frame is %v", hello)
	}
	return d
}

func (d *device) send(t *testing.T, frame any) {
	t.Helper()
	text, err := json.Marshal(frame)
	if err != nil {
		t.Fatal(err)
	}
	d.sendText(t, string(text))
}

func (d *device) sendText(t *testing.T, text string) {
	t.Helper()
	if err := d.ws.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// subscribe asks for one session; after < 0 means from the head.
func (d *device) subscribe(t *testing.T, uri string, after int64) {
	t.Helper()
	e := map[string]any{"uri": uri}
	if after >= 0 {
		e["after"] = after
	}
	d.send(t, map[string]any{"type": "subscribe", "sessions": []any{e}})
}

// next returns the next frame that is neither a notice nor about presence: those may
// come between any others.
func (d *device) next(t *testing.T) map[string]any {
	t.Helper()
	for {
		f := d.nextOfAny(t)
		if f["type"] != "notice" && f["type"] != "presence" {
			return f
		}
	}
}

// wantNotice waits for a notice, passing over other frames.
func (d *device) wantNotice(t *testing.T, notice chat.Notice) {
	t.Helper()
	for {
		if f := d.nextOfAny(t); f["notice"] == string(notice) {
			return
		}
	}
}

func (d *device) nextOfAny(t *testing.T) map[string]any {
	t.Helper()
	select {
	case f, ok := <-d.frames:
		if !ok {
			t.Fatalf("the connection was closed: %+v", <-d.closed)
		}
		return f
	case <-time.After(patience):
		t.Fatal("no frame came")
	}
	return nil
}

// want takes the next frame and checks some of its fields.
func (d *device) want(t *testing.T, fields map[string]any) map[string]any {
	t.Helper()
	f := d.next(t)
	for name, value := range fields {
		got := f[name]
		if n, ok := value.(int); ok {
			value = float64(n)
		}
		if n, ok := value.(int64); ok {
			value = float64(n)
		}
		if got != value {
			t.Fatalf("%s is %v instead of %v in %v", name, got, value, f)
		}
	}
	return f
}

// wantEvents takes event frames and checks that they are from..to in order.
func (d *device) wantEvents(t *testing.T, uri string, from, to int64) {
	t.Helper()
	for seq := from; seq <= to; seq++ {
		d.want(t, map[string]any{"type": "event", "uri": uri, "seq": seq})
	}
}

// wantClosed waits for the end of the connection, passing over frames.
func (d *device) wantClosed(t *testing.T, code int) closing {
	t.Helper()
	select {
	case c := <-d.closed:
		if c.code != code {
			t.Fatalf("closed with %d %q instead of %d", c.code, c.reason, code)
		}
		return c
	case <-time.After(patience):
		t.Fatalf("not closed with %d", code)
	}
	return closing{}
}

// quiet checks that nothing comes before the answer to a ping.
func (d *device) quiet(t *testing.T) {
	t.Helper()
	d.send(t, map[string]any{"type": "ping"})
	d.want(t, map[string]any{"type": "pong"})
}
