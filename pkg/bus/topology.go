package bus

import (
	"fmt"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wmamqp "github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	amqp "github.com/rabbitmq/amqp091-go"
)

// builder declares what a topology says.
var builder wmamqp.DefaultTopologyBuilder

// topology is what there is at the broker for one kind of pack, in the terms of
// watermill-amqp, whose builder makes it. Its Subscriber and Publisher are not used:
// both read a channel that the goroutine which reconnects replaces, without a lock.
func (r *rabbit) topology(k kind, slot int) wmamqp.Config {
	form, key := "fanout", ""
	if k == kindEvents {
		form, key = "direct", strconv.Itoa(slot)
	}
	return wmamqp.Config{
		Exchange: wmamqp.ExchangeConfig{Type: form, Durable: true},
		Queue: wmamqp.QueueConfig{
			AutoDelete: true,
			Exclusive:  true,
			Arguments: amqp.Table{
				"x-max-length":       queuePacks,
				"x-max-length-bytes": queueBytes,
				"x-overflow":         "drop-head",
				"x-message-ttl":      queueTTL.Milliseconds(),
				"x-expires":          time.Minute.Milliseconds(),
			},
		},
		QueueBind: wmamqp.QueueBindConfig{GenerateRoutingKey: func(string) string { return key }},
	}
}

// declare makes sure that the exchanges exist.
func (r *rabbit) declare(ch *amqp.Channel) error {
	for _, k := range []kind{kindEvents, kindControl, kindEphemeral} {
		if err := builder.ExchangeDeclare(ch, r.exchange(k), r.topology(k, 0)); err != nil {
			return fmt.Errorf("declare exchange %s: %w", r.exchange(k), err)
		}
	}
	return nil
}

// attach makes sure that a queue exists and gets the packs of a kind; of events,
// those of one slot.
func (r *rabbit) attach(ch *amqp.Channel, queue string, k kind, slot int) error {
	return builder.BuildTopology(ch, queue, r.exchange(k), r.topology(k, slot), watermill.NopLogger{})
}
