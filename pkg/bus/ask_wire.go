package bus

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"

	"github.com/ThreeDotsLabs/watermill"
	wmamqp "github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	amqp "github.com/rabbitmq/amqp091-go"
)

// within carries letters within the process.
type within struct{ letters chan []byte }

func (w within) send(_ context.Context, body []byte) error {
	select {
	case w.letters <- body:
		return nil
	default: // who takes them in also sends: it must not wait for itself
		return ErrAway
	}
}

func (m *memory) correspond(b *Bus) {
	w := within{make(chan []byte, lettersWaiting)}
	b.setPost(w)
	defer b.setPost(nil)
	for {
		select {
		case body := <-w.letters:
			b.deliver(b.closing, body)
		case <-b.closing.Done():
			return
		}
	}
}

// letterQueue bounds the letters that wait for a process.
const letterQueue = 1000

// letterBox sends letters over a connection to the broker. They are few and small, and go
// over the connection by which they come.
type letterBox struct {
	mu       sync.Mutex // a channel is not for several at once
	channel  *amqp.Channel
	exchange string
}

func (l *letterBox) send(_ context.Context, body []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.channel.Publish(l.exchange, "", false, false, amqp.Publishing{DeliveryMode: amqp.Transient, Body: body})
	if err != nil {
		return fmt.Errorf("send letter: %w", err)
	}
	return nil
}

// letterTopology is what there is at the broker for letters.
func letterTopology() wmamqp.Config {
	return wmamqp.Config{
		Exchange: wmamqp.ExchangeConfig{Type: "fanout", Durable: true},
		Queue: wmamqp.QueueConfig{
			AutoDelete: true,
			Exclusive:  true,
			Arguments: amqp.Table{
				"x-max-length":  letterQueue,
				"x-overflow":    "drop-head",
				"x-message-ttl": queueTTL.Milliseconds(),
			},
		},
		QueueBind: wmamqp.QueueBindConfig{GenerateRoutingKey: func(string) string { return "" }},
	}
}

func (r *rabbit) correspond(b *Bus) {
	r.keep(b.closing, b.ending, "inspector", b.metrics.inspectorLost, func(c *connection, up func()) error {
		return r.exchangeLetters(b, c, up)
	})
}

// exchangeLetters takes letters in over one connection until it is lost or the Bus is
// closing.
func (r *rabbit) exchangeLetters(b *Bus, c *connection, up func()) error {
	box := &letterBox{exchange: r.prefix + ".inspect"}
	var deliveries <-chan amqp.Delivery
	err := c.bounded(func() (err error) {
		if box.channel, err = c.Channel(); err != nil {
			return fmt.Errorf("open channel: %w", err)
		}
		queue := r.prefix + ".inspect." + r.instance + "." + rand.Text()
		if err := builder.ExchangeDeclare(box.channel, box.exchange, letterTopology()); err != nil {
			return fmt.Errorf("declare exchange %s: %w", box.exchange, err)
		}
		if err := builder.BuildTopology(box.channel, queue, box.exchange, letterTopology(), watermill.NopLogger{}); err != nil {
			return err
		}
		deliveries, err = box.channel.Consume(queue, "inspector", true, true, false, false, nil)
		return err
	})
	if err != nil {
		return err
	}
	up()
	b.setPost(box)
	defer b.setPost(nil)
	for {
		select {
		case d, ok := <-deliveries:
			if !ok {
				return errConnectionLost
			}
			b.deliver(b.closing, d.Body)
		case <-b.closing.Done():
			return nil
		}
	}
}
