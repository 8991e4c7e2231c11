package bus

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/chatire/chatire/pkg/telemetry"
)

// How long things may take at the broker.
const (
	// heartbeat has the client notice a silent broker after 3 s, and the broker a
	// silent client after 4 s or so.
	heartbeat = 2 * time.Second

	// writeTimeout bounds every write. Contexts do not: a write to a connection that
	// swallows everything would last as long as it pleases.
	writeTimeout = 3 * time.Second

	// dialTimeout bounds making a connection, handshakes included.
	dialTimeout = 3 * time.Second

	// answerTimeout bounds the wait for the answer to what we ask.
	answerTimeout = 3 * time.Second

	// closeTimeout bounds taking leave.
	closeTimeout = time.Second

	// The wait before the next connection doubles with every failure in a row.
	minBackoff = 50 * time.Millisecond
	maxBackoff = time.Second
)

// rabbit is the wire through a RabbitMQ.
type rabbit struct {
	url      string
	prefix   string
	instance string
	slots    int
	log      *slog.Logger
}

func newRabbit(o Options, url, prefix string) *rabbit {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &rabbit{url: url, prefix: prefix, instance: cut(o.Instance, maxSender), slots: o.Slots, log: log}
}

func (r *rabbit) exchange(k kind) string {
	switch k {
	case kindControl:
		return r.prefix + ".control"
	case kindEphemeral:
		return r.prefix + ".ephemeral"
	default:
		return r.prefix + ".events"
	}
}

// place implements wire.
func (r *rabbit) place() telemetry.Place {
	return telemetry.Place{System: "rabbitmq", Name: r.exchange(kindEvents)}
}

// connection is one connection to the broker.
type connection struct {
	*amqp.Connection
	raw net.Conn
}

// leave closes the connection, politely if the broker answers.
func (c *connection) leave() {
	c.CloseDeadline(time.Now().Add(closeTimeout)) // what it returns says that it is closed
	c.raw.Close()
}

// bounded runs fn, which asks the broker something, and closes the connection if
// there is no answer in time.
func (c *connection) bounded(fn func() error) error {
	timer := time.AfterFunc(answerTimeout, func() { c.raw.Close() })
	defer timer.Stop()
	return fn()
}

// dial connects, unless ctx ends first.
func (r *rabbit) dial(ctx context.Context, role string) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var raw net.Conn
	stop := func() bool { return true }
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName("chatire " + role + " " + r.instance)
	conn, err := amqp.DialConfig(r.url, amqp.Config{
		Heartbeat:  heartbeat,
		Properties: properties,
		Dial: func(network, address string) (net.Conn, error) {
			dialed, err := new(net.Dialer).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			raw = dialed
			stop = context.AfterFunc(ctx, func() { dialed.Close() })
			return punctual{dialed, writeTimeout}, nil
		},
	})
	if raw != nil && (!stop() || err != nil) {
		raw.Close()
		return nil, cmp.Or(err, ctx.Err())
	}
	if err != nil {
		return nil, err
	}
	return &connection{conn, raw}, nil
}

// punctual is a net.Conn whose writes have a deadline.
type punctual struct {
	net.Conn
	timeout time.Duration
}

func (p punctual) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}

// life uses one connection as long as it lasts. It calls up when everything is set
// up, and returns when the connection is lost or is not needed any more (nil).
type life func(c *connection, up func()) error

// keep runs one life after the other until ctx ends; a life that is running then is
// to end by itself, and is ended by force some time after ending. The wait between
// two is short after a life that was up, and doubles up to maxBackoff while none is.
func (r *rabbit) keep(ctx, ending context.Context, role string, lost prometheus.Counter, live life) {
	for failures := 0; ctx.Err() == nil; failures++ {
		wasUp, err := r.once(ctx, ending, role, live)
		if ctx.Err() != nil || err == nil {
			return
		}
		if wasUp {
			failures = 0
			lost.Inc()
			r.log.Warn("lost the broker", "role", role, "error", err)
		} else if failures == 0 {
			r.log.Warn("cannot reach the broker, trying on", "role", role, "error", err)
		}
		select {
		case <-time.After(backoff(failures)):
		case <-ctx.Done():
		}
	}
}

func (r *rabbit) once(ctx, ending context.Context, role string, live life) (wasUp bool, err error) {
	c, err := r.dial(ctx, role)
	if err != nil {
		return false, fmt.Errorf("dial: %w", err)
	}
	defer c.leave()
	stop := context.AfterFunc(ending, func() {
		time.AfterFunc(closeTimeout, func() { c.raw.Close() })
	})
	defer stop()
	err = live(c, func() {
		wasUp = true
		r.log.Info("connected to the broker", "role", role)
	})
	return wasUp, err
}

// backoff returns a wait: between half and all of minBackoff, doubled for each
// failure.
func backoff(failures int) time.Duration {
	d := min(minBackoff<<min(failures, 10), maxBackoff)
	return d/2 + rand.N(d/2)
}
