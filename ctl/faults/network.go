package faults

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"
)

// LossyTransport is a client's way to the APIs: it picks any of them for each request,
// and loses some requests, and some answers after they were acted upon.
type LossyTransport struct {
	addresses atomic.Pointer[[]string]
	loss      atomic.Uint64 // of a million requests, and as many answers
	failed    atomic.Int64
	next      *http.Transport
}

// NewLossyTransport makes one that loses nothing yet.
func NewLossyTransport(addresses ...string) *LossyTransport {
	n := &LossyTransport{next: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 10 * time.Second}}
	n.Addresses(addresses...)
	return n
}

// Addresses has requests go to others.
func (n *LossyTransport) Addresses(addresses ...string) { n.addresses.Store(&addresses) }

// Lose sets which share of requests is lost, and which share of answers.
func (n *LossyTransport) Lose(share float64) { n.loss.Store(uint64(share * 1e6)) }

// Failed is how many requests a server did not answer, or with a fault of its own. Those
// that were lost here do not count.
func (n *LossyTransport) Failed() int64 { return n.failed.Load() }

// Close ends the connections.
func (n *LossyTransport) Close() { n.next.CloseIdleConnections() }

var errLost = errors.New("lost on the way")

// RoundTrip implements http.RoundTripper.
func (n *LossyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	loss := n.loss.Load()
	if rand.Uint64N(1e6) < loss {
		return nil, errLost
	}
	r = r.Clone(r.Context())
	addresses := *n.addresses.Load()
	r.URL.Host = addresses[rand.IntN(len(addresses))]
	answer, err := n.next.RoundTrip(r)
	if err != nil && r.Context().Err() == nil || err == nil && answer.StatusCode >= 500 {
		n.failed.Add(1)
	}
	if err == nil && rand.Uint64N(1e6) < loss {
		answer.Body.Close()
		return nil, errLost
	}
	return answer, err
}
