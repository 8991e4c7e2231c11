package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/chatire/chatire/pkg/netfault"
)

// rabbitmqCases break the broker, and what comes from it.
func rabbitmqCases() []Case {
	return []Case{
		{
			Name: "rabbitmq-killed", What: "RabbitMQ is killed and started again.",
			Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				if err := r.Services.RabbitMQ(ctx, "kill"); err != nil {
					return err
				}
				sleep(ctx, r.between(500*time.Millisecond, 2*time.Second))
				return r.Services.RabbitMQ(ctx, "start")
			},
		},
		{
			Name: "rabbitmq-wiped", What: "RabbitMQ is killed and loses all its data.",
			Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				if err := r.Services.RabbitMQ(ctx, "wipe"); err != nil {
					return err
				}
				return r.Services.RabbitMQ(ctx, "start")
			},
		},
		{
			Name: "rabbitmq-hears-nothing", What: "Nothing reaches RabbitMQ, and nobody is told.",
			Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				return holdBroker(ctx, r, netfault.Way{Held: true}, netfault.Way{})
			},
		},
		{
			Name: "rabbitmq-says-nothing", What: "Nothing comes from RabbitMQ, and nobody is told.",
			Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				return holdBroker(ctx, r, netfault.Way{}, netfault.Way{Held: true})
			},
		},
		{
			Name: "rabbitmq-alarmed", What: "RabbitMQ has a memory alarm and blocks who publishes.",
			Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				if err := r.Services.RabbitMQ(ctx, "ctl", "set_vm_memory_high_watermark", "0.00001"); err != nil {
					return err
				}
				sleep(ctx, r.between(time.Second, 3*time.Second))
				return r.Services.RabbitMQ(ctx, "ctl", "set_vm_memory_high_watermark", "0.4")
			},
		},
		{
			Name: "rabbitmq-deleted", What: "Our exchanges and queues are deleted.",
			Recover: 5 * time.Second,
			Round:   deleteTopology,
		},
		{
			Name: "rabbitmq-cut", What: "Every connection to RabbitMQ is closed, five times a round.",
			Recover: 5 * time.Second,
			Begin:   func(ctx context.Context, r *Run) error { return countGoroutines(ctx, r, "before") },
			Round: func(ctx context.Context, r *Run) error {
				for range 5 {
					r.APIToBroker.Cut()
					r.WorkerToBroker.Cut()
					sleep(ctx, r.between(50*time.Millisecond, 400*time.Millisecond))
				}
				return nil
			},
			End: func(ctx context.Context, r *Run) error {
				sleep(ctx, 3*time.Second)
				return countGoroutines(ctx, r, "after")
			},
		},
		{
			Name: "rabbitmq-garbage", What: "Garbage, odd headers and forged packs come to our exchanges and queues.",
			Recover: 5 * time.Second,
			Round:   sendGarbage,
		},
		{
			Name: "rabbitmq-shuffled", What: "Every message of the broker comes up to three times, and none in its order.",
			Plan: Plan{WorkersPrefix: "_shuffled"}, Recover: 5 * time.Second,
			Begin: startShuffler,
			Round: func(ctx context.Context, _ *Run) error { sleep(ctx, time.Second); return nil },
		},
	}
}

func holdBroker(ctx context.Context, r *Run, toServer, toClient netfault.Way) error {
	r.APIToBroker.Set(toServer, toClient)
	r.WorkerToBroker.Set(toServer, toClient)
	sleep(ctx, r.between(time.Second, 5*time.Second))
	r.APIToBroker.Heal()
	r.WorkerToBroker.Heal()
	return nil
}

// channel opens a channel to the broker, as an operator or an attacker would.
func (r *Run) channel() (*amqp.Connection, *amqp.Channel, error) {
	conn, err := amqp.Dial(replaced(r.Broker, func(u *url.URL) { u.RawQuery = "" }))
	if err != nil {
		return nil, nil, err
	}
	ch, err := conn.Channel()
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, ch, nil
}

// kinds are the exchanges of an installation, behind its prefix.
var kinds = []string{".events", ".control", ".ephemeral"}

// deleteTopology deletes queues, and exchanges with them, as somebody who tidies up
// would.
func deleteTopology(ctx context.Context, r *Run) error {
	conn, ch, err := r.channel()
	if err != nil {
		return err
	}
	defer conn.Close()
	if r.Rand.IntN(2) == 0 {
		for _, kind := range kinds {
			if err := ch.ExchangeDelete(r.name+kind, false, false); err != nil {
				return err
			}
		}
	}
	queues, err := queuesOf(ctx, r)
	if err != nil {
		return err
	}
	for _, queue := range queues {
		// They are exclusive, so that only the broker's own command can do it.
		_ = r.Services.RabbitMQ(ctx, "ctl", "delete_queue", queue) // it may be gone with its connection
	}
	return nil
}

// queuesOf returns the names of this installation's queues.
func queuesOf(ctx context.Context, r *Run) ([]string, error) {
	out, err := output(ctx, r.Services.rabbitmqCtl, "ctl", "list_queues", "name", "--no-table-headers")
	if err != nil {
		return nil, err
	}
	var queues []string
	for line := range bytes.Lines(out) {
		if name := string(bytes.TrimSpace(line)); len(name) > len(r.name) && name[:len(r.name)] == r.name {
			queues = append(queues, name)
		}
	}
	return queues, nil
}

// countChannels notes how many channels there are at the broker, and fails if there are
// others than before.
func countChannels(ctx context.Context, r *Run, when string) error {
	out, err := output(ctx, r.Services.rabbitmqCtl, "ctl", "list_channels", "name", "--no-table-headers")
	if err != nil {
		return err
	}
	n := bytes.Count(out, []byte("\n"))
	if when == "before" {
		r.remember("channels", n)
		return nil
	}
	r.Note("channels at the broker: %d before, %d after", r.remembered("channels"), n)
	if n != r.remembered("channels") {
		return fmt.Errorf("there are %d channels at the broker, and were %d", n, r.remembered("channels"))
	}
	return nil
}

// countGoroutines notes how many goroutines each process has, and fails if they have
// grown.
func countGoroutines(ctx context.Context, r *Run, when string) error {
	if err := countChannels(ctx, r, when); err != nil {
		return err
	}
	for _, p := range r.All() {
		figure, err := p.Figure(ctx, "go_goroutines")
		if err != nil {
			return err
		}
		n := int(figure)
		if when == "before" {
			r.remember(p.Name, n)
			continue
		}
		before := r.remembered(p.Name)
		r.Note("%s: goroutines %d before, %d after", p.Name, before, n)
		if n > before+20 {
			return fmt.Errorf("%s has %d goroutines, and had %d", p.Name, n, before)
		}
	}
	return nil
}

// sendGarbage publishes what nobody of ours would: random bytes, packs cut short or
// with one bit turned, of another version, empty, and with headers of every type.
func sendGarbage(ctx context.Context, r *Run) error {
	conn, ch, err := r.channel()
	if err != nil {
		return err
	}
	defer conn.Close()
	packs, err := listen(ch, r.name)
	if err != nil {
		return err
	}
	queues, err := queuesOf(ctx, r)
	if err != nil {
		return err
	}
	for n := 0; n < 200; n++ {
		var pack amqp.Delivery
		select {
		case pack = <-packs:
		case <-time.After(time.Second):
			return errors.New("no pack came")
		case <-ctx.Done():
			return ctx.Err()
		}
		if len(pack.Body) < minPack {
			continue // one of those that were made here
		}
		exchange, key := r.name+kinds[n%len(kinds)], "0"
		if len(queues) > 0 && n%4 == 3 {
			exchange, key = "", queues[n%len(queues)]
		}
		odd := amqp.Publishing{Body: spoil(r.Rand, pack.Body), Headers: oddHeaders(r.Rand)}
		if err := ch.PublishWithContext(ctx, exchange, key, false, false, odd); err != nil {
			return err
		}
	}
	return nil
}

// listen returns what is published to the events of a prefix.
func listen(ch *amqp.Channel, prefix string) (<-chan amqp.Delivery, error) {
	queue, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return nil, err
	}
	if err := ch.QueueBind(queue.Name, "0", prefix+".events", false, nil); err != nil {
		return nil, err
	}
	return ch.Consume(queue.Name, "", true, true, false, false, nil)
}

// minPack is less than any real pack has, in bytes.
const minPack = 100

func spoil(r *rand.Rand, pack []byte) []byte {
	pack = bytes.Clone(pack)
	switch r.IntN(6) {
	case 0:
		return nil
	case 1:
		for i := range pack {
			pack[i] = byte(r.IntN(256))
		}
	case 2:
		return pack[:r.IntN(len(pack))]
	case 3:
		pack[r.IntN(len(pack))] ^= 1 << r.IntN(8)
	case 4:
		pack[4]++ // its version
	case 5:
		return append(pack, pack...)
	}
	return pack
}

func oddHeaders(r *rand.Rand) amqp.Table {
	return anyTable[r.IntN(len(anyTable))]
}

var anyTable = []amqp.Table{
	nil,
	{"n": int32(7), "list": []any{int64(1), "x", true}},
	{"table": amqp.Table{"in": amqp.Table{"in": nil}}},
	{"_watermill_message_uuid": int64(9)},
	{"time": time.Unix(0, 0), "bytes": []byte{0, 255}},
}

// startShuffler carries what the APIs publish to the workers' exchanges, each message
// one to three times and in another order, until the run ends.
func startShuffler(ctx context.Context, r *Run) error {
	conn, ch, err := r.channel()
	if err != nil {
		return err
	}
	packs, err := listen(ch, r.name)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		shuffle(ctx, ch, packs, r.name+r.plan.WorkersPrefix)
	}()
	r.Cleanup(func() {
		stop()
		<-done
		conn.Close()
	})
	return nil
}

func shuffle(ctx context.Context, ch *amqp.Channel, packs <-chan amqp.Delivery, prefix string) {
	var held []amqp.Delivery
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case pack, ok := <-packs:
			if !ok {
				return
			}
			for range 1 + rand.IntN(3) {
				held = append(held, pack)
			}
		case <-tick.C:
			rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
			n := len(held)/2 + len(held)%2
			for _, pack := range held[:n] {
				_ = ch.PublishWithContext(ctx, prefix+".events", "0", false, false, amqp.Publishing{Body: pack.Body, Headers: pack.Headers})
			}
			held = held[n:]
		case <-ctx.Done():
			return
		}
	}
}
