package httpd

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/config"
)

// clock is a time that tests move.
type clock struct{ now time.Time }

func newTestLimit(t *testing.T, figures string) (*Limit, *clock) {
	t.Helper()
	var rates config.RateLimit
	if err := rates.UnmarshalText([]byte(figures)); err != nil {
		t.Fatal(err)
	}
	l := NewLimit(rates, config.LimitMessages, prometheus.NewRegistry())
	c := &clock{time.Unix(1e9, 0)}
	if l != nil {
		l.now = func() time.Time { return c.now }
	}
	return l, c
}

func waits(err error) time.Duration {
	refused, ok := errors.AsType[*chat.Error](err)
	if !ok {
		return 0
	}
	return refused.RetryAfter
}

func TestLimit(t *testing.T) {
	t.Run("allows so many in a window, each key on its own", func(t *testing.T) {
		l, _ := newTestLimit(t, "messages=3/10s")
		for range 3 {
			if err := l.Take("a"); err != nil {
				t.Fatal(err)
			}
		}
		if chat.CodeOf(l.Take("a")) != chat.Throttled || chat.CodeOf(l.Check("a")) != chat.Throttled {
			t.Error("the fourth was let through")
		}
		if err := l.Take("b"); err != nil {
			t.Error(err)
		}
		if n := testutil.ToFloat64(l.refused); n != 2 {
			t.Errorf("%v refusals counted", n)
		}
	})
	t.Run("lets nobody in before the time it says, and everybody then", func(t *testing.T) {
		l, c := newTestLimit(t, "messages=5/10s")
		for step := range 200 {
			err := l.Take("a")
			wait := waits(err)
			if (err != nil) != (wait > 0) || wait > 12*time.Second {
				t.Fatalf("step %d: %v after %v", step, err, wait)
			}
			if err == nil {
				c.now = c.now.Add(300 * time.Millisecond)
				continue
			}
			c.now = c.now.Add(wait - time.Millisecond)
			if l.Check("a") == nil {
				t.Fatalf("step %d: let in a millisecond too early", step)
			}
			c.now = c.now.Add(2 * time.Millisecond)
			if err := l.Check("a"); err != nil {
				t.Fatalf("step %d: still refused: %v", step, err)
			}
		}
	})
	t.Run("holds at every rate of asking", func(t *testing.T) {
		for _, pause := range []time.Duration{0, time.Millisecond, 100 * time.Millisecond, 900 * time.Millisecond, 3 * time.Second} {
			l, c := newTestLimit(t, "messages=10/10s")
			allowed := 0
			const windows = 50
			for end := c.now.Add(windows * 10 * time.Second); c.now.Before(end); c.now = c.now.Add(max(pause, time.Millisecond)) {
				if l.Take("a") == nil {
					allowed++
				}
			}
			if allowed > 10*(windows+1) {
				t.Errorf("asked every %v: %d let in within %d windows of 10", pause, allowed, windows)
			}
		}
	})
	t.Run("gives back", func(t *testing.T) {
		l, _ := newTestLimit(t, "messages=1/10s")
		l.Give("a") // was never taken
		for range 3 {
			if err := l.Take("a"); err != nil {
				t.Fatal(err)
			}
			l.Give("a")
		}
	})
	t.Run("forgets beyond its bound", func(t *testing.T) {
		l, _ := newTestLimit(t, "messages=1/10s")
		for i := range keysKept + 100 {
			if err := l.Take(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if n := l.windows.Len(); n != keysKept {
			t.Errorf("%d keys kept", n)
		}
	})
	t.Run("allows all when limits are off", func(t *testing.T) {
		l, _ := newTestLimit(t, "off")
		for range 100 {
			if err := errors.Join(l.Take("a"), l.Check("a")); err != nil {
				t.Fatal(err)
			}
			l.Give("a")
		}
	})
	t.Run("shares its metric within a process", func(t *testing.T) {
		registry := prometheus.NewRegistry()
		for _, name := range config.Limiters() {
			NewLimit(config.RateLimit{}, name, registry)
		}
		if n, err := testutil.GatherAndCount(registry, "chatire_rate_limited_total"); err != nil || n != len(config.Limiters()) {
			t.Errorf("%d series, %v", n, err)
		}
	})
	t.Run("says whole seconds", func(t *testing.T) {
		if got := throttled(1100 * time.Millisecond).Error(); got != "Request was throttled. Expected available in 2 seconds." {
			t.Error(got)
		}
	})
}
