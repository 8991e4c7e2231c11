package worker

import (
	"math/rand/v2"
	"syscall"
	"time"

	"golang.org/x/time/rate"
)

const (
	// returnLeast and returnMost bound what a connection is told to wait when too many
	// come, returnFull when there is no room.
	returnLeast = time.Second
	returnMost  = 30 * time.Second
	returnFull  = 5 * time.Second

	// spareFiles are the descriptors of a process that are no connections: of the
	// database, the broker, the ops listener, and of handshakes.
	spareFiles = 512
)

// admission decides which connections a process takes in: so many at once, and so
// many new ones in a while, since each costs a token check, a read of memberships
// and often some of the Log. The others are told when to come back, one behind the
// other, so that those who were refused together do not return together. The hub's
// lock guards it.
type admission struct {
	most   int // connections at once
	bucket *rate.Limiter
	next   time.Time // when the last one that was refused returns
}

// newAdmission makes one that takes in at most so many connections at once, and new
// ones as arrivals says.
func newAdmission(most int, arrivals limit) *admission {
	a := &admission{most: most, bucket: rate.NewLimiter(rate.Inf, 0)}
	if arrivals.on {
		a.bucket = rate.NewLimiter(rate.Limit(float64(arrivals.count)/arrivals.window.Seconds()), arrivals.count)
	}
	return a
}

// withinFiles bounds a number of connections by the open files of this process.
func withinFiles(most int) int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return most
	}
	allowed := int64(min(files.Cur, 1<<31)) - spareFiles
	return int(max(1, min(int64(most), allowed)))
}

// enter takes in one more connection beside those that are open, or says how long it
// is to wait.
func (a *admission) enter(open int, now time.Time) (wait time.Duration, ok bool) {
	if open >= a.most {
		return returnFull + rand.N(returnFull), false
	}
	if a.bucket.AllowN(now, 1) {
		return 0, true
	}
	return a.queue(now), false
}

// queue returns how long the next one that is refused is to wait.
func (a *admission) queue(now time.Time) time.Duration {
	step := time.Duration(float64(time.Second) / float64(a.bucket.Limit()))
	earliest, latest := now.Add(returnLeast), now.Add(returnMost)
	if a.next = a.next.Add(step); a.next.Before(earliest) {
		a.next = earliest
	}
	if a.next.After(latest) {
		a.next = latest
		return returnMost/2 + rand.N(returnMost/2)
	}
	return a.next.Sub(now)
}
