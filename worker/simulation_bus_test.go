package worker

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/chat"
)

// simBus carries packs to the workers of a simulation, as badly as it is told to.
type simBus struct {
	world *world
	mood  atomic.Pointer[mood]
}

// mood is how a bus is; the zero mood carries everything at once.
type mood struct {
	down   bool
	lose   float64       // the share of packs that are lost
	repeat float64       // the share that comes again
	delay  time.Duration // the longest way; those of different length overtake each other
}

// PublishEvents implements chat.Publisher.
func (b *simBus) PublishEvents(events []chat.Event, _ []chat.Cause) {
	pack := &bus.Pack{Epoch: "epoch", Published: time.Now()}
	for i := range events {
		pack.Events = append(pack.Events, chat.CopyOf(&events[i], ""))
	}
	b.carry(pack)
}

// PublishControl implements chat.Publisher.
func (b *simBus) PublishControl(c chat.Control) { b.carry(&bus.Pack{Controls: []chat.Control{c}}) }

func (b *simBus) carry(pack *bus.Pack) {
	m := b.mood.Load()
	for _, w := range b.world.workers {
		if m.down || rand.Float64() < m.lose {
			continue
		}
		times := 1
		if rand.Float64() < m.repeat {
			times += 1 + rand.IntN(2)
		}
		for range times {
			deliver := func() { w.receive(pack) }
			if m.delay == 0 {
				deliver()
				continue
			}
			b.world.running.Go(func() {
				time.Sleep(rand.N(m.delay))
				deliver()
			})
		}
	}
}

// set changes the mood. Workers hear when the bus is back.
func (b *simBus) set(m mood) {
	old := b.mood.Swap(&m)
	if old.down && !m.down {
		for _, w := range b.world.workers {
			w.busIsBack()
		}
	}
}

// hubBus is the bus as a hub asks it for things.
type hubBus struct{}

func (hubBus) SlotOf(string) int               { return 0 }
func (hubBus) Bind(context.Context, int) error { return nil }
func (hubBus) PublishTyping(chat.Typing)       {}
func (hubBus) PublishLoad(chat.Load)           {}
func (hubBus) PublishPresence(chat.Presence)   {}
