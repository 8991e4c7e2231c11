package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/chatire/chatire/pkg/chat"
)

// Of the 100 frames in 10 s that a server takes, a device uses at most 80 to
// subscribe; what comes faster goes together in the next frame.
const (
	framesPerSecond = 5
	framesAtOnce    = 30
)

// Device is one websocket that watches Sessions of one user, and connects again as
// often as it must. Run is its life; it subscribes to what Subscribe was told,
// before or while it runs.
type Device struct {
	addresses []string
	picked    int // the address of the last try; only Run's goroutine uses it
	token     string
	hooks     Hooks
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
	pace      pace

	// mu guards what follows. It is not held while a hook runs or a frame is sent.
	mu       sync.Mutex
	socket   *socket // nil while there is no connection, or no hello from it
	limits   limits
	watches  map[string]*watch
	dirty    []*watch
	leaving  []string // uris to unsubscribe from
	flushing bool     // one goroutine at a time sends what is dirty
	budget   *rate.Limiter
}

// Hooks is what a device tells. All of them run on the goroutine of Run, one at a
// time; while one runs the device reads nothing. Any may be nil.
type Hooks struct {
	// OnEvent gets each Event of each Session once, in the order of its Seq,
	// whatever happens to connections. Without it no event frame is decoded.
	OnEvent func(Event)

	// OnFrame gets every frame before the device looks at it, also repeated ones and
	// those beyond a gap. Its Text is gone when the hook returns.
	OnFrame func(Frame)

	// OnOpen gets the server's name for a connection, after each sign-in.
	OnOpen func(connection string)

	// OnClose gets why a connection ended, or why there was none. A *CloseError says
	// that the server wanted so. Another try follows after wait.
	OnClose func(err error, wait time.Duration)

	// OnSubscribed says that events from After+1 on follow, and OnCaughtUp that there
	// are no more older ones.
	OnSubscribed func(at Position, head int64)
	OnCaughtUp   func(uri string, seq int64)

	// OnReset says that what is known of a Session is void: the Log begins anew after
	// the position.
	OnReset func(at Position)

	// OnNotice gets hints of what changed for the user: the lists that REST gives are the
	// truth. uri is "" and seq 0 where they say nothing.
	OnNotice func(notice chat.Notice, uri string, seq int64)

	// OnPresence gets who watches a Session, and then what changes.
	OnPresence func(uri string, p Presence)

	// OnTyping says that somebody else writes in a Session. It is to be forgotten after
	// TypingShown.
	OnTyping func(uri string, userID int64, username string)

	// OnEnd says that a Session is watched no more: "removed", "left", "closed",
	// "deleted" or "not_found".
	OnEnd func(uri, reason string)

	// OnError gets the server's complaints about frames. They are the client's fault.
	OnError func(code, uri, detail string)
}

// TypingShown is for how long somebody is shown to be writing.
const TypingShown = 6 * time.Second

// Presence is who watches a Session: all of them (Online), a change (Joined and Left), or
// where they are many just a Count.
type Presence struct {
	Online []int64 `json:"online"`
	Joined []int64 `json:"joined"`
	Left   []int64 `json:"left"`
	Count  int     `json:"count"`
}

// DeviceOptions is how to make a [Device].
type DeviceOptions struct {
	Hooks

	// Dial opens the connection; nil is the ordinary way. Tests put broken networks
	// here.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Device makes a device of the Client's user. It does nothing until it runs.
func (c *Client) Device(o DeviceOptions) *Device {
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return &Device{
		addresses: c.sockets,
		picked:    rand.IntN(max(1, len(c.sockets))),
		token:     string(c.token),
		hooks:     o.Hooks,
		dial:      o.Dial,
		pace:      newPace(),
		watches:   map[string]*watch{},
		budget:    rate.NewLimiter(framesPerSecond, framesAtOnce),
	}
}

// Run connects, and connects again after each break, until ctx ends or the token is
// not accepted (ErrSignedOut). It leaves no goroutine behind.
func (d *Device) Run(ctx context.Context) error {
	for {
		end := d.connect(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if end.signedOut() {
			d.closed(end.err, 0)
			return ErrSignedOut
		}
		wait := d.pace.wait(end)
		d.closed(end.err, wait)
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

// pick returns the address for the next try: any, but not the one of the try before if
// there are others.
func (d *Device) pick() string {
	if len(d.addresses) == 1 {
		return d.addresses[0]
	}
	next := rand.IntN(len(d.addresses) - 1)
	if next >= d.picked {
		next++
	}
	d.picked = next
	return d.addresses[next]
}

func (d *Device) closed(err error, wait time.Duration) {
	if d.hooks.OnClose != nil {
		d.hooks.OnClose(err, wait)
	}
}

// Subscribe watches Sessions from a position on. For a Session that is watched
// already it begins anew at that position. A server takes 1,000 Sessions on one
// connection.
func (d *Device) Subscribe(positions ...Position) {
	d.mu.Lock()
	for _, p := range positions {
		w := d.watches[p.URI]
		if w == nil {
			w = &watch{}
			d.watches[p.URI] = w
		}
		w.Position, w.left = p, false
		d.mark(w)
	}
	d.mu.Unlock()
	d.flush()
}

// Unsubscribe stops watching Sessions. Their events are not handed over any more.
func (d *Device) Unsubscribe(uris ...string) {
	d.mu.Lock()
	for _, uri := range uris {
		if w := d.watched(uri); w != nil {
			w.left, w.dirty = true, false
			d.leaving = append(d.leaving, uri)
		}
	}
	d.mu.Unlock()
	d.flush()
}

// Position returns where the device stands in a Session, for another device to go
// on from there. ok is false if it does not watch the Session.
func (d *Device) Position(uri string) (at Position, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.watched(uri)
	if w == nil {
		return Position{}, false
	}
	return w.Position, true
}

// Typing tells the others of a Session that the user is writing. It is lost if
// there is no connection.
func (d *Device) Typing(uri string) {
	d.mu.Lock()
	s := d.socket
	d.mu.Unlock()
	if s != nil {
		s.send(mustEncode(map[string]string{"type": "typing", "uri": uri}))
	}
}

// flush sends what is dirty. If another goroutine is at it, that one does it all.
// What the budget does not allow is sent by a timer.
func (d *Device) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.flushing {
		return
	}
	d.flushing = true
	defer func() { d.flushing = false }()
	for d.socket != nil && (len(d.dirty) > 0 || len(d.leaving) > 0) {
		s := d.socket
		if !d.budget.Allow() {
			s.flushLater(time.Second / framesPerSecond)
			return
		}
		frame := d.takeFrame()
		if frame == nil {
			return
		}
		d.mu.Unlock()
		s.send(frame)
		d.mu.Lock()
	}
}

// greeted begins a connection's work: it subscribes to everything.
func (d *Device) greeted(s *socket, hello control) {
	d.mu.Lock()
	d.socket = s
	d.limits = hello.Limits
	d.dirty, d.leaving = nil, nil
	for uri, w := range d.watches {
		w.asked, w.dirty = nil, false
		if w.left {
			delete(d.watches, uri)
			continue
		}
		d.mark(w)
	}
	d.mu.Unlock()
	if d.hooks.OnOpen != nil {
		d.hooks.OnOpen(hello.Connection)
	}
	d.flush()
}

// lost ends a connection's work.
func (d *Device) lost() {
	d.mu.Lock()
	d.socket = nil
	d.mu.Unlock()
}

// refusal is an answer to a handshake that is no upgrade.
func refusal(answer *http.Response) error {
	if answer == nil || answer.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	return &Error{Status: answer.StatusCode, RetryAfter: retryAfter(answer.Header)}
}

// CloseError is a connection's end as the server told it.
type CloseError struct {
	Code   int
	Reason string
}

func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("closed with %d", e.Code)
	}
	return fmt.Sprintf("closed with %d: %s", e.Code, e.Reason)
}
