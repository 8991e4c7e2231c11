package worker

import (
	"encoding/json"
	"net/http"
	"time"
)

// debugConnection is one connection as /debug/hub shows it.
type debugConnection struct {
	Connection    string              `json:"connection"`
	User          int64               `json:"user"`
	Opened        time.Time           `json:"opened"`
	SilentSeconds float64             `json:"silent_seconds"`
	Blocked       bool                `json:"blocked"`
	Subscriptions []debugSubscription `json:"subscriptions"`
}

type debugSubscription struct {
	URI      string `json:"uri"`
	Position int64  `json:"position"`
	Head     int64  `json:"head"`
	Live     bool   `json:"live"`
}

// ServeHTTP shows where each connection is and where it should be: the position
// and the head of each of its subscriptions. It is for the ops listener.
func (h *Hub) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	connections := []debugConnection{}
	for _, c := range h.all() {
		connections = append(connections, c.debug())
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"epoch":       h.epoch(),
		"draining":    h.draining.Load(),
		"connections": connections,
	})
}

func (c *Connection) debug() debugConnection {
	c.hub.mu.Lock()
	user := c.who.User.ID
	c.hub.mu.Unlock()
	c.mu.Lock()
	subs := append([]*subscription(nil), c.subs...)
	c.mu.Unlock()
	d := debugConnection{
		Connection:    c.id,
		User:          user,
		Opened:        c.opened,
		SilentSeconds: (c.hub.age() - time.Duration(c.lastSeen.Load())).Seconds(),
		Blocked:       c.socket.isBlocked(),
		Subscriptions: []debugSubscription{},
	}
	for _, s := range subs {
		s.cursor.mu.Lock()
		d.Subscriptions = append(d.Subscriptions, debugSubscription{s.cursor.uri, s.pos, s.cursor.head, s.live})
		s.cursor.mu.Unlock()
	}
	return d
}
