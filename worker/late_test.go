package worker

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/config"
)

// TestUndeliveredAge has a session with a hole, and a connection that is behind.
func TestUndeliveredAge(t *testing.T) {
	hub := newHub(context.Background(), HubOptions{Log: slog.New(slog.DiscardHandler), Limits: config.RateLimit{Off: true}},
		newMetrics(prometheus.NewRegistry()))
	cur := &cursor{hub: hub, uri: "0123456789abcde", head: unopened, ring: ring{budget: &hub.budget}}
	hub.shard[hub.shardOf(cur.uri)].cursors[cur.uri] = cur
	w := hub.newWave()
	cur.open(1, 3, hub.age(), w)
	frameOf := func(seq int64) frame { return frame{seq: seq, kind: chat.EventMessage, wire: newWire([]byte("{}"))} }
	if age := hub.undeliveredAge(); age != 0 {
		t.Errorf("nobody waits, and the age is %v", age)
	}

	cur.accept(frameOf(5), w)
	if age := hub.undeliveredAge(); age <= 0 {
		t.Error("there is a hole, and nothing is undelivered")
	}
	cur.accept(frameOf(4), w)
	if _, open := cur.hole(); open {
		t.Fatal("the hole was not filled")
	}
	if age := hub.undeliveredAge(); age != 0 {
		t.Errorf("the hole is filled, and the age is %v", age)
	}

	ours, theirs := net.Pipe()
	defer theirs.Close()
	defer ours.Close()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	c := &Connection{hub: hub, pumping: true}
	c.socket = newSocket(ours, hub.spawn, func() {}, func(error) {})
	hub.conns[c] = struct{}{}
	s := &subscription{conn: c, cursor: cur, userID: 1, pos: 3, lateSince: hub.age()}
	c.subs = []*subscription{s}
	if age := hub.undeliveredAge(); age <= 0 {
		t.Error("a connection is behind, and nothing is undelivered")
	}
	if p := s.join(); p != isLive {
		t.Fatalf("the subscription is not live: %v", p)
	}
	if age := hub.undeliveredAge(); age != 0 {
		t.Errorf("all are live, and the age is %v", age)
	}
	cur.mu.Lock()
	s.fallBehind()
	cur.mu.Unlock()
	if age := hub.undeliveredAge(); age <= 0 {
		t.Error("a connection fell behind, and nothing is undelivered")
	}
}
