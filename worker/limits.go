package worker

import (
	"net/netip"
	"sync"
	"time"

	"github.com/chatire/chatire/pkg/config"
)

// limit is at most count things in each window; it is off where the settings lift
// the limits of counts.
type limit struct {
	on     bool
	count  int
	window time.Duration
}

func limitOf(limits config.RateLimit, name config.Limiter) limit {
	rate, on := limits.Rate(name)
	return limit{on: on, count: rate.Count, window: rate.Window}
}

// per returns the limit as a count in d, 0 if there is none.
func (l limit) per(d time.Duration) int {
	if !l.on {
		return 0
	}
	return int(int64(l.count) * int64(d) / int64(l.window))
}

// window counts the things of one connection in fixed windows.
type window struct {
	begin time.Time
	count int
}

// take counts one, or says how long to wait.
func (w *window) take(now time.Time, l limit) (wait time.Duration, ok bool) {
	if now.Sub(w.begin) >= l.window {
		w.begin, w.count = now, 0
	}
	w.count++
	if l.on && w.count > l.count {
		return max(l.window-now.Sub(w.begin), time.Millisecond), false
	}
	return 0, true
}

// doors counts the connections of each address: all of them, and those that have
// not signed in. It holds an entry only for an address that has a connection.
type doors struct {
	open, unknown limit

	mu     sync.Mutex // guards the map
	counts map[netip.Addr]*door
}

type door struct{ open, unknown int }

func newDoors(limits config.RateLimit) *doors {
	return &doors{
		open:    limitOf(limits, config.LimitAddrSockets),
		unknown: limitOf(limits, config.LimitUnauthSockets),
		counts:  map[netip.Addr]*door{},
	}
}

// enter lets one more connection of an address in, as one that has not signed in.
func (d *doors) enter(addr netip.Addr) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.counts[addr]
	if at == nil {
		at = &door{}
		d.counts[addr] = at
	}
	if d.open.on && at.open >= d.open.count || d.unknown.on && at.unknown >= d.unknown.count {
		return false
	}
	at.open++
	at.unknown++
	return true
}

// known notes that a connection of an address has signed in, or is about to go.
func (d *doors) known(addr netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts[addr].unknown--
}

// exit lets a connection out that is known.
func (d *doors) exit(addr netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.counts[addr]
	at.open--
	if at.open == 0 {
		delete(d.counts, addr)
	}
}
