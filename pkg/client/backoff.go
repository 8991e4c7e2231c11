package client

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	backoffBase = time.Second
	backoffCap  = 8 * time.Second
)

// backoff is how long to wait before the next try: a random part of a time that
// doubles with each try, so that many clients that lost the same server do not come
// back together.
type backoff struct {
	base, cap time.Duration
	tries     int
}

func newBackoff() backoff { return backoff{base: backoffBase, cap: backoffCap} }

func (b *backoff) next() time.Duration {
	longest := b.cap
	if b.tries < 16 {
		longest = min(b.cap, b.base<<b.tries)
	}
	b.tries++
	return rand.N(longest)
}

func (b *backoff) reset() { b.tries = 0 }

// sleep waits, and says whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
