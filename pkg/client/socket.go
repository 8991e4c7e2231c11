package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"
)

const (
	dialTimeout  = 5 * time.Second
	writeTimeout = 5 * time.Second

	// silentHeartbeats is after how many of them without a sign of life a connection
	// counts as broken.
	silentHeartbeats = 3

	// readBuffer is small since there are benches with ten thousand devices; a frame
	// that is larger is read past it.
	readBuffer = 1 << 10

	// maxFrame is the largest frame that a server sends.
	maxFrame = 64 << 10
)

// errSilent ends a connection that gave no sign of life.
var errSilent = errors.New("the server is silent")

// socket is one connection of a device.
type socket struct {
	device *Device
	conn   *gws.Conn

	heartbeat atomic.Int64 // nanoseconds
	heard     atomic.Int64 // when the server last gave a sign of life: nanoseconds since began
	began     time.Time
	silent    atomic.Bool // ended since it gave no sign of life

	// The goroutine of Run alone uses these.
	greeted time.Time // zero until hello
	end     end

	// mu guards what follows.
	mu      sync.Mutex
	over    bool
	busy    sync.WaitGroup // timers that are at work; none begins once it is over
	beat    *time.Timer
	flushes *time.Timer
}

// connect dials, signs in and reads until the connection ends. It waits for all
// that it started.
func (d *Device) connect(ctx context.Context) end {
	s := &socket{device: d, began: time.Now()}
	s.heartbeat.Store(int64(d.pace.heartbeat))
	if err := s.open(ctx); err != nil {
		return end{err: err}
	}
	stopped := make(chan struct{})
	leave := context.AfterFunc(ctx, func() {
		defer close(stopped)
		s.close(1000)
	})
	s.send(mustEncode(map[string]string{"type": "auth", "token": d.token}))
	s.mu.Lock()
	s.beat = time.AfterFunc(d.pace.heartbeat, s.work(s.pulse))
	s.mu.Unlock()

	s.conn.ReadLoop()

	d.lost()
	if !leave() {
		<-stopped
	}
	s.finish()
	return s.end
}

// open makes the connection.
func (s *socket) open(ctx context.Context) error {
	address := s.device.pick()
	target, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("read websocket address: %w", err)
	}
	conn, err := s.device.dial(ctx, "tcp", hostPort(target))
	if err != nil {
		return err // says address
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	stream := conn
	if target.Scheme == "wss" {
		stream = tls.Client(conn, &tls.Config{ServerName: target.Hostname()})
	}
	ws, answer, err := gws.NewClientFromConn(s, &gws.ClientOption{
		Addr:               address,
		HandshakeTimeout:   dialTimeout,
		ReadBufferSize:     readBuffer,
		ReadMaxPayloadSize: maxFrame,
		NewSession:         func() gws.SessionStorage { return nil }, // never used
	}, stream)
	if refused := refusal(answer); refused != nil {
		return fmt.Errorf("open %s: %w", address, refused)
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", address, err)
	}
	s.conn = ws
	return nil
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "wss" {
		return net.JoinHostPort(u.Hostname(), "443")
	}
	return net.JoinHostPort(u.Hostname(), "80")
}

// send writes a text frame. If that fails the connection is over, which the reader
// notices.
func (s *socket) send(text []byte) {
	s.conn.NetConn().SetWriteDeadline(time.Now().Add(writeTimeout))
	s.conn.WriteMessage(gws.OpcodeText, text)
}

func (s *socket) close(code uint16) {
	s.conn.NetConn().SetWriteDeadline(time.Now().Add(time.Second))
	s.conn.WriteClose(code, nil)
}

// work makes f fit for a timer: finish waits for it.
func (s *socket) work(f func()) func() {
	return func() {
		s.mu.Lock()
		if s.over {
			s.mu.Unlock()
			return
		}
		s.busy.Add(1)
		s.mu.Unlock()
		defer s.busy.Done()
		f()
	}
}

// finish stops the timers and waits for those at work.
func (s *socket) finish() {
	s.mu.Lock()
	s.over = true
	s.beat.Stop()
	if s.flushes != nil {
		s.flushes.Stop()
	}
	s.mu.Unlock()
	s.busy.Wait()
}

// pulse asks for a sign of life, and ends a connection that gave none.
func (s *socket) pulse() {
	interval := time.Duration(s.heartbeat.Load())
	if time.Since(s.began)-time.Duration(s.heard.Load()) > silentHeartbeats*interval {
		s.silent.Store(true)
		s.conn.NetConn().Close()
		return
	}
	s.send([]byte(`{"type":"ping"}`))
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.beat.Reset(interval)
	}
}

// flushLater has the device send what is dirty after a while.
func (s *socket) flushLater(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over:
	case s.flushes == nil:
		s.flushes = time.AfterFunc(d, s.work(s.device.flush))
	default:
		s.flushes.Reset(d)
	}
}

// OnOpen has nothing to do: open has done it.
func (s *socket) OnOpen(*gws.Conn) {}

// OnPing answers.
func (s *socket) OnPing(_ *gws.Conn, payload []byte) {
	s.listen()
	s.conn.NetConn().SetWriteDeadline(time.Now().Add(writeTimeout))
	s.conn.WritePong(payload)
}

// OnPong is a sign of life.
func (s *socket) OnPong(*gws.Conn, []byte) { s.listen() }

// OnClose notes why.
func (s *socket) OnClose(_ *gws.Conn, err error) {
	closed, told := errors.AsType[*gws.CloseError](err)
	switch {
	case s.silent.Load():
		err = errSilent
	case told && closed.Code != 0:
		err = &CloseError{Code: int(closed.Code), Reason: string(closed.Reason)}
	}
	s.end.err = err
	if !s.greeted.IsZero() {
		s.end.lived = time.Since(s.greeted)
	}
}

// OnMessage takes one frame.
func (s *socket) OnMessage(_ *gws.Conn, message *gws.Message) {
	defer message.Close()
	s.listen()
	s.receive(message.Bytes())
}

func (s *socket) listen() { s.heard.Store(int64(time.Since(s.began))) }

// receive tells an event, which comes often, from all else.
func (s *socket) receive(text []byte) {
	d := s.device
	if uri, seq, ok := peekEvent(text); ok {
		d.event(uri, seq, text)
		return
	}
	var c control
	if json.Unmarshal(text, &c) != nil {
		return // a client ignores what it does not understand
	}
	if c.Type == "event" {
		d.event([]byte(c.URI), c.Seq, text)
		return
	}
	if d.hooks.OnFrame != nil {
		d.hooks.OnFrame(Frame{Type: c.Type, URI: c.URI, Seq: c.Seq, Text: text})
	}
	switch c.Type {
	case "hello":
		s.greet(c)
	case "drain":
		s.end.drained = time.Now().Add(time.Duration(c.ReconnectIn) * time.Millisecond)
	default:
		d.receive(c)
	}
}

// greet takes the server's figures, within reason.
func (s *socket) greet(hello control) {
	if !s.greeted.IsZero() {
		return
	}
	s.greeted = time.Now()
	if hello.Heartbeat > 0 {
		s.heartbeat.Store(int64(time.Duration(hello.Heartbeat) * time.Second))
	}
	if hello.Limits.Subscribe <= 0 {
		hello.Limits.Subscribe = 200
	}
	if hello.Limits.FrameBytes <= 0 {
		hello.Limits.FrameBytes = 16 << 10
	}
	s.device.greeted(s, hello)
}
