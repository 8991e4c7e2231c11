// Package worker is the program chatire-worker: it takes Events off the bus and
// writes them to websockets.
//
// A frame comes in by the bridge, which sorts it into a lane. The lane hands it to
// the Session's cursor, which decides: the next one is delivered, a lower one
// dropped, a higher one kept aside until the hole is mended from the Log. Each
// subscription is a position; it is live, or its connection's pump brings it up
// from the cursor's ring or from the Log. Once a second the probe looks for what
// the bus has lost.
package worker

import (
	"context"

	"github.com/gofiber/fiber/v2"
	"github.com/lxzan/gws"

	"github.com/chatire/chatire/pkg/boot"
)

// Worker is the program as boot runs it.
type Worker struct {
	kit       *boot.Kit
	hub       *Hub
	metrics   *metrics
	handshake *handshake
	upgrader  *gws.Upgrader
	stop      context.CancelFunc // ends the hub's context
}

// New makes the program. It takes no connection before Run runs.
func New(k *boot.Kit) (boot.Program, error) {
	ctx, stop := context.WithCancel(context.Background())
	m := newMetrics(k.Metrics)
	w := &Worker{
		kit:       k,
		metrics:   m,
		handshake: newHandshake(k.Config.PublicURL, k.Config.CORSOrigins, newDoors(k.Config.RateLimit)),
		stop:      stop,
		hub: newHub(ctx, HubOptions{
			Store:       k.Store,
			Users:       k.Chat,
			Bus:         k.Bus,
			Log:         k.Log,
			Limits:      k.Config.RateLimit,
			Trace:       k.Bus.Trace(),
			Tracer:      k.Tracer,
			Connections: withinFiles(k.Config.Connections),
			DrainSpread: k.Config.DrainSpread,
			ClockAhead:  k.ClockAhead,
		}, m),
	}
	w.hub.epochNow.Store(&k.Epoch) // before anybody can connect
	w.upgrader = newUpgrader(gwsLog{k.Log})
	k.Ops.Handle("/debug/hub", w.hub)
	k.Bus.OnQuestion("worker", w.hub.answer)
	m.addUndelivered(k.Metrics, w.hub.undeliveredAge)
	return w, nil
}

// Mount implements boot.Program.
func (w *Worker) Mount(app *fiber.App) {
	app.All(path, w.upgrade)
}

// Run implements boot.Program: it serves until ctx ends, sends its connections
// elsewhere and returns when nothing of it is left.
func (w *Worker) Run(ctx context.Context) error {
	back := make(chan struct{}, 1)
	w.kit.Bus.OnSubscriber(func(up bool) {
		if !up {
			return
		}
		select {
		case back <- struct{}{}:
		default:
		}
	})
	inner, stopInner := context.WithCancel(context.WithoutCancel(ctx))
	defer stopInner()
	failed := make(chan error, 1)
	w.hub.spawn(func() { w.hub.probeLoop(inner, back) })
	w.hub.spawn(func() { w.hub.mendLoop(inner) })
	w.hub.spawn(func() { w.hub.pulseLoop(inner) })
	w.hub.spawn(func() { w.hub.balanceLoop(inner) })
	w.hub.spawn(func() { w.hub.presenceLoop(inner) })
	w.hub.spawn(func() {
		if err := newBridge(w.hub, w.kit.Bus, w.kit.Log, laneFrames).run(inner); err != nil {
			failed <- err
		}
	})
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	w.hub.drain()
	stopInner()
	w.stop()
	w.hub.running.Wait()
	return err
}
