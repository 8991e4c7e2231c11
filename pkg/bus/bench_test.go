package bus_test

import (
	"context"
	"sync"
	"testing"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/bus/bustest"
	"github.com/chatire/chatire/pkg/chat"
)

// BenchmarkBus carries Events from PublishEvents to Decode, 20 to a call and at
// most 4,000 on their way. One operation is one Event.
func BenchmarkBus(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchmark(b, "memory://") })
	b.Run("amqp", func(b *testing.B) { benchmark(b, bustest.AMQP(b)) })
}

func benchmark(b *testing.B, url string) {
	const batch, ahead = 20, 200
	o := open(b, url)
	ctx, cancel := context.WithCancel(b.Context())
	messages, err := o.Subscriber().Subscribe(ctx, bus.Topic)
	if err != nil {
		b.Fatal(err)
	}
	waitUp(b, o)
	if err := o.Bind(ctx, 0); err != nil {
		b.Fatal(err)
	}
	room := make(chan struct{}, ahead) // for batches on their way
	var reading sync.WaitGroup
	packs := 0
	b.ReportAllocs()
	b.ResetTimer()
	reading.Go(func() {
		for got := 0; got < b.N; {
			m := <-messages
			p, err := o.Decode(m)
			m.Ack()
			if err != nil {
				b.Error(err)
			}
			before := got / batch
			got += len(p.Events)
			packs++
			for range got/batch - before {
				<-room
			}
		}
	})
	causes := make([]chat.Cause, batch)
	for seq := 0; seq < b.N; seq += batch {
		events := make([]chat.Event, min(batch, b.N-seq))
		for i := range events {
			events[i] = event(roomURI, int64(seq+i+1))
		}
		room <- struct{}{}
		o.PublishEvents(events, causes[:len(events)])
	}
	reading.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(b.N)/float64(packs), "events/pack")
	cancel()
}

const roomURI = "0123456789abcde"

func BenchmarkPublishEvents(b *testing.B) {
	o := open(b, "memory://")
	events := []chat.Event{event(roomURI, 1)}
	causes := []chat.Cause{{RequestID: "request"}}
	b.ReportAllocs()
	for b.Loop() {
		o.PublishEvents(events, causes)
	}
}
