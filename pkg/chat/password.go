package chat

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/argon2"
)

// The cost of one hash: 19 MiB and about 21 ms of a core. A digest made with other
// figures still counts and is replaced at the next sign-in.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	saltBytes    = 16
	keyBytes     = 32

	// These bound what a stored digest may ask for.
	maxArgonMemory = 256 << 10 // KiB
	maxArgonTime   = 16
)

// hashersWaiting bounds, for each core, who waits for a hash. At the end of such a
// queue the wait is about two thirds of a second; whoever finds it full is asked
// to come back.
const hashersWaiting = 32

// errBusy is the answer when too many passwords are being checked.
var errBusy error = &Error{
	Code:       Unavailable,
	Detail:     "Too many sign-ins at this moment. Try again in a second.",
	RetryAfter: time.Second,
}

// hasher computes password hashes, as many at once as there are cores, and bounds
// how many wait.
type hasher struct {
	slots   chan struct{} // a place for each hash under way
	queue   chan struct{} // a place for each caller, waiting or under way
	seconds prometheus.Histogram

	// nobody is a digest that no password has. Checking a password against it
	// costs what checking it against a real one does.
	nobody argonDigest
}

func newHasher(metrics prometheus.Registerer) *hasher {
	cores := runtime.GOMAXPROCS(0)
	nobody := newArgonDigest()
	nobody.key = randomBytes(keyBytes)
	h := &hasher{
		slots: make(chan struct{}, cores),
		queue: make(chan struct{}, cores*(1+hashersWaiting)),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:                        "chatire_password_hash_seconds",
			Help:                        "Time to compute one password hash, without the wait for a core.",
			Buckets:                     []float64{.01, .02, .03, .05, .1, .2, .5, 1},
			NativeHistogramBucketFactor: 1.1,
		}),
		nobody: nobody,
	}
	metrics.MustRegister(h.seconds)
	return h
}

// hash returns the digest to keep of a password.
func (h *hasher) hash(ctx context.Context, password Secret) (Secret, error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	d := newArgonDigest()
	d.key = d.derive(password, keyBytes)
	return d.text(), nil
}

// verify says whether stored is the digest of the password. stale says that the
// digest should be made anew. A digest that cannot be read, such as the empty one
// of nobody, costs as much as others.
func (h *hasher) verify(ctx context.Context, password, stored Secret) (ok, stale bool, err error) {
	if len(password) > MaxPassword {
		return false, false, nil
	}
	d, err := readDigest(stored)
	if err != nil {
		d = h.nobody
	}
	release, err := h.acquire(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	return d.matches(password), !d.current(), nil
}

// acquire waits for a core. release gives it back and notes the time it was held.
func (h *hasher) acquire(ctx context.Context) (release func(), err error) {
	select {
	case h.queue <- struct{}{}:
	default:
		return nil, errBusy
	}
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		<-h.queue
		return nil, fmt.Errorf("wait to hash: %w", ctx.Err())
	}
	begun := time.Now()
	return func() {
		h.seconds.Observe(time.Since(begun).Seconds())
		<-h.slots
		<-h.queue
	}, nil
}

// digest is what is stored of a password.
type digest interface {
	matches(password Secret) bool
	current() bool // made as hash makes it now
}

// readDigest reads a digest of any kind that may be stored. A new kind, such as
// that of accounts brought from elsewhere, is read here.
func readDigest(stored Secret) (digest, error) {
	if strings.HasPrefix(string(stored), "$argon2id$") {
		return readArgon(stored)
	}
	return readForeign(stored)
}

// argonDigest is a digest of argon2id.
type argonDigest struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

func newArgonDigest() argonDigest {
	return argonDigest{memory: argonMemory, time: argonTime, threads: argonThreads, salt: randomBytes(saltBytes)}
}

func (d argonDigest) derive(password Secret, size uint32) []byte {
	return argon2.IDKey([]byte(password), d.salt, d.time, d.memory, d.threads, size)
}

func (d argonDigest) matches(password Secret) bool {
	return subtle.ConstantTimeCompare(d.derive(password, uint32(len(d.key))), d.key) == 1
}

func (d argonDigest) current() bool {
	return d.memory == argonMemory && d.time == argonTime && d.threads == argonThreads && len(d.key) == keyBytes
}

// text returns the digest as a PHC string.
func (d argonDigest) text() Secret {
	return Secret(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, d.memory, d.time, d.threads,
		base64.RawStdEncoding.EncodeToString(d.salt), base64.RawStdEncoding.EncodeToString(d.key)))
}

// readArgon reads a PHC string of argon2id whose cost is within bounds.
func readArgon(stored Secret) (d argonDigest, err error) {
	parts := strings.Split(string(stored), "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return d, errors.New("not a digest of argon2id")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &d.memory, &d.time, &d.threads); err != nil {
		return d, fmt.Errorf("read the cost: %w", err)
	}
	if d.memory > maxArgonMemory || d.time < 1 || d.time > maxArgonTime || d.threads < 1 {
		return d, errors.New("a cost out of bounds")
	}
	if d.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return d, fmt.Errorf("read the salt: %w", err)
	}
	if d.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(d.key) == 0 || len(d.key) > 2*keyBytes {
		return d, errors.New("not a key")
	}
	return d, nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: see crypto/rand
	return b
}
