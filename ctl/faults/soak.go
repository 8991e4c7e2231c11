package faults

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/history"
	"github.com/chatire/chatire/pkg/store"
)

const (
	faultEvery  = 20 * time.Second
	sampleEvery = 10 * time.Second
	visitEvery  = 5 * time.Second
	warmUp      = 5 * time.Minute // its samples do not count
)

// soaked are the cases from which a soak takes its faults: those that leave nothing
// to tidy up. Processes with the number 0 live throughout, so that they can be seen
// to grow or not.
var soaked = []string{
	"worker-stopped", "postgres-killed", "postgres-hung", "postgres-unreachable",
	"rabbitmq-killed", "rabbitmq-wiped", "rabbitmq-hears-nothing", "rabbitmq-says-nothing", "rabbitmq-alarmed",
	"rabbitmq-deleted", "rabbitmq-cut", "rabbitmq-garbage",
	"links-slow", "links-sliced", "links-cut", "links-held", "storm", "descriptors-exhausted", "access-ended",
}

// Soak has people come, talk and go for a while with a random fault every 20 seconds,
// and says whether the promise held and what the processes came to need.
func Soak(ctx context.Context, o Options, duration time.Duration, progress io.Writer) (Result, error) {
	c := Case{Name: "soak", What: "Churn with a random fault every 20 s."}
	c.Crowd = CrowdPlan{People: 32, Rooms: 8, Each: 2, Pause: time.Second, Loss: 0.02}
	watch := &watch{began: time.Now()}
	c.Round = func(ctx context.Context, r *Run) error { return soak(ctx, r, duration, watch, progress) }
	o.Rounds = 1
	cpu := readCPU()
	result := RunCase(ctx, c, o)
	fmt.Fprintf(progress, "\nthe machine was idle for %.0f %% of it\n", 100*idleSince(cpu))
	if result.Err == nil {
		result.Err = watch.judge(progress, duration)
	}
	return result, ctx.Err()
}

func soak(ctx context.Context, r *Run, duration time.Duration, w *watch, progress io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	s, err := store.Open(ctx, chat.Secret(r.Database), store.Options{Connections: 2})
	if err != nil {
		return err
	}
	defer s.Close()
	r.Crowd.posting.Go(func() { every(ctx, sampleEvery, func() { w.sample(r) }) })
	var visitors sync.WaitGroup
	defer visitors.Wait() // they need the store
	visitors.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			sleep(ctx, visitEvery)
			visitors.Go(func() { visit(ctx, r, s, n) })
		}
	})
	defer cancel()
	cases := slices.DeleteFunc(Cases(), func(c Case) bool { return !slices.Contains(soaked, c.Name) })
	kill := Case{Name: "killed", Round: killOne}
	for n := 1; ; n++ {
		began := time.Now()
		chosen := cases[r.Rand.IntN(len(cases))]
		if n%4 == 0 {
			chosen = kill
		}
		r.Crowd.Driver.Fault(chosen.Name, "begin")
		err := chosen.Round(context.WithoutCancel(ctx), r)
		r.Crowd.Driver.Fault(chosen.Name, "end")
		if err != nil {
			return fmt.Errorf("%s: %w", chosen.Name, err)
		}
		took, err := r.Crowd.Recovered(context.WithoutCancel(ctx))
		if err != nil {
			return fmt.Errorf("after %s: %w", chosen.Name, err)
		}
		fmt.Fprintf(progress, "%s %3d %-24s recovered in %6s; %d messages\n",
			time.Since(w.began).Round(time.Second), n, chosen.Name, short(took), r.Crowd.Posts())
		sleep(ctx, time.Until(began.Add(faultEvery)))
		if ctx.Err() != nil {
			return nil
		}
	}
}

// killOne kills a process that is not watched.
func killOne(ctx context.Context, r *Run) error {
	p := anyOf(r, []*Process{r.APIs[1], r.Workers[1]})
	p.Kill()
	sleep(ctx, r.between(500*time.Millisecond, 2*time.Second))
	return p.Start(ctx)
}

// every calls f again and again until ctx ends.
func every(ctx context.Context, d time.Duration, f func()) {
	for ctx.Err() == nil {
		sleep(ctx, d)
		f()
	}
}

// visit has somebody come, join two rooms, look on for a while, and leave.
func visit(ctx context.Context, r *Run, s *store.Store, n int) {
	unhurried := context.WithoutCancel(ctx)
	p, err := r.Crowd.newPerson(ctx, s, fmt.Sprintf("visitor%d", n))
	if err != nil {
		return // the database is away, or the soak is over
	}
	r.Crowd.adopt(p)
	for k := range 2 {
		_ = p.Join(unhurried, r.Crowd.Rooms[(n+k)%len(r.Crowd.Rooms)])
	}
	p.Connect(r.Crowd.living)
	sleep(ctx, time.Duration(10+rand.IntN(20))*time.Second)
	for _, uri := range p.Rooms() {
		if err := p.Leave(unhurried, uri); err != nil {
			r.Crowd.complain(err)
		}
	}
	p.Disconnect()
}

// watch follows what the processes that live throughout need.
type watch struct {
	began   time.Time
	samples []sample
}

type sample struct {
	at      time.Duration
	figures map[string]float64 // by process and kind
}

func (w *watch) sample(r *Run) {
	s := sample{time.Since(w.began), map[string]float64{}}
	for _, p := range []*Process{r.APIs[0], r.Workers[0]} {
		goroutines, err := p.Figure(context.Background(), "go_goroutines")
		if err != nil {
			return
		}
		s.figures[p.Name+" memory (MB)"] = float64(p.Memory()) / (1 << 20)
		s.figures[p.Name+" goroutines"] = goroutines
		s.figures[p.Name+" open files"] = float64(p.Files())
	}
	w.samples = append(w.samples, s)
}

// growth is by how much a figure may grow in an hour and count as flat.
var growth = map[string]float64{"memory (MB)": 40, "goroutines": 120, "open files": 60}

// judge prints the slopes after the warm-up and complains of those that are not flat.
func (w *watch) judge(out io.Writer, duration time.Duration) error {
	from := min(warmUp, duration/4)
	var grown []string
	fmt.Fprintf(out, "\n%-26s %8s %8s %8s %14s\n", "after "+short(from), "first", "last", "most", "slope per hour")
	names := map[string]bool{}
	for _, s := range w.samples {
		for name := range s.figures {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		var x, y []float64
		for _, s := range w.samples {
			if s.at >= from {
				x, y = append(x, s.at.Hours()), append(y, s.figures[name])
			}
		}
		if len(y) < 3 {
			return fmt.Errorf("only %d samples after the first %v", len(y), from)
		}
		slope := slopeOf(x, y)
		fmt.Fprintf(out, "%-26s %8.1f %8.1f %8.1f %+14.1f\n", name, y[0], y[len(y)-1], slices.Max(y), slope)
		for kind, most := range growth {
			if strings.HasSuffix(name, kind) && slope > most {
				grown = append(grown, name)
			}
		}
	}
	if len(grown) > 0 && duration >= 20*time.Minute { // a shorter one proves nothing of this
		return fmt.Errorf("these grow: %q", grown)
	}
	return nil
}

// slopeOf is the slope of the straight line that fits best, by least squares.
func slopeOf(x, y []float64) float64 {
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	n := float64(len(x))
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

// Verdict says in a line what a history came to.
func Verdict(r history.Report) string {
	return fmt.Sprintf("%s: %d messages accepted, %d deliveries; lost %d, duplicated %d, reordered %d, leaked %d, undelivered %d",
		r.Verdict, r.Accepted, r.Deliveries, r.Sum(history.Lost), r.Sum(history.Duplicated),
		r.Sum(history.Reordered), r.Sum(history.Leaked), r.Sum(history.NotReceived))
}
