package bus

import (
	"bytes"
	"context"
	"sync"

	"github.com/chatire/chatire/pkg/telemetry"
	"github.com/chatire/chatire/pkg/trace"
)

// memoryQueue is how many packs wait for a subscription: with 64 KB each, at most
// 16 MB. Beyond it the oldest is dropped, as the broker does.
const memoryQueue = 256

// memory is the wire within one process. It keeps order, and a slow subscription
// holds up nobody.
type memory struct {
	// mu guards queues. Putting into a queue under it never waits.
	mu     sync.Mutex
	queues map[*subscription]chan batch
}

func newMemory() *memory { return &memory{queues: map[*subscription]chan batch{}} }

func (m *memory) send(b *Bus) {
	b.state.setPublisher(true)
	defer b.state.setPublisher(false)
	batches := newBatcher(b)
	defer batches.drop(dropClosed)
	for b.ending.Err() == nil {
		if p, ok := batches.next(); ok {
			m.carry(b, p)
			continue
		}
		select {
		case <-b.rings.wake:
		case <-b.closing.Done():
			return
		}
	}
}

func (m *memory) carry(b *Bus, p batch) {
	p.body = bytes.Clone(p.body)
	b.note(p.marks, trace.Published)
	p.sent(m.place())
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, queue := range m.queues {
		for !offer(queue, p) {
			select {
			case old := <-queue:
				b.metrics.dropped(dropFull, old.items)
			default: // the subscription was faster
			}
		}
	}
	b.metrics.confirmed.Inc()
	b.note(p.marks, trace.Confirmed)
	for _, t := range p.traced {
		t.span.Confirm()
	}
}

// place implements wire.
func (m *memory) place() telemetry.Place { return telemetry.Place{System: "memory", Name: "events"} }

func offer(queue chan batch, p batch) bool {
	select {
	case queue <- p:
		return true
	default:
		return false
	}
}

func (m *memory) join(b *Bus, s *subscription) func(context.Context) {
	queue := make(chan batch, memoryQueue)
	m.mu.Lock()
	m.queues[s] = queue
	m.mu.Unlock()
	s.setBinder(everySlot{})
	return func(ctx context.Context) {
		b.state.setReceiving(true)
		defer b.state.setReceiving(false)
		m.receive(ctx, s, queue)
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.queues, s)
	}
}

func (m *memory) receive(ctx context.Context, s *subscription, queue chan batch) {
	for {
		select {
		case p := <-queue:
			if !s.deliver(ctx, p.body, p.headers) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// everySlot is bound from the start.
type everySlot struct{}

func (everySlot) bind(context.Context, int) error { return nil }
