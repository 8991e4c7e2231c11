package worker

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/history"
)

var (
	simSeeds = flag.Int("sim.seeds", 300, "how many worlds TestSimulation sees")
	simFirst = flag.Uint64("sim.seed", 1, "the seed of the first one")
)

// step is one thing that goes wrong, or that people do, in a world.
type step struct {
	at   time.Duration
	what string
	who  int
	last time.Duration // how long it lasts
}

func (s step) String() string {
	return fmt.Sprintf("%v %s %d for %v", s.at.Round(time.Millisecond), s.what, s.who, s.last.Round(time.Millisecond))
}

// begins says how each kind of step begins, and what ends it.
var begins = map[string]func(w *world, s step) (end func()){
	"bus down":    func(w *world, _ step) func() { return w.moody(mood{down: true}) },
	"bus loses":   func(w *world, _ step) func() { return w.moody(mood{lose: .5}) },
	"bus repeats": func(w *world, _ step) func() { return w.moody(mood{repeat: .5, delay: 30 * time.Millisecond}) },
	"bus is slow": func(w *world, _ step) func() { return w.moody(mood{delay: 800 * time.Millisecond}) },
	"bus is bad": func(w *world, _ step) func() {
		return w.moody(mood{lose: .3, repeat: .3, delay: 200 * time.Millisecond})
	},
	"log is slow":  func(w *world, _ step) func() { return w.troubled(trouble{slow: 300 * time.Millisecond}) },
	"log hangs":    func(w *world, _ step) func() { return w.troubled(trouble{hang: true}) },
	"log fails":    func(w *world, _ step) func() { return w.troubled(trouble{failBefore: .5, readsFailed: .2}) },
	"commits lost": func(w *world, _ step) func() { return w.troubled(trouble{failAfter: .5, slow: 5 * time.Millisecond}) },
	"reads fail":   func(w *world, _ step) func() { return w.troubled(trouble{readsFailed: .7}) },
	"answers lost": func(w *world, _ step) func() { w.lossy.Store(true); return func() { w.lossy.Store(false) } },
	"cut":          func(w *world, s step) func() { w.device(s).cut(); return nil },
	// Only devices of somebody who stays: what is on its way cannot be called back.
	"hold": func(w *world, s step) func() { return w.devices[s.who%2*simUsers].hold() },
	"crash": func(w *world, s step) func() {
		worker := w.workers[s.who%simWorkers]
		worker.crash()
		return worker.start
	},
	"remove": func(w *world, s step) func() { return w.remove(s.who%simRooms, int64(s.who%2+2)) },
	"revoke": func(w *world, _ step) func() { w.revoke(); return nil },
	"again":  func(w *world, s step) func() { w.device(s).subscribeAgain(w, s.who%simRooms); return nil },
}

var stepKinds = func() (kinds []string) {
	for kind := range begins {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}()

// spell is how long people talk in a world.
const spell = 5 * time.Second

// schedule is what happens in the world of a seed. All of it ends within the spell or
// soon after it, so that every world heals.
func schedule(r *rand.Rand) []step {
	steps := make([]step, 3+r.IntN(6))
	for i := range steps {
		steps[i] = step{
			at:   time.Duration(r.Int64N(int64(spell))),
			what: stepKinds[r.IntN(len(stepKinds))],
			who:  r.IntN(60),
			last: time.Duration(r.Int64N(int64(3 * time.Second))),
		}
	}
	slices.SortFunc(steps, func(a, b step) int { return int(a.at - b.at) })
	return steps
}

// live runs the world of a seed with these steps in it and returns how it is judged.
func live(t *testing.T, seed uint64, steps []step) (report history.Report) {
	synctest.Test(t, func(*testing.T) {
		w := newWorld()
		w.talk(rand.New(rand.NewPCG(seed, 1)))
		began := time.Now()
		var ends sync.WaitGroup
		for _, s := range steps {
			time.Sleep(time.Until(began.Add(s.at)))
			w.driver.Fault(s.what, "begin")
			end := begins[s.what](w, s)
			ends.Go(func() {
				time.Sleep(s.last)
				if end != nil {
					end()
				}
				w.driver.Fault(s.what, "end")
			})
		}
		ends.Wait()
		w.bus.set(mood{})
		w.log.trouble.Store(&trouble{})
		report = w.finish(len(steps))
	})
	return report
}

// TestSimulation lets real hubs, connections, appenders and devices live through bad
// times, with a database, a bus and a network that are made up, and has the checker
// judge what each device received. -sim.seeds says how many worlds, -sim.seed which.
func TestSimulation(t *testing.T) {
	var next, done, faults, events, deliveries atomic.Uint64
	next.Store(*simFirst)
	began := time.Now()
	t.Run("worlds", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for {
					seed := next.Add(1) - 1
					if seed >= *simFirst+uint64(*simSeeds) || t.Failed() {
						return
					}
					steps := schedule(rand.New(rand.NewPCG(seed, 0)))
					report := live(t, seed, steps)
					done.Add(1)
					faults.Add(uint64(len(steps)))
					events.Add(uint64(report.Stored))
					deliveries.Add(uint64(report.Deliveries))
					if report.Verdict != history.Pass {
						steps, report = minimised(t, seed, steps, report)
						t.Errorf("seed %d: %s\n%s\nthe schedule that shows it:\n%s\nagain: go test ./worker -run TestSimulation -sim.seeds 1 -sim.seed %d",
							seed, report.Verdict, told(report), listed(steps), seed)
					}
				}
			})
		}
	})
	took := time.Since(began)
	n := float64(max(done.Load(), 1))
	t.Logf("%d worlds in %v, %.0f a minute; each %.1f faults, %.0f events, %.0f deliveries",
		done.Load(), took.Round(time.Millisecond), n/took.Minutes(), float64(faults.Load())/n, float64(events.Load())/n, float64(deliveries.Load())/n)
}

// minimised leaves out of a schedule what is not needed to break the promise. Worlds
// of one seed are not all alike, so each is tried several times.
func minimised(t *testing.T, seed uint64, steps []step, report history.Report) ([]step, history.Report) {
	for i := 0; i < len(steps); {
		fewer := slices.Delete(slices.Clone(steps), i, i+1)
		broken := false
		for try := 0; try < 5 && !broken; try++ {
			if r := live(t, seed, fewer); r.Verdict != history.Pass && len(r.Violations) > 0 {
				steps, report, broken = fewer, r, true
			}
		}
		if !broken {
			i++
		}
	}
	return steps, report
}

func told(r history.Report) string {
	var lines []string
	for _, v := range r.Found() {
		lines = append(lines, fmt.Sprintf("%s, %d times: %s", v, r.Violations[v], strings.Join(r.Examples[v], "; ")))
	}
	return strings.Join(append(lines, r.Invalid...), "\n")
}

func listed(steps []step) string {
	var lines []string
	for _, s := range steps {
		lines = append(lines, "  "+s.String())
	}
	return strings.Join(lines, "\n")
}

func (w *world) moody(m mood) (end func()) {
	w.bus.set(m)
	return func() { w.bus.set(mood{}) }
}

func (w *world) troubled(t trouble) (end func()) {
	w.log.trouble.Store(&t)
	return func() { w.log.trouble.Store(&trouble{}) }
}

func (w *world) device(s step) *simDevice { return w.devices[s.who%len(w.devices)] }

func (d *simDevice) linked() *simConn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.link
}

// cut breaks the device's connection.
func (d *simDevice) cut() {
	if link := d.linked(); link != nil {
		link.cut()
	}
}

// hold lets nothing come to the device for a while.
func (d *simDevice) hold() (release func()) {
	link := d.linked()
	if link == nil {
		return nil
	}
	link.hold(true)
	return func() { link.hold(false) }
}

// subscribeAgain has the device subscribe anew from where it stands.
func (d *simDevice) subscribeAgain(w *world, room int) {
	if at, ok := d.device.Position(w.rooms[room]); ok && at.After >= 0 {
		d.device.Subscribe(at)
	}
}

// remove takes somebody out of a room, and lets them in again.
func (w *world) remove(room int, user int64) (end func()) {
	uri := w.rooms[room]
	w.log.mu.Lock()
	in := w.log.sessions[uri].members[user]
	w.log.mu.Unlock()
	if !in {
		return nil
	}
	began := w.driver.Now()
	e := w.log.change(uri, user, false)
	w.driver.Member(uri, user, "remove", began)
	w.bus.PublishEvents([]chat.Event{e}, nil)
	return func() {
		time.Sleep(2 * time.Second) // what the first membership may still get has come
		began := w.driver.Now()
		e := w.log.change(uri, user, true)
		w.driver.Member(uri, user, "add", began)
		w.bus.PublishEvents([]chat.Event{e}, nil)
		for _, d := range w.devices {
			if d.user == user {
				d.mu.Lock()
				at := d.at[uri]
				d.mu.Unlock()
				d.device.Subscribe(client.Position{URI: uri, After: at, Epoch: "epoch"})
			}
		}
	}
}

// revoke ends the token of the last user's device.
func (w *world) revoke() {
	d := w.devices[simUsers-1]
	if d.gone.Swap(true) {
		return
	}
	began := w.driver.Now()
	who := w.log.revoke(d.secret)
	for _, uri := range w.rooms {
		w.driver.Member(uri, d.user, "remove", began)
	}
	w.bus.PublishControl(chat.Control{Kind: chat.ControlTokens, UserID: d.user, TokenIDs: []int64{who.Token.ID}})
}
