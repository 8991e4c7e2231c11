package ctl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatire/chatire/pkg/client"
)

const (
	// benchFlight bounds the posts under way. A load that needs more has fallen
	// behind for good.
	benchFlight = 8192

	// benchPatience is how long the last deliveries may take.
	benchPatience = 20 * time.Second

	// benchAtOnce bounds what is prepared at the same time.
	benchAtOnce = 32
)

// bench is one run.
type bench struct {
	*benchOptions
	run      string // names its users and messages
	client   *client.Client
	members  []*client.Client // each in every session
	uris     []string
	watchers []*watcher

	begin    time.Time // when the first message is due
	measured int       // the first message that is measured
	ended    time.Time
	accepted atomic.Int64
	refused  atomic.Int64
	perRoom  []atomic.Int64 // messages that were accepted
	post     *latencies     // due to answer

	cpuBegin, cpuEnd time.Duration

	stop    context.CancelFunc // ends the devices
	devices sync.WaitGroup
}

// watcher is one connection and what came over it.
type watcher struct {
	bench   *bench
	room    int
	device  *client.Device
	ready   chan struct{}
	lastSeq int64 // only its device's goroutine uses it

	got    atomic.Int64 // messages of this run
	faults atomic.Int64 // frames that were repeated or came after a gap
	frame  *latencies   // due to frame
	commit *latencies   // commit to frame
}

func newBench(o *benchOptions, c *client.Client) *bench {
	return &bench{
		benchOptions: o,
		run:          strings.ToLower(client.NewClientID())[:10],
		client:       c,
		perRoom:      make([]atomic.Int64, o.connections/o.members),
		post:         newLatencies(),
		stop:         func() {},
	}
}

func (b *bench) rooms() int { return len(b.perRoom) }

// prepare makes the members, the sessions, and one watcher for each member of each
// session.
func (b *bench) prepare(ctx context.Context) error {
	for i := range b.benchOptions.members {
		name, password := fmt.Sprintf("bench-%s-%d", b.run, i), client.NewClientID()
		if _, err := b.client.SignUp(ctx, name, password, ""); err != nil {
			return fmt.Errorf("sign up: %w", err)
		}
		token, err := b.client.SignIn(ctx, name, password, "bench")
		if err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
		b.members = append(b.members, b.client.As(token))
	}
	b.uris = make([]string, b.rooms())
	var g errgroup.Group
	g.SetLimit(benchAtOnce)
	for room := range b.uris {
		g.Go(func() error { return b.openRoom(ctx, room) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for room := range b.uris {
		for _, member := range b.members {
			w := &watcher{bench: b, room: room, ready: make(chan struct{}), frame: newLatencies(), commit: newLatencies()}
			w.device = member.Device(client.DeviceOptions{Hooks: w.hooks()})
			b.watchers = append(b.watchers, w)
		}
	}
	return nil
}

func (b *bench) openRoom(ctx context.Context, room int) error {
	uri, err := b.members[0].CreateSession(ctx, fmt.Sprintf("%s-%d", b.run, room))
	if err != nil {
		return fmt.Errorf("create session: %w", err)
	}
	b.uris[room] = uri
	for _, member := range b.members[1:] {
		if err := member.Join(ctx, uri); err != nil {
			return fmt.Errorf("join session: %w", err)
		}
	}
	return nil
}

// connect opens the connections and waits until each is caught up.
func (b *bench) connect(ctx context.Context) error {
	running, stop := context.WithCancel(ctx)
	b.stop = stop
	for i, w := range b.watchers {
		w.device.Subscribe(client.Position{URI: b.uris[w.room], After: client.Head})
		b.devices.Go(func() { _ = w.device.Run(running) })
		if i >= benchAtOnce { // not all at once: this measures something else
			if err := b.watchers[i-benchAtOnce].awaitReady(ctx); err != nil {
				return err
			}
		}
	}
	for _, w := range b.watchers {
		if err := w.awaitReady(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) awaitReady(ctx context.Context) error {
	select {
	case <-w.ready:
		return nil
	case <-time.After(benchPatience):
		return errors.New("a connection was not caught up in time")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *bench) close() {
	b.stop()
	b.devices.Wait()
}

// load posts on the schedule and waits for every delivery.
func (b *bench) load(ctx context.Context) error {
	b.measured = int(b.rate * b.warmup.Seconds())
	n := b.measured + int(b.rate*b.duration.Seconds())
	b.begin = time.Now().Add(50 * time.Millisecond)
	flight := make(chan struct{}, benchFlight)
	var posts sync.WaitGroup
	defer posts.Wait()
	for i := range n {
		if i == b.measured {
			b.cpuBegin = ownCPU()
		}
		time.Sleep(time.Until(b.due(i)))
		select {
		case flight <- struct{}{}:
		default:
			return fmt.Errorf("fell behind: %d posts are under way, the rate is more than is sustained", benchFlight)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		posts.Go(func() {
			b.postOne(ctx, i)
			<-flight
		})
	}
	posts.Wait()
	if err := b.awaitDeliveries(ctx); err != nil {
		return err
	}
	b.ended, b.cpuEnd = time.Now(), ownCPU()
	return b.judge()
}

// due returns when a message is to be posted.
func (b *bench) due(i int) time.Time {
	return b.begin.Add(time.Duration(float64(i) / b.rate * float64(time.Second)))
}

// postOne posts a message. Its text says which it is, and so when it was due.
func (b *bench) postOne(ctx context.Context, i int) {
	room := i % b.rooms()
	author := b.members[i/b.rooms()%len(b.members)]
	text := fmt.Sprintf("%s%s-%d ", marker, b.run, i)
	text += strings.Repeat("x", max(0, b.size-len(text)))
	_, err := author.PostReliably(ctx, b.uris[room], text, fmt.Sprintf("%s-%d", b.run, i))
	if err != nil {
		b.refused.Add(1)
		return
	}
	if i >= b.measured {
		b.post.add(time.Since(b.due(i)))
		b.accepted.Add(1)
	}
	b.perRoom[room].Add(1)
}

// marker begins the text of every message of a run.
const marker = "bench-"

// awaitDeliveries waits until every watcher has what was accepted in its session,
// or nothing more comes.
func (b *bench) awaitDeliveries(ctx context.Context) error {
	for deadline := time.Now().Add(benchPatience); time.Now().Before(deadline); {
		missing := false
		for _, w := range b.watchers {
			missing = missing || w.got.Load() < b.perRoom[w.room].Load()
		}
		if !missing {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil // judge says what is missing
}

// judge returns an error unless each delivery came, once and in order.
func (b *bench) judge() error {
	var missing, surplus, faults int64
	for _, w := range b.watchers {
		difference := b.perRoom[w.room].Load() - w.got.Load()
		missing += max(0, difference)
		surplus += max(0, -difference)
		faults += w.faults.Load()
	}
	if missing+surplus+faults+b.refused.Load() > 0 {
		return fmt.Errorf("no figures: %d deliveries are missing, %d too many, %d repeated or out of order, %d posts failed",
			missing, surplus, faults, b.refused.Load())
	}
	return nil
}

// hooks reads frames as they come, before the device drops any.
func (w *watcher) hooks() client.Hooks {
	return client.Hooks{
		OnCaughtUp: func(_ string, seq int64) {
			if w.lastSeq == 0 {
				w.lastSeq = seq
				close(w.ready)
			}
		},
		OnFrame: func(f client.Frame) {
			if f.Type == "event" {
				w.take(f, time.Now())
			}
		},
	}
}

func (w *watcher) take(f client.Frame, now time.Time) {
	if w.lastSeq > 0 && f.Seq != w.lastSeq+1 {
		w.faults.Add(1)
	}
	w.lastSeq = f.Seq
	number, ok := after(f.Text, `"message":"`+marker+w.bench.run+"-", ' ')
	i, err := strconv.Atoi(string(number))
	if !ok || err != nil {
		return
	}
	w.got.Add(1)
	if i < w.bench.measured {
		return
	}
	w.frame.add(now.Sub(w.bench.due(i)))
	if date, ok := after(f.Text, `"created_date":"`, '"'); ok {
		if committed, err := time.Parse(time.RFC3339Nano, string(date)); err == nil {
			w.commit.add(now.Sub(committed))
		}
	}
}

// after returns what stands in text between begin and the next end.
func after(text []byte, begin string, end byte) ([]byte, bool) {
	_, rest, ok := bytes.Cut(text, []byte(begin))
	if !ok {
		return nil, false
	}
	at := bytes.IndexByte(rest, end)
	return rest[:max(at, 0)], at >= 0
}

// ownCPU returns the processor time that this process has used.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
