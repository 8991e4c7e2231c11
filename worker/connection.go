package worker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"github.com/chatire/chatire/pkg/chat"
)

const (
	// heartbeat is how often each side is asked for a sign of life; one that is
	// silent for three of them is dropped.
	heartbeat = 15 * time.Second

	// authPatience is how long a connection may take to sign in.
	authPatience = 5 * time.Second

	// maxBadFrames is how many frames that cannot be read a connection may send.
	maxBadFrames = 10
)

// Connection is one websocket: one signed-in device that watches many Sessions. A
// goroutine reads it, and has each of the client's frames answered before the next:
// see aside. There are others only while something is behind: see socket and pump.
type Connection struct {
	hub    *Hub
	id     string
	opened time.Time
	socket *socket
	ws     *gws.Conn
	header chat.Secret // the token of the handshake, "" if there was none

	onKnown func() // called when it signs in

	greeted  atomic.Bool  // hello was sent: nothing may come before it
	lastSeen atomic.Int64 // the hub's age at the last sign of life, in nanoseconds
	closing  atomic.Int32 // the code it was closed with by us, 0 while open
	returns  atomic.Int64 // the hub's age when it is to come back elsewhere, in nanoseconds; 0 if it stays

	// who is signed in. It is set once, by admit, under the hub's lock, which others
	// than the reader take to read it.
	who chat.Identity

	// Only the reader's goroutine uses these, and who answers for it.
	admitted  bool // it is signed in
	deadline  *time.Timer
	frames    window
	badFrames int
	typed     time.Time

	mu      sync.Mutex // guards all below; taken after a cursor's
	subs    []*subscription
	lagging []*subscription
	pumping bool
	gone    bool
}

func newConnectionID() string {
	var random [8]byte
	rand.Read(random[:]) // never fails: see crypto/rand
	return hex.EncodeToString(random[:])
}

// open is called by the reader before the first frame.
func (c *Connection) open() {
	c.seen()
	c.deadline = time.AfterFunc(authPatience, func() { c.close(closeNoAuth, "sign in within 5 seconds") })
	if c.header != "" {
		c.signIn(c.header)
	}
}

// signIn checks the token and greets the client.
func (c *Connection) signIn(secret chat.Secret) {
	ctx, cancel := c.hub.deadline()
	defer cancel()
	who, err := c.hub.users.Authenticate(ctx, secret)
	c.header = ""
	if chat.CodeOf(err) == chat.Unauthorized {
		c.close(closeSignedOut, "this token is not accepted")
		return
	}
	if err != nil {
		c.hub.log.Warn("check token", "connection", c.id, "error", err)
		c.close(closeFault, "")
		return
	}
	if wait, ok := c.hub.admit(c, who); !ok {
		c.close(closeTooMany, milliseconds(wait))
		return
	}
	c.admitted = true
	c.onKnown()
	if !c.deadline.Stop() {
		return // it closed just now
	}
	c.deadline = nil
	c.answer(typeHello, helloFrame{
		Type:       "hello",
		Connection: c.id,
		Epoch:      c.hub.epoch(),
		Heartbeat:  int(heartbeat.Seconds()),
		Limits: helloLimits{
			Subscribe:     maxSubscribe,
			Subscriptions: maxSubscriptions,
			FrameBytes:    maxClientFrame,
			MessageChars:  chat.MaxMessage,
			FramesPer10s:  c.hub.framesPer10s,
		},
	})
	c.greeted.Store(true)
	c.tellReturn()
}

// seen notes a sign of life: a frame of the peer, or that it takes what it was slow
// to take, since a peer that is behind gets no pings to answer.
func (c *Connection) seen() { c.lastSeen.Store(int64(c.hub.age())) }

// count notes a frame of the client and closes the connection if they are too many.
func (c *Connection) count() bool {
	c.seen()
	wait, ok := c.frames.take(time.Now(), c.hub.frames)
	if !ok {
		c.close(closeTooMany, milliseconds(wait))
	}
	return ok
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// close ends the connection with a code of the protocol. Frames that wait are sent
// before, as far as the peer takes them. It never blocks.
func (c *Connection) close(code int, reason string) {
	if !c.closing.CompareAndSwap(0, int32(code)) {
		return
	}
	c.hub.metrics.closed(code)
	_ = c.ws.WriteClose(uint16(code), []byte(reason))
}

// revoke closes the connection of a token that has ended. What it was slow to take
// it does not get.
func (c *Connection) revoke() {
	c.socket.cutOff()
	c.close(closeSignedOut, "this token has ended")
}

// failed is called when a write failed.
func (c *Connection) failed(err error) {
	code := 0
	if errors.Is(err, errNotReading) {
		code = closeNotReading
		c.hub.metrics.slow.Inc()
	}
	if code != 0 && c.closing.CompareAndSwap(0, int32(code)) {
		c.hub.metrics.closed(code)
	}
}

// leave ends all that the connection has on this process. The reader calls it last.
func (c *Connection) leave() {
	if c.deadline != nil {
		c.deadline.Stop()
	}
	c.mu.Lock()
	c.gone = true
	subs := c.subs
	c.subs, c.lagging = nil, nil
	c.mu.Unlock()
	c.hub.metrics.subscriptions.Sub(float64(len(subs)))
	for _, s := range subs {
		s.cursor.leave(s)
		c.hub.presence.exit(s.cursor.uri, s.userID)
		c.hub.release(s.cursor)
	}
	c.hub.remove(c)
}

// find returns the subscription to a Session, nil if there is none.
func (c *Connection) find(uri string) *subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.subs {
		if s.cursor.uri == uri {
			return s
		}
	}
	return nil
}

// add notes a subscription that is behind, until the pump has brought it up.
func (c *Connection) add(s *subscription) {
	c.mu.Lock()
	c.subs = append(c.subs, s)
	c.mu.Unlock()
	c.hub.metrics.subscriptions.Inc()
	c.hub.presence.enter(s.cursor.uri, s.userID)
	c.lag(s)
}

// forget drops a subscription that is over.
func (c *Connection) forget(s *subscription) {
	c.mu.Lock()
	i := slices.Index(c.subs, s)
	if i >= 0 {
		c.subs = slices.Delete(c.subs, i, i+1)
	}
	c.mu.Unlock()
	if i >= 0 {
		c.hub.metrics.subscriptions.Dec()
		c.hub.presence.exit(s.cursor.uri, s.userID)
		c.hub.release(s.cursor)
	}
}

// end takes a subscription off its Session at the client's wish.
func (c *Connection) end(s *subscription) {
	s.cursor.leave(s)
	c.forget(s)
}

// lag hands a subscription that is behind to the pump.
func (c *Connection) lag(s *subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return
	}
	c.lagging = append(c.lagging, s)
	if !c.pumping {
		c.pumping = true
		c.hub.spawn(c.pump)
	}
}

// next takes a subscription that is behind. The pump ends when there is none.
func (c *Connection) next() *subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.lagging) == 0 {
		c.lagging, c.pumping = nil, false
		return nil
	}
	s := c.lagging[0]
	c.lagging = c.lagging[1:]
	return s
}

// pump brings up what is behind on this connection, one step of one subscription
// after another, as fast as the client reads. It is the one way for first load,
// resume, repair and slow readers.
func (c *Connection) pump() {
	defer c.recovered()
	c.hub.metrics.catchingUp.Inc()
	defer c.hub.metrics.catchingUp.Dec()
	for {
		if !c.socket.waitRoom() || !c.hub.awaitLease() {
			c.mu.Lock()
			c.pumping, c.lagging = false, nil
			c.mu.Unlock()
			return
		}
		s := c.next()
		if s == nil {
			return
		}
		if s.cursor.isHeld() {
			c.hub.pause(leasePause)
			c.lag(s)
			continue
		}
		p := s.join()
		if p == needsLog {
			p = c.hub.read(c, s)
		}
		c.socket.flush()
		switch p {
		case isFull, needsLog:
			c.lag(s)
		case isOver:
			c.forget(s)
		}
	}
}

// deadline bounds one question to the store.
func (h *Hub) deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(h.ctx, 2*time.Second)
}
