package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// Topic is what to subscribe to: there is one topic, with all kinds of packs.
const Topic = "packs"

// Subscriber is a watermill message.Subscriber that outlives every loss of the
// broker. It delivers one message, waits for its Ack or Nack, and delivers the
// next, since a Router runs the handlers of what it has at the same time. A Nack is
// counted and settles the message like an Ack: nothing is delivered again.
type Subscriber struct {
	bus *Bus

	mu  sync.Mutex
	all []*subscription
}

// Subscribe delivers until ctx ends, or the Subscriber or the Bus is closed. The
// Bus gives each subscription all that is published while it is up. At RabbitMQ
// that is control, what is ephemeral, and the Events of bound slots.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	if topic != Topic {
		return nil, fmt.Errorf("subscribe: the topic is %q", Topic)
	}
	sub, err := s.bus.subscribe(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, sub)
	return sub.out, nil
}

// Close ends all subscriptions and returns when nothing of them runs.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	all := s.all
	s.all = nil
	s.mu.Unlock()
	for _, sub := range all {
		sub.cancel()
		<-sub.ended
	}
	return nil
}

// subscription is one reader of the Bus.
type subscription struct {
	bus    *Bus
	cancel context.CancelFunc
	out    chan *message.Message
	ended  chan struct{} // closed when nothing of it runs

	// mu guards binder: what slots can be bound with now, nil if there is nothing.
	mu     sync.Mutex
	binder binder
}

// binder binds slots.
type binder interface {
	bind(ctx context.Context, slot int) error
}

func (s *subscription) bind(ctx context.Context, slot int) error {
	s.mu.Lock()
	now := s.binder
	s.mu.Unlock()
	if now == nil {
		return ErrAway
	}
	return now.bind(ctx, slot)
}

func (s *subscription) setBinder(b binder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.binder = b
}

func (b *Bus) subscribe(ctx context.Context) (*subscription, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &subscription{
		bus:    b,
		cancel: cancel,
		out:    make(chan *message.Message),
		ended:  make(chan struct{}),
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		cancel()
		return nil, errors.New("subscribe: the bus is closed")
	}
	b.subscriptions[s] = struct{}{}
	b.state.addSubscription(1)
	receive := b.wire.join(b, s)
	b.consuming.Go(func() {
		defer close(s.ended)
		defer close(s.out)
		defer cancel()
		receive(ctx)
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subscriptions, s)
		b.state.addSubscription(-1)
	})
	return s, nil
}

// deliver hands a pack to the handler and waits until it is settled, or returns
// false if ctx ends first.
func (s *subscription) deliver(ctx context.Context, body []byte, headers message.Metadata) bool {
	m := message.NewMessage("", body)
	maps.Copy(m.Metadata, headers)
	m.SetContext(ctx)
	select {
	case s.out <- m:
	case <-ctx.Done():
		return false
	}
	select {
	case <-m.Acked():
		s.bus.metrics.handled.Inc()
	case <-m.Nacked():
		s.bus.metrics.unhandled.Inc()
	case <-ctx.Done():
		return false
	}
	return true
}

// Decode reads the pack of a message and checks its signature. A pack that is
// refused is counted: settle it with an Ack like any other, and expect to find in
// the Log what it may have carried.
//
// The spans of the receipt of what is traced end here.
func (b *Bus) Decode(m *message.Message) (Pack, error) {
	began := time.Now()
	p, err := decodePack(b.sealer, m.Payload)
	switch {
	case err == nil:
		if header := m.Metadata.Get(tracesHeader); header != "" && b.tracer != nil {
			b.receive(&p, m.Payload, header, began)
		}
		return p, nil
	case errors.Is(err, ErrForeign):
		b.metrics.refused(refuseForeign)
	case errors.Is(err, ErrVersion):
		b.metrics.refused(refuseVersion)
	case errors.Is(err, ErrForged):
		b.metrics.refused(refuseForged)
	default:
		b.metrics.refused(refuseDamaged)
	}
	return Pack{}, fmt.Errorf("decode pack: %w", err)
}
