package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	// prefetch is how many packs the broker sends ahead of our acks. With 64 KB each
	// they are at most 64 MB, should the handler ever fall behind.
	prefetch = 1000

	// The queue holds what the prefetch does not. Beyond its bounds the broker drops
	// the oldest.
	queuePacks = 10_000
	queueBytes = 64 << 20

	// queueTTL is how long a pack is worth anything: the probe finds the Events
	// sooner.
	queueTTL = 10 * time.Second

	// ackEvery is how many packs are acked together, if they come so fast.
	ackEvery = 64

	// checkEvery is how often exchanges and bindings are made sure of, since nobody
	// tells us when an exchange is deleted. Bindings are checked checkSlots at a time.
	checkEvery = 2 * time.Second
	checkSlots = 64

	// consumerTag names the one consumer of a connection to the broker.
	consumerTag = "worker"

	// bindTimeout bounds the wait for a binding.
	bindTimeout = 2 * time.Second
)

func (r *rabbit) join(b *Bus, s *subscription) func(context.Context) {
	return func(ctx context.Context) {
		r.keep(ctx, ctx, "subscriber", b.metrics.consumerLost, func(c *connection, up func()) error {
			return r.consume(ctx, b, s, c, up)
		})
	}
}

// consume delivers packs over one connection until it is lost or ctx ends.
func (r *rabbit) consume(ctx context.Context, b *Bus, s *subscription, c *connection, up func()) error {
	q := &queue{
		rabbit: r,
		conn:   c,
		name:   r.prefix + ".worker." + r.instance + "." + rand.Text(),
		bound:  map[int]struct{}{},
		asks:   make(chan ask),
		lost:   make(chan struct{}),
	}
	var deliveries <-chan amqp.Delivery
	err := c.bounded(func() (err error) {
		deliveries, err = q.open(b, s)
		return err
	})
	if err != nil {
		return err
	}
	closed := q.ch.NotifyClose(make(chan *amqp.Error, 1))
	var keeping sync.WaitGroup
	keeping.Go(q.keep)
	up()
	b.state.setReceiving(true)
	err = q.deliver(ctx, b, s, deliveries)
	s.setBinder(nil)
	b.state.setReceiving(false)
	close(q.lost)
	c.leave()
	keeping.Wait()
	if reason := <-closed; reason != nil && err != nil {
		return reason
	}
	return err
}

// open declares the queue, binds what is wanted and begins to consume.
func (q *queue) open(b *Bus, s *subscription) (deliveries <-chan amqp.Delivery, err error) {
	if q.ch, err = q.conn.Channel(); err != nil {
		return nil, fmt.Errorf("open channel: %w", err)
	}
	if err := q.declare(); err != nil {
		return nil, err
	}
	deliveries, err = q.ch.Consume(q.name, consumerTag, false, true, false, false, nil)
	if err != nil {
		return nil, fmt.Errorf("consume: %w", err)
	}
	for {
		slot, more := b.unbound(s, q)
		if !more {
			return deliveries, nil
		}
		if err := q.ensure(slot); err != nil {
			return nil, err
		}
	}
}

// unbound returns a wanted slot that q has not bound. When there is none, slots are
// bound through q from then on.
func (b *Bus) unbound(s *subscription, q *queue) (slot int, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for slot := range b.wanted {
		if !q.isBound(slot) {
			return slot, true
		}
	}
	s.setBinder(q)
	return 0, false
}

// queue is the queue of one connection. Once consume has set it up, one goroutine
// (keep) binds slots and checks that everything is still there.
type queue struct {
	rabbit *rabbit
	conn   *connection
	ch     *amqp.Channel
	name   string
	next   int // keep's: the slot at which the next check begins
	asks   chan ask
	lost   chan struct{} // closed when the connection is given up

	// mu guards bound.
	mu    sync.Mutex
	bound map[int]struct{}
}

func (q *queue) isBound(slot int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, ok := q.bound[slot]
	return ok
}

// ask is a wish to have a slot bound. The answer has room, so that it never waits.
type ask struct {
	slot   int
	answer chan error
}

func (q *queue) declare() error {
	if err := q.ch.Qos(prefetch, 0, false); err != nil {
		return fmt.Errorf("set prefetch: %w", err)
	}
	if err := q.rabbit.declare(q.ch); err != nil {
		return err
	}
	return q.ensureFanouts()
}

func (q *queue) ensureFanouts() error {
	for _, k := range []kind{kindControl, kindEphemeral} {
		if err := q.rabbit.attach(q.ch, q.name, k, 0); err != nil {
			return fmt.Errorf("bind %s: %w", q.rabbit.exchange(k), err)
		}
	}
	return nil
}

// ensure binds a slot, whether or not it is bound already.
func (q *queue) ensure(slot int) error {
	if err := q.rabbit.attach(q.ch, q.name, kindEvents, slot); err != nil {
		return fmt.Errorf("bind slot %d: %w", slot, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bound[slot] = struct{}{}
	return nil
}

// bind has keep bind a slot and waits for it.
func (q *queue) bind(ctx context.Context, slot int) error {
	if q.isBound(slot) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, bindTimeout)
	defer cancel()
	a := ask{slot, make(chan error, 1)}
	select {
	case q.asks <- a:
	case <-q.lost:
		return ErrAway
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-a.answer:
		return err
	case <-q.lost:
		return ErrAway
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keep serves bind and checks the topology until the connection is given up. An
// error closes the channel, and with it ends the connection.
func (q *queue) keep() {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case a := <-q.asks:
			a.answer <- q.answer(a.slot)
		case <-tick.C:
			q.conn.bounded(q.check) // an error closed the channel
		case <-q.lost:
			return
		}
	}
}

func (q *queue) answer(slot int) error {
	if q.isBound(slot) {
		return nil // somebody else asked too
	}
	return q.conn.bounded(func() error { return q.ensure(slot) })
}

// check makes sure that exchanges and bindings are there, up to checkSlots slots
// at a time.
func (q *queue) check() error {
	if err := q.rabbit.declare(q.ch); err != nil {
		return err
	}
	if err := q.ensureFanouts(); err != nil {
		return err
	}
	for looked, checked := 0, 0; looked < q.rabbit.slots && checked < checkSlots; looked++ {
		slot := q.next
		q.next = (q.next + 1) % q.rabbit.slots
		if !q.isBound(slot) {
			continue
		}
		if err := q.ensure(slot); err != nil {
			return err
		}
		checked++
	}
	return nil
}

// metadataOf returns the headers of a delivery that a pack may have, nil for none.
func metadataOf(table amqp.Table) message.Metadata {
	traces, ok := table[tracesHeader].(string)
	if !ok {
		return nil
	}
	return message.Metadata{tracesHeader: traces}
}

var errCancelled = errors.New("the broker cancelled the consumer")

// deliver hands packs over one by one, and acks those that are settled together
// when there is nothing else to do. It returns nil when ctx ends.
func (q *queue) deliver(ctx context.Context, b *Bus, s *subscription, deliveries <-chan amqp.Delivery) error {
	settled, last := 0, uint64(0)
	ack := func() error {
		if settled == 0 {
			return nil
		}
		settled = 0
		return q.ch.Ack(last, true)
	}
	for {
		var d amqp.Delivery
		var ok bool
		select {
		case d, ok = <-deliveries:
		default:
			if err := ack(); err != nil {
				return fmt.Errorf("ack: %w", err)
			}
			select {
			case d, ok = <-deliveries:
			case <-ctx.Done():
				return nil
			}
		}
		if !ok {
			return errCancelled
		}
		if len(d.Body) == 0 {
			b.metrics.refused(refuseEmpty)
		} else if !s.deliver(ctx, d.Body, metadataOf(d.Headers)) {
			return nil
		}
		settled, last = settled+1, d.DeliveryTag
		if settled == ackEvery {
			if err := ack(); err != nil {
				return fmt.Errorf("ack: %w", err)
			}
		}
	}
}
