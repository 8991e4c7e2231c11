package boot

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestClock(t *testing.T) {
	t.Run("finds how far the database is ahead", func(t *testing.T) {
		c := newClock(prometheus.NewRegistry())
		day := func(context.Context) (time.Time, error) { return time.Now().Add(24 * time.Hour), nil }
		if err := c.measure(t.Context(), day); err != nil {
			t.Fatal(err)
		}
		if off := c.Ahead() - 24*time.Hour; off.Abs() > time.Minute {
			t.Errorf("off by %v", off)
		}
	})
	t.Run("believes the quickest of the newest answers", func(t *testing.T) {
		c := newClock(prometheus.NewRegistry())
		c.add(clockSample{ahead: time.Second, took: time.Millisecond})
		c.add(clockSample{ahead: 5 * time.Second, took: time.Minute})
		if got := c.Ahead(); got != time.Second {
			t.Errorf("a slow answer makes it %v", got)
		}
		for range clockSamples {
			c.add(clockSample{ahead: 3 * time.Second, took: 2 * time.Millisecond})
		}
		if got := c.Ahead(); got != 3*time.Second {
			t.Errorf("it stays at %v when the clock was set anew", got)
		}
	})
	t.Run("keeps what it has when there is no answer", func(t *testing.T) {
		c := newClock(prometheus.NewRegistry())
		c.add(clockSample{ahead: time.Second})
		away := func(context.Context) (time.Time, error) { return time.Time{}, errors.New("away") }
		if err := c.measure(t.Context(), away); err == nil || c.Ahead() != time.Second {
			t.Errorf("%v: %v", err, c.Ahead())
		}
	})
}
