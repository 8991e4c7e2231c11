package bus_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/bus/bustest"
)

// TestRouter reads through a watermill Router, which handles whatever it has been
// given at the same time.
func TestRouter(t *testing.T) {
	bustest.Each(t, func(t *testing.T, url string) {
		b := open(t, url)
		router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
		if err != nil {
			t.Fatal(err)
		}
		const n = 300
		got := make(chan int64, n)
		router.AddConsumerHandler("test", bus.Topic, b.Subscriber(), func(m *message.Message) error {
			p, err := b.Decode(m)
			time.Sleep(rand.N(100 * time.Microsecond)) // let a later one overtake, if it can
			for _, e := range p.Events {
				got <- e.Seq
			}
			return err
		})
		var running sync.WaitGroup
		running.Go(func() {
			if err := router.Run(context.Background()); err != nil {
				t.Error(err)
			}
		})
		waitUp(t, b)
		if err := b.Bind(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		for seq := range int64(n) {
			publish(b, room, seq+1)
			time.Sleep(50 * time.Microsecond) // for packs of few events
		}
		for want := int64(1); want <= n; want++ {
			if seq := <-got; seq != want {
				t.Fatalf("%d came instead of %d", seq, want)
			}
		}
		if err := router.Close(); err != nil {
			t.Error(err)
		}
		running.Wait()
		if _, subscriber := b.Up(); subscriber {
			t.Error("still subscribed")
		}
	})
}
