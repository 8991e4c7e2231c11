package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/telemetry"
	"github.com/chatire/chatire/pkg/trace"
)

// MaxSlots bounds the slots of an installation.
const MaxSlots = 1024

// Options say which bus to open.
type Options struct {
	// URL is memory://, amqp:// or amqps://.
	URL chat.Secret

	// Secret signs packs. All processes of an installation have the same one.
	Secret chat.Secret

	// Instance names this process to operators; random if empty.
	Instance string

	// Slots is into how many slots Sessions are spread, the same in every process;
	// 0 means 1.
	Slots int

	Tracer     *telemetry.Tracer // nil traces nothing
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Bus carries Copies. It is safe for concurrent use, and it is a chat.Publisher.
type Bus struct {
	slots   int
	sealer  *sealer
	rings   *rings
	wire    wire
	metrics *metrics
	state   state
	trace   *trace.Ring
	tracer  *telemetry.Tracer // may be nil
	letters correspondence
	epoch   atomic.Pointer[string] // never nil
	ahead   atomic.Int64           // how far the database's clock is ahead, in nanoseconds

	// closing ends when no more work is taken on, ending when all work must end.
	closing, ending context.Context
	close, end      context.CancelFunc
	sending         sync.WaitGroup // the goroutine that sends packs
	consuming       sync.WaitGroup // those that deliver

	// mu guards what follows. Nothing is sent or received under it.
	mu            sync.Mutex
	closed        bool
	wanted        map[int]struct{} // slots that were bound; at most MaxSlots
	subscriptions map[*subscription]struct{}
}

var _ chat.Publisher = (*Bus)(nil)

// wire is what packs travel on.
type wire interface {
	// send carries packs from the rings until the Bus is closing and they are empty,
	// or the Bus is ending.
	send(b *Bus)

	// join adds a subscription. What it returns delivers packs until ctx ends.
	join(b *Bus, s *subscription) (receive func(ctx context.Context))

	// place is what Events go through.
	place() telemetry.Place

	// correspond takes letters in until the Bus is closing.
	correspond(b *Bus)
}

// Open opens a bus. It does not wait for the broker: one that is away is connected
// to when it comes, and until then [Bus.Up] and the metric degraded say so.
func Open(o Options) (*Bus, error) {
	if o.Slots == 0 {
		o.Slots = 1
	}
	if o.Slots < 0 || o.Slots > MaxSlots {
		return nil, fmt.Errorf("open bus: slots must be from 1 to %d", MaxSlots)
	}
	if o.Secret == "" {
		return nil, errors.New("open bus: a secret is needed")
	}
	if o.Instance == "" {
		o.Instance = rand.Text()
	}
	wire, err := parseURL(o)
	if err != nil {
		return nil, fmt.Errorf("open bus: %w", err)
	}
	m := newMetrics(o.Registerer)
	m.slots.Set(float64(o.Slots))
	b := &Bus{
		slots:         o.Slots,
		sealer:        newSealer(o.Secret, cut(o.Instance, maxSender)),
		rings:         newRings(o.Slots+2, m.dropped),
		wire:          wire,
		metrics:       m,
		wanted:        map[int]struct{}{},
		subscriptions: map[*subscription]struct{}{},
		trace:         trace.New(),
		tracer:        o.Tracer,
		letters: correspondence{
			ready:   make(chan struct{}),
			parts:   map[string]func(Question) any{},
			waiting: map[string]chan Answer{},
		},
	}
	b.state.metrics = m
	b.epoch.Store(new(string))
	b.ending, b.end = context.WithCancel(context.Background())
	b.closing, b.close = context.WithCancel(b.ending)
	b.sending.Go(func() { b.wire.send(b) })
	return b, nil
}

// Close ends all subscriptions, sends what was published before as long as ctx
// lets it and there is a connection, and leaves nothing running. It returns at most
// two seconds after ctx has ended.
func (b *Bus) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	for s := range b.subscriptions {
		s.cancel()
	}
	b.mu.Unlock()
	b.rings.shut()
	b.close()
	stop := context.AfterFunc(ctx, b.end)
	defer stop()
	b.sending.Wait()
	b.consuming.Wait()
	b.end()
	b.rings.drop(dropClosed)
	return nil
}

// SetEpoch says which Log the Events are of that are published from now on. Those
// of another one that still wait are dropped: their Seqs mean something else now.
func (b *Bus) SetEpoch(epoch string) {
	if *b.epoch.Load() != epoch {
		b.epoch.Store(&epoch)
	}
}

// SetClock says how far the database's clock is ahead of this process's, so that packs
// bear the time of the database, as the Events in them do.
func (b *Bus) SetClock(ahead time.Duration) { b.ahead.Store(int64(ahead)) }

// Instance names this process: the Sender of the packs that it publishes.
func (b *Bus) Instance() string { return b.sealer.sender }

// Up says whether packs can be sent, and whether all subscriptions receive: false
// too if there is none.
func (b *Bus) Up() (publisher, subscriber bool) { return b.state.up() }

// OnSubscriber has fn called whenever a subscription is connected (up) or lost.
// What was published in between may be missing. fn must not block.
func (b *Bus) OnSubscriber(fn func(up bool)) { b.state.onSubscriber(fn) }

// Subscriber returns the receiving end, for a watermill Router.
func (b *Bus) Subscriber() message.Subscriber { return &Subscriber{bus: b} }

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
