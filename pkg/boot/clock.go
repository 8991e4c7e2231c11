package boot

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// clockEvery is how often the database is asked for its time.
	clockEvery = 5 * time.Second

	// clockSamples is of how many answers the quickest counts.
	clockSamples = 8
)

// clock estimates how far the database's clock is ahead of this process's: events bear
// the time of the database, and their delay is measured here. Of the newest answers the
// one that took the shortest says best what time it is there (the clock filter of NTP,
// RFC 5905, section 10).
type clock struct {
	ahead atomic.Int64 // nanoseconds

	mu      sync.Mutex // guards all below
	samples []clockSample
}

type clockSample struct{ ahead, took time.Duration }

func newClock(registerer prometheus.Registerer) *clock {
	c := &clock{}
	registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "chatire_clock_offset_seconds",
		Help: "How far the database's clock is ahead of this process's, as last measured; delays of events are corrected by it.",
	}, func() float64 { return c.Ahead().Seconds() }))
	return c
}

// Ahead is the estimate. It is 0 before the first measurement.
func (c *clock) Ahead() time.Duration { return time.Duration(c.ahead.Load()) }

// measure asks for the database's time once.
func (c *clock) measure(ctx context.Context, now func(context.Context) (time.Time, error)) error {
	asked := time.Now()
	there, err := now(ctx)
	if err != nil {
		return err
	}
	took := time.Since(asked)
	c.add(clockSample{there.Sub(asked.Add(took / 2)), took})
	return nil
}

func (c *clock) add(s clockSample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.samples = append(c.samples, s)
	if len(c.samples) > clockSamples {
		c.samples = c.samples[1:]
	}
	best := c.samples[0]
	for _, s := range c.samples {
		if s.took <= best.took {
			best = s
		}
	}
	c.ahead.Store(int64(best.ahead))
}
