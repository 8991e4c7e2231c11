package bus

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Inspection is what a broker says of itself, for whoever looks after it.
type Inspection struct {
	Broker  string // product and version
	User    string
	TLS     bool
	Local   bool          // it is on this machine
	Missing []string      // exchanges that are not there: no process of ours has been
	Blocked string        // why it takes no publishing for now, "" if it does
	Confirm time.Duration // how long a published message took to be confirmed
}

// ErrNoBroker says that a bus is within one process.
var ErrNoBroker = errors.New("the bus is within the process: there is no broker")

// Inspect connects to the broker and publishes one message, which nobody receives.
func Inspect(ctx context.Context, o Options) (Inspection, error) {
	w, err := parseURL(o)
	if err != nil {
		return Inspection{}, err
	}
	r, ok := w.(*rabbit)
	if !ok {
		return Inspection{}, ErrNoBroker
	}
	c, err := r.dial(ctx, "doctor")
	if err != nil {
		return Inspection{}, fmt.Errorf("connect to the broker: %w", err)
	}
	defer c.leave()
	i := Inspection{Broker: fmt.Sprint(c.Properties["product"], " ", c.Properties["version"])}
	if u, err := url.Parse(r.url); err == nil {
		i.User, i.TLS = u.User.Username(), u.Scheme == "amqps"
		i.Local = u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
	}
	for _, k := range []kind{kindEvents, kindControl, kindEphemeral} {
		if err := r.lookFor(c, k); err != nil {
			i.Missing = append(i.Missing, r.exchange(k))
		}
	}
	return i, r.inspectConfirm(c, &i)
}

// lookFor fails if an exchange is not there as it should be. A channel on which
// something failed is closed by the broker.
func (r *rabbit) lookFor(c *connection, k kind) error {
	return c.bounded(func() error {
		ch, err := c.Channel()
		if err != nil {
			return err
		}
		defer ch.Close()
		t := r.topology(k, 0).Exchange
		return ch.ExchangeDeclarePassive(r.exchange(k), t.Type, t.Durable, t.AutoDeleted, t.Internal, false, nil)
	})
}

// inspectConfirm publishes to nobody and waits for the confirm.
func (r *rabbit) inspectConfirm(c *connection, i *Inspection) error {
	blocks := c.NotifyBlocked(make(chan amqp.Blocking, 1))
	ch, err := c.Channel()
	if err != nil {
		return fmt.Errorf("open channel: %w", err)
	}
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("ask for confirms: %w", err)
	}
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation, 1))
	began := time.Now()
	if err := ch.Publish("", "chatire.nobody", false, false, amqp.Publishing{}); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	select {
	case <-confirms:
		i.Confirm = time.Since(began)
	case b := <-blocks:
		i.Blocked = b.Reason
	case <-time.After(answerTimeout):
		i.Blocked = "no confirm came"
	}
	return nil
}
