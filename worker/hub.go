package worker

import (
	"context"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/config"
	"github.com/chatire/chatire/pkg/telemetry"
	"github.com/chatire/chatire/pkg/trace"
)

// Log is what the hub reads of the store. See [chat.Store] for what the methods
// promise.
type Log interface {
	ReadLog(ctx context.Context, ranges []chat.Range, maxBytes int) ([]chat.Event, error)
	Heads(ctx context.Context, sessionIDs []int64) (map[int64]int64, error)
	LiveTokens(ctx context.Context, ids []int64) ([]int64, error)
	Epoch(ctx context.Context) (string, error)
}

// Users says who is who and who may watch what.
type Users interface {
	Authenticate(ctx context.Context, secret chat.Secret) (chat.Identity, error)
	Watchable(ctx context.Context, userID int64, uris []string) (map[string]chat.Membership, error)
}

// Bus is what the hub asks of the bus.
type Bus interface {
	SlotOf(uri string) int
	Bind(ctx context.Context, slot int) error
	PublishTyping(t chat.Typing)
	PublishLoad(l chat.Load)
	PublishPresence(p chat.Presence)
}

// shards spread the watched Sessions over as many locks.
const shards = 64

// Hub knows which connections on this process watch which Session. It takes frames
// from the bus and brings them, each once and in order, to those who watch; what
// the bus lost it finds in the Log.
type Hub struct {
	store   Log
	users   Users
	bus     Bus
	log     *slog.Logger
	metrics *metrics
	trace   *trace.Ring
	tracer  *telemetry.Tracer // may be nil

	began   time.Time       // all times are counted from here, so that no clock set anew moves them
	ctx     context.Context // ends when the hub has stopped
	running sync.WaitGroup  // every goroutine of hub and connections
	budget  budget
	pages   *pages
	balance *balance

	presence *presence

	frames       limit // client frames of one connection
	perUser      limit // connections of one user
	framesPer10s int
	drainSpread  time.Duration
	clockAhead   func() time.Duration

	draining atomic.Bool  // no new connection is taken
	looked   atomic.Int64 // the hub's age when the last look at tokens and heads began that succeeded
	epochNow atomic.Pointer[string]
	bound    sync.Map // slots that were bound: int -> struct{}

	shard [shards]struct {
		mu      sync.Mutex // guards the map and the watchers of its cursors
		cursors map[string]*cursor
	}
	seed maphash.Seed

	mu         sync.Mutex // guards all below
	admission  *admission
	conns      map[*Connection]struct{}
	byUser     map[int64][]*Connection
	holes      []*cursor
	epochAsked time.Duration // the hub's age when the question began that epochNow is the answer to

	holesFound chan struct{} // has a token while holes may be non-empty
}

// HubOptions are what a hub is made of.
type HubOptions struct {
	Store       Log
	Users       Users
	Bus         Bus
	Log         *slog.Logger
	Limits      config.RateLimit
	Trace       *trace.Ring       // may be nil
	Tracer      *telemetry.Tracer // nil traces nothing
	Connections int               // at once
	DrainSpread time.Duration
	ClockAhead  func() time.Duration // how far the database's clock is ahead; may be nil
}

func newHub(ctx context.Context, o HubOptions, m *metrics) *Hub {
	h := &Hub{
		store:       o.Store,
		users:       o.Users,
		bus:         o.Bus,
		log:         o.Log,
		metrics:     m,
		trace:       o.Trace,
		tracer:      o.Tracer,
		began:       time.Now(),
		ctx:         ctx,
		balance:     newBalance(),
		admission:   newAdmission(o.Connections, limitOf(o.Limits, config.LimitConnects)),
		frames:      limitOf(o.Limits, config.LimitFrames),
		perUser:     limitOf(o.Limits, config.LimitUserSockets),
		drainSpread: o.DrainSpread,
		clockAhead:  o.ClockAhead,
		seed:        maphash.MakeSeed(),
		conns:       map[*Connection]struct{}{},
		byUser:      map[int64][]*Connection{},
		holesFound:  make(chan struct{}, 1),
	}
	h.budget.most = keptBytes
	h.pages = newPages(h)
	h.presence = newPresence(h)
	h.framesPer10s = h.frames.per(10 * time.Second)
	for i := range h.shard {
		h.shard[i].cursors = map[string]*cursor{}
	}
	return h
}

// databaseTime is a moment by the database's clock, as far as that is known.
func (h *Hub) databaseTime(t time.Time) time.Time {
	if h.clockAhead == nil {
		return t
	}
	return t.Add(h.clockAhead())
}

// age is how long the hub has lived.
func (h *Hub) age() time.Duration { return time.Since(h.began) }

// spawn starts a goroutine that the hub waits for when it stops.
func (h *Hub) spawn(f func()) { h.running.Go(f) }

func (h *Hub) epoch() string {
	if e := h.epochNow.Load(); e != nil {
		return *e
	}
	return ""
}

func (h *Hub) shardOf(uri string) int { return int(maphash.String(h.seed, uri) % shards) }

// acquire returns a cursor for each entry, made where there is none, and sees to it
// that the bus brings their Sessions. It comes before the heads are read, so that
// nothing that is stored after that can be missed.
func (h *Hub) acquire(entries []entry) []*cursor {
	cursors := make([]*cursor, len(entries))
	for i, e := range entries {
		s := &h.shard[h.shardOf(e.uri)]
		s.mu.Lock()
		cur, ok := s.cursors[e.uri]
		if !ok {
			cur = &cursor{hub: h, uri: e.uri, head: unopened, ring: ring{budget: &h.budget}}
			s.cursors[e.uri] = cur
			h.metrics.sessions.Inc()
		}
		cur.watchers++
		s.mu.Unlock()
		cursors[i] = cur
	}
	h.bind(entries)
	return cursors
}

// bind asks the bus for the slots of the entries. Without a broker there is nothing
// to wait for: the probe brings what it would have brought.
func (h *Hub) bind(entries []entry) {
	for _, e := range entries {
		slot := h.bus.SlotOf(e.uri)
		if _, done := h.bound.Load(slot); done {
			continue
		}
		ctx, cancel := h.deadline()
		err := h.bus.Bind(ctx, slot)
		cancel()
		if err != nil {
			h.log.Warn("bind slot", "slot", slot, "error", err)
			continue
		}
		h.bound.Store(slot, struct{}{})
	}
}

// release gives a cursor back; the last one to do so ends it.
func (h *Hub) release(cur *cursor) {
	s := &h.shard[h.shardOf(cur.uri)]
	s.mu.Lock()
	cur.watchers--
	last := cur.watchers == 0
	if last && s.cursors[cur.uri] == cur {
		delete(s.cursors, cur.uri)
		h.metrics.sessions.Dec()
	}
	s.mu.Unlock()
	if last {
		cur.end()
	}
}

// forgetCursors ends all cursors, whoever holds them, since what they know is of
// another Log. Who subscribes after that gets a new one.
func (h *Hub) forgetCursors() {
	for i := range h.shard {
		s := &h.shard[i]
		s.mu.Lock()
		old := s.cursors
		s.cursors = map[string]*cursor{}
		s.mu.Unlock()
		h.metrics.sessions.Sub(float64(len(old)))
		for _, cur := range old {
			cur.end()
		}
	}
}

// watched returns the cursor of a Session, nil if nobody watches it.
func (h *Hub) watched(uri string) *cursor {
	s := &h.shard[h.shardOf(uri)]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursors[uri]
}

// cursors returns all cursors there are now.
func (h *Hub) cursors() []*cursor {
	var all []*cursor
	for i := range h.shard {
		s := &h.shard[i]
		s.mu.Lock()
		for _, cur := range s.cursors {
			all = append(all, cur)
		}
		s.mu.Unlock()
	}
	return all
}

// insert adds a connection that has not signed in yet, unless there are too many or
// too many come: then it is to wait.
func (h *Hub) insert(c *Connection) (wait time.Duration, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if wait, ok := h.admission.enter(len(h.conns), time.Now()); !ok {
		return wait, false
	}
	h.conns[c] = struct{}{}
	h.metrics.connections.Set(float64(len(h.conns)))
	return 0, true
}

// admit lists a connection under its user, unless there are too many of them.
func (h *Hub) admit(c *Connection, who chat.Identity) (wait time.Duration, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := who.User.ID
	if h.perUser.on && len(h.byUser[id]) >= h.perUser.count {
		return h.perUser.window, false
	}
	c.who = who
	h.byUser[id] = append(h.byUser[id], c)
	return 0, true
}

// remove forgets a connection.
func (h *Hub) remove(c *Connection) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
	h.metrics.connections.Set(float64(len(h.conns)))
	id := c.who.User.ID
	if i := slices.Index(h.byUser[id], c); i >= 0 {
		h.byUser[id] = slices.Delete(h.byUser[id], i, i+1)
		if len(h.byUser[id]) == 0 {
			delete(h.byUser, id)
		}
	}
}

// ofUser returns the signed-in connections of a user.
func (h *Hub) ofUser(id int64) []*Connection {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.byUser[id])
}

// all returns every connection.
func (h *Hub) all() []*Connection {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*Connection, 0, len(h.conns))
	for c := range h.conns {
		all = append(all, c)
	}
	return all
}

func (h *Hub) publishTyping(t chat.Typing) { h.bus.PublishTyping(t) }

// read brings a subscription up by one page of the Log.
func (h *Hub) read(c *Connection, s *subscription) progress {
	pg := h.pages.take(s.missing())
	p := h.feed(c, s, pg.frames)
	h.pages.give(pg)
	if pg.err != nil {
		h.log.Warn("read log", "connection", c.id, "error", pg.err)
	}
	if len(pg.frames) == 0 {
		h.pause(repairPause)
	}
	return p
}

// feed hands over frames until the connection takes no more.
func (h *Hub) feed(c *Connection, s *subscription, frames []frame) progress {
	for len(frames) > 0 {
		p, n := s.feed(frames)
		h.metrics.caughtUp(frames[:n])
		frames = frames[n:]
		c.socket.flush()
		if p == isOver || p == isFull && c.socket.isBlocked() {
			return p
		}
	}
	return needsLog
}

// pause waits, unless the hub stops.
func (h *Hub) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-h.ctx.Done():
	}
}
