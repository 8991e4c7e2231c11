package worker

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/trace"
)

const (
	// laneFrames bounds the frames that wait in one lane, lanesBytes what waits in all
	// of them. What does not fit is dropped: the probe finds it in the Log.
	laneFrames = 8192
	lanesBytes = 32 << 20

	// waveFrames bounds how many frames are brought out in one wave.
	waveFrames = 256
)

// bridge takes deliveries from the bus to the hub. The bus's handler only sorts the
// frames into lanes and is done, so that the broker never waits for a socket. All
// frames of a Session take the same lane, so they stay in order.
type bridge struct {
	hub   *Hub
	bus   *bus.Bus
	log   *slog.Logger
	lanes []chan laneFrame
	room  budget // of the lanes
}

type laneFrame struct {
	uri     string
	epoch   string // of the Log that it is of
	request string // id of the request that caused it
	frame   frame
}

// newBridge makes a bridge. Each of its lanes holds at most so many frames.
func newBridge(h *Hub, b *bus.Bus, log *slog.Logger, held int) *bridge {
	lanes := make([]chan laneFrame, runtime.GOMAXPROCS(0))
	for i := range lanes {
		lanes[i] = make(chan laneFrame, held)
	}
	return &bridge{hub: h, bus: b, log: log, lanes: lanes, room: budget{most: lanesBytes}}
}

// run takes deliveries until ctx ends.
func (b *bridge) run(ctx context.Context) error {
	// What watermill finds worth telling is of interest to who debugs it.
	quiet := watermill.NewSlogLoggerWithLevelMapping(b.log, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: time.Second}, quiet)
	if err != nil {
		return fmt.Errorf("make router: %w", err)
	}
	router.AddConsumerHandler("bridge", bus.Topic, b.bus.Subscriber(), b.handle)
	defer b.startLanes(ctx)()
	if err := router.Run(ctx); err != nil {
		return fmt.Errorf("run router: %w", err)
	}
	return nil
}

// startLanes brings out what comes until ctx ends. wait waits for that.
func (b *bridge) startLanes(ctx context.Context) (wait func()) {
	var lanes sync.WaitGroup
	for _, lane := range b.lanes {
		lanes.Go(func() { b.bringOut(ctx, lane) })
	}
	return lanes.Wait
}

// handle sorts one delivery. It never fails: what cannot be read is counted where
// it is decoded, and would not become better by coming again.
func (b *bridge) handle(m *message.Message) error {
	if pack, err := b.bus.Decode(m); err == nil {
		b.take(&pack)
	}
	return nil
}

// take sorts what a pack has brought.
func (b *bridge) take(pack *bus.Pack) {
	received := time.Now()
	for i := range pack.Events {
		b.sort(pack, i, received)
	}
	for _, c := range pack.Controls {
		b.hub.control(c)
	}
	for _, t := range pack.Typings {
		b.hub.typing(t)
	}
	if len(pack.Loads)+len(pack.Presences) == 0 || pack.Sender == b.bus.Instance() {
		return // these are said to the others
	}
	for _, l := range pack.Loads {
		b.hub.balance.hear(pack.Sender, l, received)
	}
	for _, p := range pack.Presences {
		b.hub.presence.hear(pack.Sender, p)
	}
}

// sort puts one Event of a pack into its lane, if somebody watches its Session.
func (b *bridge) sort(pack *bus.Pack, event int, received time.Time) {
	c := &pack.Events[event]
	if b.hub.watched(c.URI) == nil {
		return
	}
	b.hub.metrics.carried(c.Committed, pack.Published, b.hub.databaseTime(received))
	b.hub.trace.Note(c.URI, c.Seq, trace.Received, received)
	hash := fnv.New32a()
	hash.Write([]byte(c.URI))
	f := laneFrame{c.URI, pack.Epoch, c.RequestID, frame{
		seq:       c.Seq,
		kind:      c.Type,
		ends:      c.Ends,
		committed: c.Committed,
		received:  received,
		trace:     pack.TraceOf(event),
		wire:      newWire(c.Frame),
	}}
	if !b.room.take(f.frame) {
		b.hub.metrics.overrun.Inc()
		return
	}
	select {
	case b.lanes[hash.Sum32()%uint32(len(b.lanes))] <- f:
	default:
		b.room.give(f.frame.size())
		b.hub.metrics.overrun.Inc()
	}
}

// bringOut hands the frames of one lane to their cursors. All that wait go in one
// wave, so that a connection gets them in one write.
func (b *bridge) bringOut(ctx context.Context, lane chan laneFrame) {
	w := b.hub.newWave()
	for {
		select {
		case f := <-lane:
			b.bring(f, w)
		case <-ctx.Done():
			return
		}
		for more := true; more && len(w.measure) < waveFrames; {
			select {
			case f := <-lane:
				b.bring(f, w)
			default:
				more = false
			}
		}
		w.flush()
	}
}

func (b *bridge) bring(f laneFrame, w *wave) {
	b.room.give(f.frame.size())
	// The cursor before the epoch: one that is new has the new epoch.
	if cur := b.hub.watched(f.uri); cur != nil && f.epoch == b.hub.epoch() {
		cur.accept(f.frame, w)
		b.log.Debug("frame", "uri", f.uri, "seq", f.frame.seq, "request_id", f.request)
	}
}
