package worker

import "github.com/chatire/chatire/pkg/bus"

// TraceAnswer says where an Event is on this worker: how many connections watch its
// Session, how many of them have it, and which is the farthest behind. That is looked up
// when somebody asks: it costs nothing before.
type TraceAnswer struct {
	Watching int            `json:"watching"`
	Reached  int            `json:"reached"` // were handed the event
	Slowest  *SlowestAnswer `json:"slowest,omitempty"`
}

// SlowestAnswer is a connection that has the least of a Session.
type SlowestAnswer struct {
	Connection string  `json:"connection"`
	User       int64   `json:"user"`
	Position   int64   `json:"position"` // the seq of the last event that it was handed
	State      string  `json:"state"`    // live, catching up, or blocked
	Silent     float64 `json:"silent"`   // seconds since its last sign of life
}

// The states of a connection.
const (
	stateLive       = "live"
	stateCatchingUp = "catching up"
	stateBlocked    = "blocked" // the kernel takes no more for it
)

// answer answers a question to this worker; nil if there is nothing to say.
func (h *Hub) answer(q bus.Question) any {
	if q.Kind != bus.AskTrace {
		return nil
	}
	var a TraceAnswer
	for _, c := range h.all() {
		d := c.debug()
		for _, s := range d.Subscriptions {
			if s.URI != q.URI {
				continue
			}
			a.Watching++
			if s.Position >= q.Seq {
				a.Reached++
			}
			if a.Slowest == nil || s.Position < a.Slowest.Position || s.Position == a.Slowest.Position && d.Blocked {
				a.Slowest = &SlowestAnswer{d.Connection, d.User, s.Position, stateOf(d, s), d.SilentSeconds}
			}
		}
	}
	if a.Watching == 0 {
		return nil
	}
	return a
}

func stateOf(d debugConnection, s debugSubscription) string {
	switch {
	case d.Blocked:
		return stateBlocked
	case s.Live:
		return stateLive
	}
	return stateCatchingUp
}
