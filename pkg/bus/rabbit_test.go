package bus_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/bus/bustest"
	"github.com/chatire/chatire/pkg/chat"
)

// arrives publishes the Event again and again until it arrives.
func arrives(t *testing.T, from opened, l *listener, uri string, seq int64) {
	t.Helper()
	wait(t, "the event to arrive", func() bool {
		publish(from, uri, seq)
		time.Sleep(20 * time.Millisecond)
		return l.has(uri, seq)
	})
}

// load publishes one Event after the other until it is stopped.
type load struct {
	last    atomic.Int64
	stopped chan struct{}
	running sync.WaitGroup
}

func startLoad(b opened, uri string) *load {
	l := &load{stopped: make(chan struct{})}
	l.running.Go(func() {
		for {
			select {
			case <-l.stopped:
				return
			case <-time.After(200 * time.Microsecond):
				seq := l.last.Load() + 1
				publish(b, uri, seq)
				l.last.Store(seq)
			}
		}
	})
	return l
}

func (l *load) stop() int64 {
	close(l.stopped)
	l.running.Wait()
	return l.last.Load()
}

// settled waits until the number of goroutines is back at most where it was.
func settled(t *testing.T, before int) {
	t.Helper()
	wait(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

// cutOnce cuts what is connected and waits for the next connection.
func cutOnce(t *testing.T, proxy *bustest.Proxy) {
	t.Helper()
	wait(t, "a connection to cut", func() bool { return proxy.Connections() > 0 })
	n := proxy.Accepted()
	proxy.Cut()
	wait(t, "a new connection", func() bool { return proxy.Accepted() > n })
}

func TestPublisherOutlivesCuts(t *testing.T) {
	url := bustest.AMQP(t)
	proxy := bustest.NewProxy(t, url)
	receiver := open(t, url)
	l := listen(t, receiver, 0)
	sender := open(t, proxy.URL())
	arrives(t, sender, l, "first", 1)
	before := runtime.NumGoroutine()

	publishing := startLoad(sender, room)
	lost := func() float64 { return sender.count(t, "amqp_reconnects_total", "publisher") }
	for cut := 0; cut < 100 || lost() < 20 && cut < 1000; cut++ { // a busy machine is slow to connect again
		cutOnce(t, proxy)
		time.Sleep(time.Duration(cut%10) * time.Millisecond) // let the next cut hit something else
	}
	arrives(t, sender, l, "last", 1)
	last := publishing.stop()
	publish(sender, "end", 1)
	wait(t, "what was published last", func() bool { return l.has("end", 1) })

	arrived := map[int64]bool{}
	highest := int64(0)
	for _, e := range l.events() {
		if e.URI != room {
			continue
		}
		if e.Seq <= highest {
			t.Fatalf("%d arrived after %d", e.Seq, highest)
		}
		highest = e.Seq
		arrived[e.Seq] = true
	}
	missing := int(last) - len(arrived)
	dropped := sender.count(t, "publish_dropped_total", "unconfirmed") + sender.count(t, "publish_dropped_total", "full")
	t.Logf("published %d, missing %d, counted as dropped %v, reconnects %v",
		last, missing, dropped, lost())
	if float64(missing) > dropped {
		t.Errorf("%d are missing and %v were counted", missing, dropped)
	}
	if n := lost(); n < 20 {
		t.Errorf("only %v connections were lost while up", n)
	}
	settled(t, before)
}

func TestSubscriberOutlivesCuts(t *testing.T) {
	url := bustest.AMQP(t)
	proxy := bustest.NewProxy(t, url)
	sender := open(t, url)
	receiver := open(t, proxy.URL())
	var ups, downs atomic.Int64
	receiver.OnSubscriber(func(up bool) {
		if up {
			ups.Add(1)
		} else {
			downs.Add(1)
		}
	})
	l := listen(t, receiver, 0)
	arrives(t, sender, l, "first", 1)
	before := runtime.NumGoroutine()

	publishing := startLoad(sender, room)
	for cut := range 100 {
		cutOnce(t, proxy)
		if cut%2 == 0 {
			waitUp(t, receiver)
		}
	}
	publishing.stop()
	waitUp(t, receiver)
	last := publishing.last.Load()
	for seq := last + 1; seq <= last+100; seq++ {
		publish(sender, room, seq)
	}
	wait(t, "what was published while up", func() bool { return l.has(room, last+100) })

	highest := int64(0)
	tail := 0
	for _, e := range l.events() {
		if e.URI == room && e.Seq <= highest {
			t.Fatalf("%d arrived after %d", e.Seq, highest)
		}
		if e.URI == room {
			highest = e.Seq
		}
		if e.Seq > last {
			tail++
		}
	}
	if tail != 100 {
		t.Errorf("%d of 100 arrived after the last cut", tail)
	}
	if ups.Load() < 20 || ups.Load() != downs.Load()+1 {
		t.Errorf("was told %d times up and %d times down", ups.Load(), downs.Load())
	}
	settled(t, before)
}

func TestBrokerAppearsLate(t *testing.T) {
	url := bustest.AMQP(t)
	proxy := bustest.NewProxy(t, url)
	proxy.Refuse()
	var said bytes.Buffer
	b := open(t, proxy.URL(), func(o *bus.Options) { o.Log = slog.New(slog.NewTextHandler(&said, nil)) })
	messages, err := b.Subscriber().Subscribe(t.Context(), bus.Topic)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := b.Bind(t.Context(), 0); !errors.Is(err, bus.ErrAway) || time.Since(begun) > time.Second {
		t.Errorf("Bind said %v after %v", err, time.Since(begun))
	}
	if publisher, subscriber := b.Up(); publisher || subscriber || b.count(t, "degraded", "") != 1 {
		t.Error("is up without a broker")
	}
	publish(b, room, 1, 2, 3)
	wait(t, "some tries", func() bool { return proxy.Accepted() > 4 })

	proxy.Heal()
	begun = time.Now()
	waitUp(t, b)
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("took %v to connect", took)
	}
	if b.count(t, "degraded", "") != 0 || b.count(t, "amqp_connection_up", "subscriber") != 1 {
		t.Error("is degraded with a broker")
	}
	publish(b, room, 4)
	for {
		m := next(t, messages)
		p, err := b.Decode(m)
		m.Ack()
		if err != nil {
			t.Fatal(err)
		}
		if e := p.Events; e[len(e)-1].Seq == 4 {
			break // the slot that could not be bound is bound
		}
	}
	closeBus(t, b.Bus)
	if strings.Contains(said.String(), "amqp://") {
		t.Error("the log shows the URL")
	}
	if n := strings.Count(said.String(), "cannot reach"); n != 2 {
		t.Errorf("complained %d times about one outage, in two roles", n)
	}
}

func TestSilentBrokerIsNoticed(t *testing.T) {
	url := bustest.AMQP(t)
	proxy := bustest.NewProxy(t, url)
	b := open(t, proxy.URL())
	listen(t, b, 0)
	proxy.Stall()
	publishing := startLoad(b, room)
	begun := time.Now()
	wait(t, "both directions to be down", func() bool {
		publisher, subscriber := b.Up()
		return !publisher && !subscriber
	})
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("took %v to notice", took)
	}
	publishing.stop()
	begun = time.Now()
	proxy.Heal()
	waitUp(t, b)
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("took %v to be back", took)
	}
}

// TestNothingWaitsForTheBroker publishes far more than the rings hold while
// nothing can be sent. That it ends at all is the point: had any of it waited, it
// would have waited for ever.
func TestNothingWaitsForTheBroker(t *testing.T) {
	proxy := bustest.NewProxy(t, bustest.AMQP(t))
	b := open(t, proxy.URL())
	wait(t, "the publisher", func() bool { publisher, _ := b.Up(); return publisher })
	proxy.Block()
	wait(t, "the publisher to be blocked", func() bool { publisher, _ := b.Up(); return !publisher })
	if b.count(t, "degraded", "") != 1 {
		t.Error("a blocked publisher is not degraded")
	}
	const n = 30_000
	for seq := range int64(n) {
		publish(b, room, seq+1)
	}
	if dropped := b.count(t, "publish_dropped_total", "full"); dropped != n-8192 {
		t.Errorf("dropped %v of %d, want all but 8192", dropped, n)
	}
	if confirmed := b.count(t, "publish_confirms_total", "ack"); confirmed != 0 {
		t.Errorf("sent %v packs though the broker asked to wait", confirmed)
	}
	proxy.Unblock()
	wait(t, "the rest to be sent", func() bool {
		publisher, _ := b.Up()
		return publisher && b.count(t, "publish_confirms_total", "ack") >= 8192*200/65536
	})
}

// TestQueueDeleted has the broker say what it says when a queue is deleted. Its
// queue is exclusive, so nobody but its own connection or the broker itself can.
func TestQueueDeleted(t *testing.T) {
	url := bustest.AMQP(t)
	proxy := bustest.NewProxy(t, url)
	b := open(t, proxy.URL())
	l := listen(t, b, 0)
	lost := make(chan bool, 10)
	b.OnSubscriber(func(up bool) { lost <- up })
	proxy.Cancel("worker")
	if up := <-lost; up {
		t.Error("came up before it went down")
	}
	if up := <-lost; !up {
		t.Error("went down twice")
	}
	arrives(t, b, l, room, 1)
}

func TestExchangeDeleted(t *testing.T) {
	for _, exchange := range []string{"events", "control", "ephemeral"} {
		t.Run(exchange, func(t *testing.T) {
			t.Parallel()
			url := bustest.AMQP(t)
			b := open(t, url)
			l := listen(t, b, 0)
			if err := bustest.Dial(t, url).ExchangeDelete(bustest.Prefix(t, url)+"."+exchange, false, false); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			wait(t, "all kinds to arrive again", func() bool {
				publish(b, room, 1)
				b.PublishControl(chat.Control{Kind: chat.ControlNotice, UserID: 1})
				b.PublishTyping(chat.Typing{URI: room})
				time.Sleep(50 * time.Millisecond)
				l.mu.Lock()
				defer l.mu.Unlock()
				var events, controls, typings int
				for _, p := range l.packs {
					events, controls, typings = events+len(p.Events), controls+len(p.Controls), typings+len(p.Typings)
				}
				return events > 0 && controls > 0 && typings > 0
			})
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestBrokerLosesEverything has the exchanges vanish while the connections are
// down, as when the broker comes back with an empty disk.
func TestBrokerLosesEverything(t *testing.T) {
	url := bustest.AMQP(t)
	proxy := bustest.NewProxy(t, url)
	b := open(t, proxy.URL())
	l := listen(t, b, 0)
	operator := bustest.Dial(t, url)
	proxy.Refuse()
	for _, exchange := range []string{"events", "control", "ephemeral"} {
		if err := operator.ExchangeDelete(bustest.Prefix(t, url)+"."+exchange, false, false); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Heal()
	arrives(t, b, l, room, 1)
}

func TestRefusedDeliveries(t *testing.T) {
	url := bustest.AMQP(t)
	b := open(t, url)
	l := listen(t, b, 0)
	attacker := bustest.Dial(t, url)
	send := func(body []byte, headers amqp.Table) {
		t.Helper()
		if err := attacker.Publish(bustest.Prefix(t, url)+".events", "0", false, false, amqp.Publishing{
			Body: body, Headers: headers,
		}); err != nil {
			t.Fatal(err)
		}
	}
	real := capture(t, b, 1)
	damaged := bytes.Clone(real)
	damaged[40] ^= 1
	newer := bytes.Clone(real)
	newer[4]++

	send(nil, nil)
	send([]byte("what is this"), nil)
	send(damaged, nil)
	send(newer, nil)
	send(real, amqp.Table{"number": int32(1), "table": amqp.Table{"a": true}, "_watermill_message_uuid": 5.0})
	stranger := open(t, url, func(o *bus.Options) { o.Secret = "another secret of 32 characters !" })
	publish(stranger, room, 66)
	wait(t, "all of it", func() bool {
		return b.count(t, "amqp_refused_total", "empty") == 1 &&
			b.count(t, "amqp_refused_total", "foreign") == 1 &&
			b.count(t, "amqp_refused_total", "forged") == 2 &&
			b.count(t, "amqp_refused_total", "version") == 1
	})
	versions := 0
	for _, err := range l.errors() {
		if errors.Is(err, bus.ErrVersion) {
			versions++
		}
	}
	if versions != 1 || len(l.errors()) != 4 {
		t.Errorf("errors: %v", l.errors())
	}
	publish(b, room, 2)
	wait(t, "what is ours", func() bool { return l.has(room, 2) })
	if l.has(room, 66) {
		t.Error("a stranger's event arrived")
	}
	if n := b.count(t, "amqp_consumed_total", "nack"); n != 0 {
		t.Errorf("%v nacks", n)
	}
}

// capture publishes an Event and returns its pack as it travels.
func capture(t *testing.T, b opened, seq int64) []byte {
	t.Helper()
	return bytes.Clone(captured(t, b, func() { publish(b, room, seq) }).Payload)
}

func TestBindWhileRunning(t *testing.T) {
	url := bustest.AMQP(t)
	slots := func(o *bus.Options) { o.Slots = 16 }
	b := open(t, url, slots)
	near, far := "0123456789abcde", "fffffffffffffff"
	if b.SlotOf(near) == b.SlotOf(far) {
		t.Fatal("the test needs two slots")
	}
	l := listen(t, b, b.SlotOf(near))
	publish(b, far, 1)
	publish(b, near, 1)
	wait(t, "the bound slot", func() bool { return l.has(near, 1) })
	if err := b.Bind(t.Context(), b.SlotOf(far)); err != nil {
		t.Fatal(err)
	}
	publish(b, far, 2)
	wait(t, "the slot bound now", func() bool { return l.has(far, 2) })
	if l.has(far, 1) {
		t.Error("an event arrived that was published before its slot was bound")
	}
	if err := b.Bind(t.Context(), 16); err == nil {
		t.Error("bound a slot that does not exist")
	}
}

func TestManyBindAtOnce(t *testing.T) {
	b := open(t, bustest.AMQP(t), func(o *bus.Options) { o.Slots = 200 })
	l := listen(t, b)
	var binding sync.WaitGroup
	for i := range 1000 {
		binding.Go(func() {
			if err := b.Bind(t.Context(), i%200); err != nil {
				t.Error(err)
			}
		})
	}
	binding.Wait()
	for i := range int64(200) {
		publish(b, strings.Repeat("x", int(i)), 1)
	}
	wait(t, "all slots", func() bool { return len(l.events()) == 200 })
}

func TestCloseWithoutABroker(t *testing.T) {
	proxy := bustest.NewProxy(t, bustest.AMQP(t))
	proxy.Refuse()
	b := open(t, proxy.URL())
	publish(b, room, 1, 2, 3)
	begun := time.Now()
	closeBus(t, b.Bus)
	if took := time.Since(begun); took > time.Second {
		t.Errorf("took %v", took)
	}
	publish(b, room, 4)
	if n := b.count(t, "publish_dropped_total", "closed"); n != 4 {
		t.Errorf("counted %v of 4", n)
	}
}

func TestCloseAtASilentBroker(t *testing.T) {
	proxy := bustest.NewProxy(t, bustest.AMQP(t))
	b := open(t, proxy.URL())
	listen(t, b, 0)
	proxy.Stall()
	publish(b, room, 1, 2, 3)
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	begun := time.Now()
	b.Close(ctx)
	if took := time.Since(begun); took > 2500*time.Millisecond {
		t.Errorf("took %v", took)
	}
}
