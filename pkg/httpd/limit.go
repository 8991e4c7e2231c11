package httpd

import (
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/config"
)

// keysKept bounds what one Limit remembers: about 100 bytes each. Beyond it the key
// that was used longest ago is forgotten.
const keysKept = 1 << 15

// Limit allows a number of things in a window of time, for each key on its own. It
// counts in this process only. A nil Limit allows everything.
type Limit struct {
	rate    config.Rate
	refused prometheus.Counter
	seed    maphash.Seed
	now     func() time.Time

	mu      sync.Mutex // guards windows and what is in them
	windows *lru.Cache[uint64, *window]
}

// NewLimit makes the limit with this name as it is configured; nil if limits are
// off. Refusals are counted in a metric that all limits of a process share.
func NewLimit(limits config.RateLimit, name config.Limiter, metrics prometheus.Registerer) *Limit {
	refused := refusals(metrics).WithLabelValues(string(name))
	rate, on := limits.Rate(name)
	if !on {
		return nil
	}
	windows, err := lru.New[uint64, *window](keysKept)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &Limit{rate: rate, refused: refused, seed: maphash.MakeSeed(), now: time.Now, windows: windows}
}

// refusals returns the metric of refusals, which the first limit of a process
// registers.
func refusals(metrics prometheus.Registerer) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "chatire_rate_limited_total",
		Help: "Requests refused by a limit of counts, by the limit's name.",
	}, []string{"limiter"})
	err := metrics.Register(vec)
	if there, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		return there.ExistingCollector.(*prometheus.CounterVec)
	}
	if err != nil {
		panic(err) // the name is another metric's: a mistake in the code
	}
	return vec
}

// Take counts one thing under a key. If there were too many it counts nothing and
// returns the refusal that says when there will be room.
func (l *Limit) Take(key string) error { return l.ask(key, true) }

// Check is Take without counting.
func (l *Limit) Check(key string) error { return l.ask(key, false) }

// Give takes back what Take counted.
func (l *Limit) Give(key string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if w, ok := l.windows.Get(l.hash(key)); ok && w.count > 0 {
		w.count--
	}
}

func (l *Limit) ask(key string, count bool) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	wait := l.wait(l.hash(key), count)
	l.mu.Unlock()
	if wait == 0 {
		return nil
	}
	l.refused.Inc()
	return throttled(wait)
}

// throttled is the refusal of one thing too many.
func throttled(wait time.Duration) error {
	return &chat.Error{
		Code:       chat.Throttled,
		Detail:     fmt.Sprintf("Request was throttled. Expected available in %d seconds.", wholeSeconds(wait.Seconds())),
		RetryAfter: wait,
	}
}

func (l *Limit) hash(key string) uint64 { return maphash.String(l.seed, key) }

// wait returns how long until there is room for one more, 0 if there is now.
func (l *Limit) wait(key uint64, count bool) time.Duration {
	w, ok := l.windows.Get(key)
	if !ok {
		w = &window{began: l.now()}
		if count {
			l.windows.Add(key, w)
		}
	}
	w.advance(l.now(), l.rate.Window)
	wait := w.wait(l.now(), l.rate)
	if wait == 0 && count {
		w.count++
	}
	return wait
}
