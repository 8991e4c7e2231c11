package bus

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/chatire/chatire/pkg/trace"
)

const (
	// flightPacks is how many packs may be on their way without a confirm. While it
	// is reached the rings fill, and packs grow. More brings neither throughput nor
	// latency, it only makes packs smaller and loses more with a connection.
	flightPacks = 1

	// confirmTimeout is how long the broker may say nothing about packs on their
	// way, unless it has asked us to wait.
	confirmTimeout = 10 * time.Second
)

func (r *rabbit) send(b *Bus) {
	batches := newBatcher(b)
	defer batches.drop(dropClosed)
	r.keep(b.closing, b.ending, "publisher", b.metrics.publisherLost, func(c *connection, up func()) error {
		return r.publish(b, batches, c, up)
	})
}

// flying is a pack on its way.
type flying struct {
	items  int
	marks  []passing
	traced []traced
}

// flight is the packs on their way on one channel. The broker's confirms come in
// the order of the packs.
type flight struct {
	bus     *Bus
	packs   chan flying // its room is the room there is
	blocked atomic.Bool
	lost    chan struct{} // closed when no more confirms will come
}

// ready says whether another pack may be sent.
func (f *flight) ready() bool { return !f.blocked.Load() && len(f.packs) < cap(f.packs) }

// publish sends packs over one connection until it is lost, or the Bus is closing
// and all is sent and confirmed.
func (r *rabbit) publish(b *Bus, batches *batcher, c *connection, up func()) error {
	var ch *amqp.Channel
	err := c.bounded(func() (err error) {
		ch, err = r.openPublishing(c)
		return err
	})
	if err != nil {
		return err
	}
	f := &flight{
		bus:   b,
		packs: make(chan flying, flightPacks),
		lost:  make(chan struct{}),
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation, flightPacks))
	blocks := c.NotifyBlocked(make(chan amqp.Blocking, 16))
	var reading sync.WaitGroup
	reading.Go(func() { f.read(c, confirms, blocks) })
	b.state.setPublisher(true)
	up()
	err = r.pump(b, batches, f, ch)
	b.state.setPublisher(false)
	c.leave()
	reading.Wait()
	f.giveUp()
	if reason := <-closed; reason != nil {
		return reason
	}
	return err
}

func (r *rabbit) openPublishing(c *connection) (*amqp.Channel, error) {
	ch, err := c.Channel()
	if err != nil {
		return nil, fmt.Errorf("open channel: %w", err)
	}
	if err := ch.Confirm(false); err != nil {
		return nil, fmt.Errorf("ask for confirms: %w", err)
	}
	return ch, r.declare(ch)
}

var errConnectionLost = errors.New("the connection was lost")

// pump sends what the rings hold as fast as confirms come.
func (r *rabbit) pump(b *Bus, batches *batcher, f *flight, ch *amqp.Channel) error {
	closing := b.closing.Done()
	for {
		if f.ready() {
			if p, ok := batches.next(); ok {
				if err := r.emit(f, ch, p); err != nil {
					return err
				}
				continue
			}
			if closing == nil && len(f.packs) == 0 {
				return nil
			}
		}
		select {
		case <-b.rings.wake:
		case <-f.lost:
			return errConnectionLost
		case <-closing:
			closing = nil
		case <-b.ending.Done():
			return b.ending.Err()
		}
	}
}

func (r *rabbit) emit(f *flight, ch *amqp.Channel, p batch) error {
	key := ""
	if p.kind == kindEvents {
		key = strconv.Itoa(p.slot)
	}
	f.bus.note(p.marks, trace.Published)
	p.sent(r.place())
	f.packs <- flying{p.items, p.marks, p.traced} // has room: see ready
	_, err := ch.PublishWithDeferredConfirm(r.exchange(p.kind), key, false, false, amqp.Publishing{
		DeliveryMode: amqp.Transient,
		Headers:      tableOf(p.headers),
		Body:         p.body,
	})
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// tableOf returns headers as the broker takes them, nil for none.
func tableOf(headers message.Metadata) amqp.Table {
	if headers == nil {
		return nil
	}
	table := amqp.Table{}
	for name, value := range headers {
		table[name] = value
	}
	return table
}

// read reads what the broker says until the channel and the connection are closed.
// It closes the connection if the broker owes confirms and says nothing for too
// long, though it has not asked us to wait.
func (f *flight) read(c *connection, confirms <-chan amqp.Confirmation, blocks <-chan amqp.Blocking) {
	tick := time.NewTicker(confirmTimeout / 10)
	defer tick.Stop()
	since := time.Now() // when the broker last owed us nothing or said something
	for confirms != nil || blocks != nil {
		select {
		case confirm, ok := <-confirms:
			if !ok {
				confirms = nil
				close(f.lost)
				continue
			}
			f.settle(confirm.Ack)
		case block, ok := <-blocks:
			if !ok {
				blocks = nil
				continue
			}
			f.blocked.Store(block.Active)
			f.bus.state.setBlocked(block.Active)
		case <-tick.C:
			if len(f.packs) > 0 && !f.blocked.Load() {
				if time.Since(since) > confirmTimeout {
					c.raw.Close()
				}
				continue
			}
		}
		since = time.Now()
		f.bus.rings.signal()
	}
}

// settle settles the oldest pack.
func (f *flight) settle(ack bool) {
	var pack flying
	select {
	case pack = <-f.packs:
	default:
		return // a confirm of nothing
	}
	if ack {
		f.bus.metrics.confirmed.Inc()
		f.bus.note(pack.marks, trace.Confirmed)
		for _, t := range pack.traced {
			t.span.Confirm()
		}
		return
	}
	f.bus.metrics.nacked.Inc()
	pack.drop(f.bus)
}

// drop counts what was not confirmed.
func (p flying) drop(b *Bus) {
	b.metrics.dropped(dropUnconfirmed, p.items)
	for _, t := range p.traced {
		t.span.Fail()
	}
}

// giveUp counts what was never confirmed.
func (f *flight) giveUp() {
	for {
		select {
		case pack := <-f.packs:
			f.bus.metrics.lost.Inc()
			pack.drop(f.bus)
		default:
			return
		}
	}
}
