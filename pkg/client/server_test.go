package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 5 * time.Second

// site is a websocket server on loopback whose connections the test plays by hand,
// well or badly.
type site struct {
	t     *testing.T
	http  *httptest.Server
	peers chan *peer
}

func newSite(t *testing.T) *site {
	s := &site{t: t, peers: make(chan *peer, 16)}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ws/" {
			http.NotFound(w, r)
			return
		}
		p := &peer{t: t, frames: make(chan string, 64), pongs: make(chan string, 16)}
		conn, err := gws.NewUpgrader(p, nil).Upgrade(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		p.conn = conn
		s.peers <- p
		conn.ReadLoop()
	}))
	t.Cleanup(s.http.Close)
	return s
}

// accept waits for the next connection.
func (s *site) accept() *peer {
	s.t.Helper()
	select {
	case p := <-s.peers:
		return p
	case <-time.After(patience):
		s.t.Fatal("nobody connected")
		return nil
	}
}

// peer is the server's end of one connection.
type peer struct {
	gws.BuiltinEventHandler
	t      *testing.T
	conn   *gws.Conn
	frames chan string // what the client sent, but for pings
	pongs  chan string // what it answered to pings, and its own pings
}

func (p *peer) OnMessage(_ *gws.Conn, message *gws.Message) {
	defer message.Close()
	frame := message.Data.String()
	if frame == `{"type":"ping"}` {
		p.pongs <- "ping"
		return
	}
	p.frames <- frame
}

func (p *peer) OnPong(_ *gws.Conn, payload []byte) { p.pongs <- string(payload) }

func (p *peer) OnClose(*gws.Conn, error) { close(p.frames) }

// greet takes the sign-in and says hello.
func (p *peer) greet(extra ...string) *peer {
	p.t.Helper()
	p.want(`{"token":"secret","type":"auth"}`)
	p.send(`{"type":"hello","connection":"c","epoch":"e"` + strings.Join(extra, "") + `}`)
	return p
}

// next returns the client's next frame, "" once the connection is over.
func (p *peer) next() string {
	p.t.Helper()
	select {
	case frame := <-p.frames:
		return frame
	case <-time.After(patience):
		p.t.Fatal("the client sent nothing")
		return ""
	}
}

func (p *peer) want(frame string) {
	p.t.Helper()
	if got := p.next(); got != frame {
		p.t.Fatalf("the client sent %s, want %s", got, frame)
	}
}

// wantSubscribe takes a subscribe for one Session.
func (p *peer) wantSubscribe(uri string, after int, epoch string) {
	p.t.Helper()
	want := fmt.Sprintf(`{"type":"subscribe","sessions":[{"uri":%q,"after":%d}]`, uri, after)
	if epoch != "" {
		want += fmt.Sprintf(`,"epoch":%q`, epoch)
	}
	p.want(want + "}")
}

func (p *peer) send(frame string) {
	p.t.Helper()
	if err := p.conn.WriteString(frame); err != nil {
		p.t.Errorf("send %s: %v", frame, err)
	}
}

func (p *peer) subscribed(uri string, head int) {
	p.t.Helper()
	p.send(fmt.Sprintf(`{"type":"subscribed","uri":%q,"head":%d,"from":"log","epoch":"e"}`, uri, head))
}

// events sends frames of these seqs, whether that makes sense or not.
func (p *peer) events(uri string, seqs ...int) {
	p.t.Helper()
	for _, seq := range seqs {
		p.send(eventFrame(uri, seq))
	}
}

func eventFrame(uri string, seq int) string {
	return fmt.Sprintf(`{"type":"event","uri":%q,"seq":%d,"event":"message","id":%d,"rev":%d,`+
		`"user":{"id":7,"username":"ada","email":"","first_name":"","last_name":""},`+
		`"created_date":"2030-01-02T03:04:05.000006Z","message":"text %d","client_id":"c%d"}`, uri, seq, seq, seq, seq, seq)
}

func (p *peer) close(code uint16, reason string) { p.conn.WriteClose(code, []byte(reason)) }

// cut ends the connection as a broken network does.
func (p *peer) cut() { p.conn.NetConn().Close() }

// witness is a running device and what it told, in words.
type witness struct {
	t      *testing.T
	device *Device
	told   chan string
	ended  chan error // what Run returned
}

// run starts a device at the site that does not wait long for anything.
func (s *site) run(change ...func(*Device)) *witness {
	w := &witness{t: s.t, told: make(chan string, 1024), ended: make(chan error, 1)}
	c, err := New(s.http.URL, WithToken("secret"))
	if err != nil {
		s.t.Fatal(err)
	}
	w.device = c.Device(DeviceOptions{Hooks: w.hooks()})
	w.device.pace = pace{
		backoff:   backoff{base: time.Millisecond, cap: 4 * time.Millisecond},
		penance:   10 * time.Millisecond,
		restart:   time.Millisecond,
		lifetime:  time.Second,
		heartbeat: time.Minute,
	}
	for _, f := range change {
		f(w.device)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.t.Cleanup(func() { cancel(); <-w.ended })
	go func() {
		w.ended <- w.device.Run(ctx)
		close(w.ended)
	}()
	return w
}

func (w *witness) hooks() Hooks {
	tell := func(format string, args ...any) { w.told <- fmt.Sprintf(format, args...) }
	return Hooks{
		OnEvent:    func(e Event) { tell("%s %d %s", e.URI, e.Seq, e.Message) },
		OnCaughtUp: func(uri string, seq int64) { tell("%s caught up at %d", uri, seq) },
		OnReset:    func(at Position) { tell("%s reset to %d of %s", at.URI, at.After, at.Epoch) },
		OnEnd:      func(uri, reason string) { tell("%s ended: %s", uri, reason) },
		OnError:    func(code, uri, _ string) { tell("error %s %s", code, uri) },
		OnClose: func(err error, _ time.Duration) {
			if closed, ok := errors.AsType[*CloseError](err); ok {
				tell("closed %d", closed.Code)
			}
		},
	}
}

// want takes what the device tells next.
func (w *witness) want(words ...string) {
	w.t.Helper()
	for _, word := range words {
		select {
		case got := <-w.told:
			if got != word {
				w.t.Fatalf("the device told %q, want %q", got, word)
			}
		case <-time.After(patience):
			w.t.Fatalf("the device did not tell %q", word)
		}
	}
}
