package faults

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// balanceCases change the number of workers.
func balanceCases() []Case {
	return []Case{{
		Name: "worker-added", What: "A third worker starts beside two loaded ones; 500 clients come through an address that picks any.",
		Plan:  Plan{Balancer: true},
		Crowd: CrowdPlan{People: 500, Rooms: 50, Each: 2, Pause: 12 * time.Second},
		Once:  true,
		Round: addWorker,
	}}
}

const (
	// spread is by how much of the mean the fullest worker may be above it.
	spread = 0.10

	// balancePatience is how long it may take until it is.
	balancePatience = 3 * time.Minute

	// calm is for how long nobody must be sent away after that.
	calm = 10 * time.Second
)

// addWorker starts one more worker and watches the connections spread, second by
// second; then it takes the worker away again.
func addWorker(ctx context.Context, r *Run) error {
	if _, err := r.AddWorker(); err != nil {
		return err
	}
	last := len(r.Workers) - 1
	p := r.Workers[last]
	if err := p.Start(ctx); err != nil {
		return err
	}
	r.Doors[0].Targets(addresses(r.Workers)...)
	err := watchSpread(ctx, r)
	r.Workers = r.Workers[:last]
	r.Doors[0].Targets(addresses(r.Workers)...)
	p.Stop()
	if err != nil {
		return err
	}
	_, err = r.Crowd.Recovered(ctx)
	return err
}

func addresses(processes []*Process) []string {
	var list []string
	for _, p := range processes {
		list = append(list, p.Listen)
	}
	return list
}

func watchSpread(ctx context.Context, r *Run) error {
	began, since := time.Now(), time.Time{}
	var trace [][]int
	shedBefore := 0
	for time.Since(began) < balancePatience && ctx.Err() == nil {
		counts, shed, err := connections(ctx, r)
		if err != nil {
			return err
		}
		trace = append(trace, counts)
		sum := 0
		for _, n := range counts {
			sum += n
		}
		even := float64(slices.Max(counts)) <= float64(sum)/float64(len(counts))*(1+spread)
		if !even || shed != shedBefore || sum < len(r.Crowd.People) {
			since = time.Now()
		}
		shedBefore = shed
		if !since.IsZero() && time.Since(since) > calm {
			r.Note("even after %v, %d connections sent away; connections each 10 s: %s",
				since.Sub(began).Round(time.Second), shed, sampled(trace))
			return nil
		}
		sleep(ctx, time.Second)
	}
	return fmt.Errorf("not even after %v: %s", balancePatience, sampled(trace))
}

func sampled(trace [][]int) (text string) {
	for i := 0; i < len(trace); i += 10 {
		text += fmt.Sprint(trace[i])
	}
	return text + fmt.Sprint(trace[len(trace)-1])
}

// connections returns how many each worker has, and how many they have sent away.
func connections(ctx context.Context, r *Run) (counts []int, shed int, err error) {
	for _, p := range r.Workers {
		n, err := p.Figure(ctx, "chatire_ws_connections")
		if err != nil {
			return nil, 0, err
		}
		gone, err := p.Figure(ctx, "chatire_ws_connections_shed_total")
		if err != nil {
			return nil, 0, err
		}
		counts, shed = append(counts, int(n)), shed+int(gone)
	}
	return counts, shed, nil
}
