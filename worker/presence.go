package worker

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

const (
	// presencePause is how long changes are gathered before they are told to other
	// workers and shown to connections.
	presencePause = 50 * time.Millisecond

	// presenceEvery is how often changes of one Session are told, and how often they are
	// shown, at most.
	presenceEvery = time.Second

	// presenceFirst is how long the first who watches a Session here waits to be shown
	// who is there: until then the other workers have answered.
	presenceFirst = 250 * time.Millisecond

	// presenceFull is how often other workers are told all that are here, and
	// presenceLife for how long they believe it. Two lists may be lost; who was at a
	// worker that crashed is gone within a minute, with what is gathered and paced.
	presenceFull = 20 * time.Second
	presenceLife = 50 * time.Second

	// presenceNamed is up to how many Users are named. Of more there is only a count:
	// naming n of them to n of them would cost n squared.
	presenceNamed = 200

	// presenceAsked bounds the Sessions of one question.
	presenceAsked = 500
)

// presence knows who is in which Session: who watches it here, and who watches it on
// other workers as they say. Nothing of it is stored, and all of it may be late: words
// that are lost are made good by the full lists, and those of a worker that is gone are
// forgotten.
//
// However many come and go, a Session costs a connection one frame a second: changes
// are gathered meanwhile.
type presence struct {
	hub  *Hub
	kick chan struct{} // has a token while there may be something to tell or show

	mu       sync.Mutex // guards all below; nothing is locked under it
	sessions map[string]*attendance
	dirty    map[string]struct{} // Sessions with something to tell or show
	asking   []string            // Sessions that somebody here has just begun to watch
}

// attendance is who is in one Session that somebody here watches.
type attendance struct {
	here  map[int64]int        // Users, by how many subscriptions they have here
	there map[string]*absentee // by worker
	told  map[int64]struct{}   // of here, what other workers know
	shown map[int64]struct{}   // what connections here know

	toldAt, shownAt, fullAt time.Duration // the hub's age; toldAt and fullAt 0: never
}

// absentee is what another worker has said of itself.
type absentee struct {
	users map[int64]struct{}
	until time.Duration
}

func newPresence(h *Hub) *presence {
	return &presence{
		hub:      h,
		kick:     make(chan struct{}, 1),
		sessions: map[string]*attendance{},
		dirty:    map[string]struct{}{},
	}
}

// touch notes that there is something to tell or show of a Session. With the lock.
func (p *presence) touch(uri string) {
	p.dirty[uri] = struct{}{}
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// welcome notes that a connection is to be shown who is in a Session.
func (p *presence) welcome(uri string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions[uri] != nil {
		p.touch(uri)
	}
}

// enter notes one more subscription of a User here.
func (p *presence) enter(uri string, userID int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.sessions[uri]
	if a == nil {
		a = &attendance{here: map[int64]int{}, there: map[string]*absentee{}}
		a.shownAt = p.hub.age() + presenceFirst - presenceEvery
		p.sessions[uri] = a
		p.asking = append(p.asking, uri)
	}
	a.here[userID]++
	if a.here[userID] == 1 {
		p.touch(uri)
	}
}

// exit notes one subscription less.
func (p *presence) exit(uri string, userID int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.sessions[uri]
	a.here[userID]--
	if a.here[userID] == 0 {
		delete(a.here, userID)
		p.touch(uri)
	}
}

// hear takes what another worker says.
func (p *presence) hear(worker string, said chat.Presence) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, uri := range said.Ask {
		if a := p.sessions[uri]; a != nil && len(a.here) > 0 {
			a.fullAt = 0
			p.touch(uri)
		}
	}
	a := p.sessions[said.URI]
	if a == nil {
		return
	}
	other := a.there[worker]
	if other == nil {
		other = &absentee{users: map[int64]struct{}{}}
		a.there[worker] = other
	}
	other.until = p.hub.age() + presenceLife
	if said.Full {
		other.users = map[int64]struct{}{}
	}
	for _, id := range said.Joined {
		other.users[id] = struct{}{}
	}
	for _, id := range said.Left {
		delete(other.users, id)
	}
	p.touch(said.URI)
}

// presenceLoop tells and shows changes until ctx ends.
func (h *Hub) presenceLoop(ctx context.Context) {
	tick := time.NewTicker(presenceEvery)
	defer tick.Stop()
	for {
		select {
		case <-h.presence.kick:
			h.pause(presencePause)
		case <-tick.C:
			h.presence.sweep(h.age())
		case <-ctx.Done():
			return
		}
		now := h.age()
		for _, said := range h.presence.tell(now) {
			h.bus.PublishPresence(said)
		}
		for uri, change := range h.presence.changes(now) {
			h.presence.shown(uri, h.show(uri, change))
		}
		h.presence.again()
	}
}

// again has what could not be told or shown yet looked at soon.
func (p *presence) again() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for uri := range p.dirty {
		p.touch(uri)
		return
	}
}

// sweep forgets workers that have said nothing for too long, and finds Sessions whose
// full list is due.
func (p *presence) sweep(now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for uri, a := range p.sessions {
		for worker, other := range a.there {
			if other.until <= now {
				delete(a.there, worker)
				p.touch(uri)
			}
		}
		if len(a.here) > 0 && now-a.fullAt >= presenceFull {
			p.touch(uri)
		}
	}
}

// tell returns what other workers are to be told now.
func (p *presence) tell(now time.Duration) (words []chat.Presence) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for asked := range slices.Chunk(p.asking, presenceAsked) {
		words = append(words, chat.Presence{Ask: asked})
	}
	p.asking = nil
	for uri := range p.dirty {
		a := p.sessions[uri]
		if a == nil {
			continue
		}
		full := len(a.here) > 0 && (a.fullAt == 0 || now-a.fullAt >= presenceFull)
		if !full && a.toldAt != 0 && now-a.toldAt < presenceEvery {
			continue
		}
		said := chat.Presence{URI: uri, Full: full}
		for id := range a.here {
			if _, known := a.told[id]; full || !known {
				said.Joined = append(said.Joined, id)
			}
		}
		for id := range a.told {
			if a.here[id] == 0 && !full {
				said.Left = append(said.Left, id)
			}
		}
		if !full && len(said.Joined) == 0 && len(said.Left) == 0 {
			continue
		}
		a.told = map[int64]struct{}{}
		for id := range a.here {
			a.told[id] = struct{}{}
		}
		a.toldAt = now
		if full {
			a.fullAt = now - rand.N(presenceFull/4) // not all at once
		}
		words = append(words, said)
	}
	return words
}

// change is what the connections of a Session are to be shown.
type change struct {
	all, delta wire // delta is nil if nothing changed
}

// changes returns what is to be shown now. What is neither to be told nor shown any
// more is not looked at again until something happens.
func (p *presence) changes(now time.Duration) map[string]change {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := map[string]change{}
	for uri := range p.dirty {
		a := p.sessions[uri]
		switch {
		case a == nil:
			delete(p.dirty, uri)
		case len(a.here) == 0:
			if len(a.told) == 0 {
				delete(p.dirty, uri)
				delete(p.sessions, uri)
			}
		case now-a.shownAt >= presenceEvery:
			found[uri] = a.change(uri)
			a.shownAt = now
		}
	}
	return found
}

// change notes that what there is now is shown.
func (a *attendance) change(uri string) change {
	online := map[int64]struct{}{}
	for id := range a.here {
		online[id] = struct{}{}
	}
	for _, other := range a.there {
		maps.Copy(online, other.users)
	}
	before := a.shown
	a.shown = online
	joined, left := missing(online, before), missing(before, online)
	unchanged := before != nil && len(joined) == 0 && len(left) == 0
	if len(online) > presenceNamed {
		count := encode(presenceFrame{Type: "presence", URI: uri, Count: len(online)})
		if unchanged {
			return change{all: count}
		}
		return change{all: count, delta: count}
	}
	all := encode(presenceFrame{Type: "presence", URI: uri, Online: ordered(online)})
	switch {
	case unchanged:
		return change{all: all}
	case before == nil, len(before) > presenceNamed, len(joined)+len(left) > len(online):
		return change{all: all, delta: all}
	}
	return change{all: all, delta: encode(presenceFrame{Type: "presence", URI: uri, Joined: joined, Left: left})}
}

// missing returns what is in a and not in b, ascending.
func missing(a, b map[int64]struct{}) []int64 {
	var ids []int64
	for id := range a {
		if _, there := b[id]; !there {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func ordered(ids map[int64]struct{}) []int64 { return missing(ids, nil) }

// shown notes whether everybody has been shown what there is.
func (p *presence) shown(uri string, everybody bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.sessions[uri]
	if a == nil || !everybody || len(missing(a.told, nil)) != len(a.here) {
		return // looked at again
	}
	for id := range a.here {
		if _, known := a.told[id]; !known {
			return
		}
	}
	delete(p.dirty, uri)
}

// show sends a change to those who watch a Session live, and says whether all of them
// know what there is now. Who has no room is shown all of it later.
func (h *Hub) show(uri string, f change) (everybody bool) {
	cur := h.watched(uri)
	if cur == nil {
		return true
	}
	everybody = true
	var conns []*Connection
	var size int
	cur.mu.Lock()
	may := cur.mayDeliver()
	for _, s := range cur.live {
		frame := f.delta
		if !s.acquainted {
			frame = f.all
		}
		if frame == nil {
			continue
		}
		s.acquainted = may && s.conn.socket.offer(frame)
		if !s.acquainted {
			everybody = false
			continue
		}
		conns = append(conns, s.conn)
		size += len(frame)
	}
	cur.mu.Unlock()
	h.metrics.frames[typePresence].Add(float64(len(conns)))
	h.metrics.bytes.Add(float64(size))
	flushAll(conns)
	return everybody
}
