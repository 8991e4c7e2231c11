package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// processCases break our own processes.
func processCases() []Case {
	return []Case{
		{
			Name: "worker-killed", What: "A worker is killed and started again.",
			Recover: 15 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				// Clients back off further from connections that did not live for 5 s.
				sleep(ctx, 5200*time.Millisecond)
				p := anyOf(r, r.Workers)
				p.Kill()
				sleep(ctx, r.between(500*time.Millisecond, 2*time.Second))
				return p.Start(ctx)
			},
			End: noteReturns,
		},
		{
			Name: "api-killed", What: "An API process is killed and started again.",
			Recover: 2 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				p := anyOf(r, r.APIs)
				p.Kill()
				sleep(ctx, r.between(300*time.Millisecond, time.Second))
				return p.Start(ctx)
			},
		},
		{
			Name: "worker-stopped", What: "A worker is stopped by SIGSTOP and goes on.",
			Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				p := anyOf(r, r.Workers)
				p.Signal(syscall.SIGSTOP)
				sleep(ctx, r.between(time.Second, 4*time.Second))
				p.Signal(syscall.SIGCONT)
				return nil
			},
		},
		{
			Name: "worker-stopped-long", What: "A worker is stopped until its clients have noticed and are served elsewhere.",
			Once: true, Recover: 15 * time.Second,
			Round: stopUntilNoticed,
			End:   noteLongest,
		},
		{
			Name: "api-stopped", What: "An API process is stopped by SIGSTOP inside a transaction and goes on.",
			Recover: 5 * time.Second,
			Begin:   retitle,
			Round:   stopInsideTransaction,
		},
		{
			Name: "one-killed", What: "All of Chatire as one process is killed and started again.",
			Plan: Plan{One: true}, Recover: 15 * time.Second, Rounds: 3,
			Round: func(ctx context.Context, r *Run) error {
				sleep(ctx, r.between(200*time.Millisecond, 1500*time.Millisecond))
				r.APIs[0].Kill()
				return r.APIs[0].Start(ctx)
			},
		},
		{
			Name: "worker-upgraded", What: "Each worker is drained by SIGTERM and replaced, one after the other.",
			Recover: 30 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				for _, p := range r.Workers {
					p.Stop()
					if err := p.Start(ctx); err != nil {
						return err
					}
				}
				return nil
			},
			End: noteReturns,
		},
		{
			Name: "api-upgraded", What: "Each API process is ended by SIGTERM and replaced, one after the other.",
			Recover: 30 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				for _, p := range r.APIs {
					p.Stop()
					if err := p.Start(ctx); err != nil {
						return err
					}
				}
				return nil
			},
		},
		{
			Name: "everything-upgraded", What: "All processes are replaced at once, in any order.",
			Recover: 30 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				var all errgroup.Group
				for _, p := range r.All() {
					wait := r.between(0, time.Second)
					all.Go(func() error {
						sleep(ctx, wait)
						p.Stop()
						return p.Start(ctx)
					})
				}
				return all.Wait()
			},
		},
	}
}

// noteReturns says how long devices were without a connection.
func noteReturns(_ context.Context, r *Run) error {
	back := r.Crowd.Back()
	if len(back) == 0 {
		return nil
	}
	slices.Sort(back)
	at95, last := back[len(back)*95/100], back[len(back)-1]
	r.Note("of %d lost connections 95 %% were back in %v, all in %v",
		len(back), at95.Round(10*time.Millisecond), last.Round(10*time.Millisecond))
	if at95 > 5*time.Second || last > 15*time.Second {
		return fmt.Errorf("devices came back too late: 95 %% in %v, all in %v", at95, last)
	}
	return nil
}

// noticePatience is how long clients have to find a worker that is silent, which is 45 s
// by the protocol, and another one that answers.
const noticePatience = 2 * time.Minute

// stopUntilNoticed stops a worker until every device has all there is all the same.
func stopUntilNoticed(ctx context.Context, r *Run) error {
	p := anyOf(r, r.Workers)
	p.Signal(syscall.SIGSTOP)
	defer p.Signal(syscall.SIGCONT)
	began := time.Now()
	sleep(ctx, 5*time.Second) // there are some who do not get what is said from now on
	heads := r.Crowd.heads()
	if n := r.Crowd.behind(heads); n == 0 {
		return errors.New("nobody is behind a worker that is stopped")
	}
	if err := r.Crowd.await(ctx, noticePatience, func() bool { return r.Crowd.behind(heads) == 0 }); err != nil {
		return fmt.Errorf("devices of a stopped worker do not go elsewhere: %w", err)
	}
	r.atMost("until all devices of a stopped worker were served by another one", time.Since(began))
	return nil
}

// stopInsideTransaction stops an API process while the database has a transaction of
// it open that holds locks, and sees that the database ends it.
func stopInsideTransaction(ctx context.Context, r *Run) error {
	p := anyOf(r, r.APIs)
	defer p.Signal(syscall.SIGCONT)
	if err := catchInsideTransaction(ctx, r, p); err != nil {
		return err
	}
	sleep(ctx, 4*time.Second)
	left, err := r.idleTransactions(ctx, 3500*time.Millisecond) // those of the others go on
	if err == nil && left > 0 {
		err = fmt.Errorf("after 4 s %d transactions of a stopped process are still open", left)
	}
	return err
}

// catchInsideTransaction leaves the process stopped.
func catchInsideTransaction(ctx context.Context, r *Run, p *Process) error {
	for ctx.Err() == nil {
		p.Signal(syscall.SIGSTOP)
		sleep(ctx, 30*time.Millisecond)
		n, err := r.idleTransactions(ctx, 20*time.Millisecond) // one that goes on is not idle as long
		if n > 0 || err != nil {
			return err
		}
		p.Signal(syscall.SIGCONT)
		sleep(ctx, time.Duration(5+r.Rand.IntN(20))*time.Millisecond)
	}
	return ctx.Err()
}

// idleTransactions counts the transactions that have waited for their process for at
// least that long.
func (r *Run) idleTransactions(ctx context.Context, waited time.Duration) (n int, err error) {
	conn, err := pgx.Connect(ctx, r.Database)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND state LIKE 'idle in transaction%'
		  AND clock_timestamp() - state_change > make_interval(secs => $1)`, waited.Seconds()).Scan(&n)
	return n, err
}

// retitle has people change titles all the time: that takes several statements in one
// transaction.
func retitle(ctx context.Context, r *Run) error {
	for i := range 6 {
		p := r.Crowd.People[i%len(r.Crowd.People)]
		r.Crowd.posting.Go(func() {
			for n := 0; !r.Crowd.hushed.Load() && ctx.Err() == nil; n++ {
				_, _ = p.Client.SetTitle(ctx, p.Rooms()[0], fmt.Sprintf("title %d", n)) // it may fail while things are broken
				sleep(ctx, 5*time.Millisecond)
			}
		})
	}
	return nil
}
