package worker

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

const (
	// balanceEvery is how often workers tell each other how many connections they
	// have, and look whether they have too many.
	balanceEvery = time.Second

	// loadFresh is for how long another worker's word counts.
	loadFresh = 3 * balanceEvery

	// spreadAllowed is by how much of the mean a worker may be above it. One that is
	// further away comes down to the mean, so that it does not begin again soon.
	spreadAllowed = 0.10

	// shedShare is the share of its connections that a worker sends elsewhere in one
	// second at most.
	shedShare = 0.02

	// balanceFrom is the mean from which it is worth while: below it, one connection
	// more is a spread beyond spreadAllowed.
	balanceFrom = 10
)

// balance knows how many connections the workers have. Clients come through an
// address that picks any worker, so one that has just started is empty beside
// others that are full; the full ones then send a few away each second, some of
// which come back to the new one, until no worker is far above the mean. A worker
// that hears of no other, as without a broker, keeps what it has.
type balance struct {
	mu       sync.Mutex // guards all below
	others   map[string]heardLoad
	shedding bool    // it was beyond the spread and has not come down to the mean yet
	credit   float64 // what is left of allowances that were no whole connection
}

type heardLoad struct {
	connections int
	at          time.Time
}

func newBalance() *balance { return &balance{others: map[string]heardLoad{}} }

// hear notes what another worker says of itself.
func (b *balance) hear(worker string, l chat.Load, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.others[worker] = heardLoad{l.Connections, now}
}

// excess returns how many of own connections to send elsewhere in this second.
func (b *balance) excess(own int, now time.Time) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum, workers := own, 1
	for name, l := range b.others {
		if now.Sub(l.at) > loadFresh {
			delete(b.others, name)
			continue
		}
		sum += l.connections
		workers++
	}
	mean := float64(sum) / float64(workers)
	above := float64(own) - mean
	switch {
	case workers == 1 || mean < balanceFrom || above < 1:
		b.shedding = false
	case above > mean*spreadAllowed:
		b.shedding = true
	}
	if !b.shedding {
		b.credit = 0
		return 0
	}
	allowed := min(above, float64(own)*shedShare)
	b.credit = min(b.credit+allowed, max(allowed, 1))
	n := int(b.credit)
	b.credit -= float64(n)
	return n
}

// balanceLoop tells the other workers how many connections there are here, and
// sends some elsewhere while they are too many. A worker that drains says nothing,
// and the others soon leave it out.
func (h *Hub) balanceLoop(ctx context.Context) {
	tick := time.NewTicker(balanceEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if h.draining.Load() {
			continue
		}
		staying := h.staying()
		h.bus.PublishLoad(chat.Load{Connections: len(staying)})
		if n := h.balance.excess(len(staying), time.Now()); n > 0 {
			h.shed(staying, n)
		}
	}
}

// staying returns the connections that were not sent elsewhere.
func (h *Hub) staying() []*Connection {
	return slices.DeleteFunc(h.all(), func(c *Connection) bool { return c.returns.Load() != 0 })
}

// shed sends n connections elsewhere, picked at random, before the next look.
func (h *Hub) shed(conns []*Connection, n int) {
	for i := range n {
		j := i + rand.IntN(len(conns)-i)
		conns[i], conns[j] = conns[j], conns[i]
	}
	h.metrics.shed.Add(float64(n))
	h.log.Info("more connections here than on other workers: sending some elsewhere", "connections", len(conns), "sent", n)
	h.spawn(func() { h.sendAway(conns[:n], balanceEvery/2) })
}
