package worker

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/lxzan/gws"

	"github.com/chatire/chatire/pkg/chat"
)

// readBuffer is the size of each connection's read buffer. Clients say little.
const readBuffer = 512

// validKey says whether a Sec-WebSocket-Key is one: 16 bytes in base64.
func validKey(key string) bool {
	raw, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(raw) == 16
}

func newUpgrader(log gws.Logger) *gws.Upgrader {
	return gws.NewUpgrader(handler{}, &gws.ServerOption{
		ReadMaxPayloadSize: maxClientFrame,
		ReadBufferSize:     readBuffer,
		Logger:             log,
		NewSession:         func() gws.SessionStorage { return new(session) },
	})
}

// serve is a connection's life: the handshake's answer, then one frame of the
// client after another.
func (w *Worker) serve(conn net.Conn, early []byte, request *http.Request, addr netip.Addr, secret chat.Secret) {
	c := &Connection{hub: w.hub, id: newConnectionID(), opened: time.Now(), header: secret}
	c.socket = newSocket(conn, w.hub.spawn, c.seen, c.failed)
	known := false
	c.onKnown = func() {
		known = true
		w.handshake.doors.known(addr)
	}
	defer func() {
		if !known {
			w.handshake.doors.known(addr)
		}
		w.handshake.doors.exit(addr)
	}()
	client := &meter{from: c.socket, tooMuch: func() { c.close(closeTooBig, "a message has up to 16 KiB and 64 fragments") }}
	if len(early) > 0 {
		client.from = io.MultiReader(bytes.NewReader(early), c.socket)
	}
	ws, err := w.upgrader.UpgradeFromConn(c.socket, bufio.NewReaderSize(client, readBuffer), request)
	if err != nil {
		c.socket.hangUp()
		return
	}
	c.ws = ws
	ws.Session().(*session).conn = c
	defer c.socket.hangUp()
	w.metrics.opened.Inc()
	if wait, ok := w.hub.insert(c); !ok {
		c.close(closeFull, milliseconds(wait))
		return
	}
	defer c.leave()
	defer c.recovered()
	ws.ReadLoop()
}

// recovered ends a connection that a fault of ours hit. The others go on, and
// nobody is told what it was.
func (c *Connection) recovered() {
	if fault := recover(); fault != nil {
		c.hub.metrics.panics.Inc()
		c.hub.log.Error("fault in a connection", "connection", c.id, "fault", fault, "stack", string(debug.Stack()))
		c.close(closeFault, "")
	}
}

// handler passes the websocket library's calls on to the connection.
type handler struct{}

// OnOpen implements gws.Event.
func (handler) OnOpen(ws *gws.Conn) {
	c := connectionOf(ws)
	c.aside(c.open)
}

// OnClose implements gws.Event.
func (handler) OnClose(ws *gws.Conn, err error) {
	c := connectionOf(ws)
	code := 1006
	if e, ok := err.(*gws.CloseError); ok {
		code = int(e.Code)
	}
	if c.closing.CompareAndSwap(0, int32(code)) {
		c.hub.metrics.closed(code)
	}
}

// OnPing implements gws.Event.
func (handler) OnPing(ws *gws.Conn, payload []byte) {
	if connectionOf(ws).count() {
		_ = ws.WritePong(payload)
	}
}

// OnPong implements gws.Event.
func (handler) OnPong(ws *gws.Conn, _ []byte) { connectionOf(ws).seen() }

// OnMessage implements gws.Event.
func (handler) OnMessage(ws *gws.Conn, m *gws.Message) {
	defer m.Close()
	c := connectionOf(ws)
	switch {
	case c.closing.Load() != 0:
	case m.Opcode != gws.OpcodeText:
		c.close(closeUnsupported, "only text is spoken here")
	default:
		c.aside(func() { c.receive(m.Bytes()) })
	}
}

// aside runs f on a goroutine of its own and waits for it. A stack never shrinks
// below what it needs while it is read on: answering a frame goes deep, into JSON
// and the database, and would leave every idle connection with several times the
// stack that waiting for the next frame needs.
func (c *Connection) aside(f func()) {
	done := make(chan struct{})
	c.hub.spawn(func() {
		defer close(done)
		defer c.recovered()
		f()
	})
	<-done
}

// session ties the library's connection to ours. It is the library's place for
// values, which we use for this one only.
type session struct{ conn *Connection }

func connectionOf(ws *gws.Conn) *Connection { return ws.Session().(*session).conn }

// Len implements gws.SessionStorage.
func (*session) Len() int { return 0 }

// Load implements gws.SessionStorage.
func (*session) Load(string) (any, bool) { return nil, false }

// Delete implements gws.SessionStorage.
func (*session) Delete(string) {}

// Store implements gws.SessionStorage.
func (*session) Store(string, any) {}

// Range implements gws.SessionStorage.
func (*session) Range(func(string, any) bool) {}
