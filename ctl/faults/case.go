package faults

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/chatire/chatire/pkg/history"
)

// Case is one way in which things break, again and again under load.
type Case struct {
	Name string
	What string // one sentence

	Plan  Plan
	Crowd CrowdPlan // what is 0 is taken from the usual crowd

	// Recover is within which time posts must be accepted and delivered to everybody
	// again after a fault; 0 where nothing has to recover.
	Recover time.Duration

	// Rounds is how many faults there are for each round that was asked for; 1 if 0.
	Rounds int

	// Check are more options of the checker.
	Check func(o *history.Options)

	// Once is for faults that take minutes: three rounds are enough.
	Once bool

	// Prepare is called before the installation starts, and may change the Plan.
	Prepare func(ctx context.Context, r *Run) error

	// Begin is called once, before the first round.
	Begin func(ctx context.Context, r *Run) error

	// Round is one fault. When it returns, the fault is healed.
	Round func(ctx context.Context, r *Run) error

	// End is called once, after the last round, while the crowd still talks.
	End func(ctx context.Context, r *Run) error

	// Judge replaces the usual check of the histories.
	Judge func(ctx context.Context, r *Run) (history.Report, error)
}

// usualCrowd talks at about 130 messages a second.
var usualCrowd = CrowdPlan{People: 32, Rooms: 8, Each: 2, Pause: 450 * time.Millisecond, Loss: 0.02}

// Run is a Case under way.
type Run struct {
	*Case
	*Installation
	Services *Services
	Crowd    *Crowd
	Rand     *rand.Rand

	result   Result
	cleanups []func()
	disk     string   // a small one, of the database
	chapters []string // folders of histories that are complete
	restored []int64  // when each restore was over, by the recorders' clock

	mu     sync.Mutex // guards all below
	notes  []string
	counts map[string]int
	most   map[string]time.Duration
}

// Result is one line of the table.
type Result struct {
	Case   string
	Seed   uint64
	Rounds int
	Report history.Report

	Recovered time.Duration // the longest
	Allowed   time.Duration // 0: nothing had to recover
	Peak      int64         // bytes, the largest API or worker
	Notes     []string
	Err       error // what went wrong beside the history
}

// memoryBound is what a process may take in these runs, of at most some hundred
// connections: see docs/GUARANTEES.md, clause 5.
const memoryBound = 400 << 20

// Holds says whether the promise held.
func (r Result) Holds() bool {
	return r.Err == nil && r.Report.Verdict == history.Pass &&
		(r.Allowed == 0 || r.Recovered <= r.Allowed) && r.Peak <= memoryBound
}

// Options of running cases.
type Options struct {
	Services *Services
	Programs string // the folder of the programs
	Folder   string // of what a failed case leaves; a folder below it for each
	Rounds   int
	Seed     uint64
	Referee  string // another checker that must agree; "" for none
}

// RunCase runs one case. What it leaves is removed unless it failed.
func RunCase(ctx context.Context, c Case, o Options) Result {
	r := &Run{Case: &c, Services: o.Services, Rand: rand.New(rand.NewPCG(o.Seed, uint64(len(c.Name))))}
	r.result = Result{Case: c.Name, Seed: o.Seed, Rounds: o.Rounds * max(c.Rounds, 1), Allowed: c.Recover}
	if c.Once {
		r.result.Rounds = min(o.Rounds, 3)
	}
	folder := filepath.Join(o.Folder, c.Name)
	r.result.Err = r.run(ctx, o, folder)
	r.result.Notes = r.notes
	if r.result.Holds() {
		_ = os.RemoveAll(folder)
	} else {
		r.result.Notes = append(r.result.Notes, "see "+folder)
	}
	return r.result
}

func (r *Run) run(ctx context.Context, o Options, folder string) (err error) {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	defer r.cleanUp()
	if r.Prepare != nil {
		if err := r.Prepare(ctx, r); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	if r.Installation, err = Install(ctx, o.Services, o.Programs, folder, r.Plan); err != nil {
		return fmt.Errorf("install: %w", err)
	}
	defer r.Installation.Close(context.WithoutCancel(ctx))
	if r.Crowd, err = NewCrowd(ctx, r.Installation, historyFolder(folder), r.crowdPlan()); err != nil {
		return err
	}
	if err := r.Crowd.Start(ctx); err != nil {
		return err
	}
	err = r.rounds(ctx)
	if alive := r.alive(); err == nil {
		err = alive
	}
	if finish := r.Crowd.Finish(ctx); err == nil {
		err = finish
	}
	r.result.Peak = r.peak()
	if err != nil {
		return err
	}
	if r.Judge != nil {
		r.result.Report, err = r.Judge(ctx, r)
		return err
	}
	return r.judge(o)
}

func (r *Run) crowdPlan() CrowdPlan {
	plan := r.Case.Crowd
	if plan == (CrowdPlan{}) {
		plan = usualCrowd
	}
	return plan
}

// settle is how long the crowd talks before the first fault and after the last one.
const settle = time.Second

func (r *Run) rounds(ctx context.Context) error {
	sleep(ctx, settle)
	if r.Begin != nil {
		if err := r.Begin(ctx, r); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
	}
	for i := range r.result.Rounds {
		r.Crowd.Driver.Fault(r.Name, "begin")
		err := r.Round(ctx, r)
		r.Crowd.Driver.Fault(r.Name, "end")
		if err != nil {
			return fmt.Errorf("round %d: %w", i+1, err)
		}
		if r.Recover == 0 {
			continue
		}
		took, err := r.Crowd.Recovered(ctx)
		if err != nil {
			return fmt.Errorf("round %d: %w", i+1, err)
		}
		r.result.Recovered = max(r.result.Recovered, took)
		sleep(ctx, time.Duration(r.Rand.IntN(300))*time.Millisecond)
	}
	for r.Crowd.plan.Pause > 0 && r.Crowd.Posts() < enough && ctx.Err() == nil {
		sleep(ctx, 100*time.Millisecond)
	}
	sleep(ctx, settle)
	if r.End != nil {
		if err := r.End(ctx, r); err != nil {
			return fmt.Errorf("end: %w", err)
		}
	}
	return ctx.Err()
}

// enough is from how many accepted messages on a case proves something.
const enough = 520

func (r *Run) judge(o Options) (err error) {
	options := history.DefaultOptions()
	if r.Crowd.plan.Pause == 0 {
		options.MinAccepted = 0
	}
	if r.Check != nil {
		r.Check(&options)
	}
	r.result.Report, err = r.Crowd.Judge(options)
	if err == nil && o.Referee != "" {
		err = agree(o.Referee, r.Crowd.Folder, options, r.result.Report)
	}
	return err
}

// alive complains of processes that ended by themselves.
func (r *Run) alive() error {
	for _, p := range r.All() {
		select {
		case <-p.ended():
			return fmt.Errorf("%s has ended, and nobody wanted it to", p.Name)
		default:
		}
	}
	return nil
}

// peak is the most memory of any API or worker.
func (r *Run) peak() (most int64) {
	for _, p := range r.All() {
		most = max(most, p.Peak())
	}
	return most
}

// Note adds a remark to the case's line.
func (r *Run) Note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// Cleanup has f called when the installation has ended.
func (r *Run) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *Run) cleanUp() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

// remember keeps a figure for a later comparison.
func (r *Run) remember(name string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = map[string]int{}
	}
	r.counts[name] = n
}

func (r *Run) remembered(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[name]
}

// atMost keeps the longest of some durations.
func (r *Run) atMost(what string, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.most == nil {
		r.most = map[string]time.Duration{}
	}
	r.most[what] = max(r.most[what], d)
}

// noteMost adds what atMost kept to the case's line.
func (r *Run) noteMost() {
	for _, what := range slices.Sorted(maps.Keys(r.most)) {
		r.Note("%v %s", r.most[what].Round(time.Millisecond), what)
	}
}

// noteLongest is an End that adds what atMost kept.
func noteLongest(_ context.Context, r *Run) error {
	r.noteMost()
	return nil
}

// anyOf returns one of them, as the seed has it.
func anyOf[T any](r *Run, of []T) T { return of[r.Rand.IntN(len(of))] }

// between returns a time in a range, as the seed has it.
func (r *Run) between(from, to time.Duration) time.Duration {
	return from + time.Duration(r.Rand.Int64N(int64(to-from)))
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
