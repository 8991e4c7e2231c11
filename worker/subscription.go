package worker

import (
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// subscription is one Session as one connection watches it: a position in its Log.
// It is either live, and gets each frame as it comes, or it is behind, and its
// connection's pump brings it up from the ring or from the Log. There is no queue:
// what a connection cannot take now it reads later.
type subscription struct {
	conn   *Connection
	cursor *cursor
	userID int64

	// since is the head at which the membership was known. Ends of the membership up
	// to it are history: a member who came back may read them.
	since int64

	// Guarded by the cursor's mu.
	pos     int64 // the seq of the last frame handed to the connection
	live    bool
	over    bool // nothing more is sent
	greeted bool // caught_up was sent

	// lateSince is the hub's age since which the connection waits for events that it has
	// not been handed; 0 while it is live.
	lateSince time.Duration

	acquainted bool // the connection was shown who is there, and every change since
}

// taking is what became of a frame.
type taking int

const (
	taken  taking = iota // it is on its way
	passed               // the connection has had it
	behind               // there was no room, or one before it is missing
	ended                // the subscription is over
)

// take hands the subscription a frame. It is called with the cursor's lock; the
// caller flushes the connection.
func (s *subscription) take(f frame) taking {
	switch {
	case f.seq <= s.pos:
		return passed
	case f.seq > s.pos+1:
		s.fallBehind()
		return behind
	case f.ends == s.userID && f.seq > s.since:
		s.end(reasonOf(f.kind))
		return ended
	}
	if !s.conn.socket.offer(f.wire) {
		s.fallBehind()
		return behind
	}
	s.pos = f.seq
	if f.kind == chat.EventClosed && f.seq > s.since {
		s.end(endClosed)
		return ended
	}
	return taken
}

// fallBehind notes that the subscription has to be brought up.
func (s *subscription) fallBehind() {
	s.live = false
	if s.lateSince == 0 {
		s.lateSince = s.cursor.hub.age()
	}
}

// end says that the subscription is over; after it no event of it is sent.
func (s *subscription) end(reason endReason) {
	s.live, s.over = false, true
	s.put(typeUnsubscribed, unsubscribedFrame{"unsubscribed", s.cursor.uri, reason})
}

// put sends a frame about the subscription; the caller flushes the connection.
func (s *subscription) put(t frameType, frame any) {
	w := encode(frame)
	s.conn.socket.put(w)
	s.conn.hub.metrics.sent(t, 1, len(w))
}

func reasonOf(kind chat.EventType) endReason {
	if kind == chat.EventLeft {
		return endLeft
	}
	return endRemoved
}

// progress is how far a step of catching up came.
type progress int

const (
	isLive   progress = iota // there is nothing more to catch up
	isOver                   // the subscription ended
	isFull                   // the connection takes no more now
	needsLog                 // the ring does not reach back far enough
)

// join brings the subscription up from the ring, and makes it live if its position
// is then the head: both under the cursor's lock, so that no frame can come between.
func (s *subscription) join() progress {
	c := s.cursor
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.over || c.over {
		return isOver
	}
	if s.live {
		return isLive
	}
	frames, ok := c.covered(s.pos)
	if !ok {
		return needsLog
	}
	for _, f := range frames {
		if p := s.caught(f); p != isLive {
			return p
		}
	}
	// A position beyond the head is one that was read from the Log: the cursor has
	// yet to hear of it.
	c.expect(s.pos)
	s.greet()
	s.live, s.lateSince, s.acquainted = true, 0, false
	c.live = append(c.live, s)
	c.hub.presence.welcome(c.uri)
	return isLive
}

// caught takes one frame while catching up.
func (s *subscription) caught(f frame) progress {
	switch s.take(f) {
	case behind:
		return isFull
	case ended:
		return isOver
	}
	return isLive
}

// greet sends the one caught_up of a subscription.
func (s *subscription) greet() {
	if !s.greeted {
		s.greeted = true
		s.put(typeCaughtUp, caughtUpFrame{"caught_up", s.cursor.uri, s.pos})
	}
}

// missing returns the next page of the Log that the subscription needs.
func (s *subscription) missing() chat.Range {
	s.cursor.mu.Lock()
	defer s.cursor.mu.Unlock()
	return chat.Range{SessionID: s.cursor.sessionID, After: s.pos, Limit: pageEvents}
}

// feed hands over frames that were read from the Log. It returns isLive if all of
// them were taken, and else how many.
func (s *subscription) feed(frames []frame) (progress, int) {
	s.cursor.mu.Lock()
	defer s.cursor.mu.Unlock()
	for i, f := range frames {
		if s.over || s.cursor.over {
			return isOver, i
		}
		if p := s.caught(f); p != isLive {
			return p, i
		}
	}
	return isLive, len(frames)
}

// from says where the first events of the subscription will come from.
func (s *subscription) from() source {
	s.cursor.mu.Lock()
	defer s.cursor.mu.Unlock()
	if s.pos >= s.cursor.head {
		return fromLive
	}
	if _, ok := s.cursor.covered(s.pos); ok {
		return fromRing
	}
	return fromLog
}
