package faults

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/netfault"
)

// clientCases break the networks to clients, and the clients.
func clientCases() []Case {
	lossy := usualCrowd
	lossy.Loss = 0.25
	loud := usualCrowd
	loud.Pause = 200 * time.Millisecond
	return []Case{
		{
			Name: "answers-lost", What: "A quarter of all requests is lost, and a quarter of the answers.",
			Crowd: lossy, Recover: 15 * time.Second,
			Round: func(ctx context.Context, _ *Run) error { sleep(ctx, time.Second); return nil },
		},
		{
			Name: "links-slow", What: "The links to clients are slow: 100 ms for each piece, 64 KB a second.",
			Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				slow := netfault.Way{Delay: 100 * time.Millisecond, Rate: 64 << 10}
				return links(ctx, r, slow)
			},
		},
		{
			Name: "links-sliced", What: "The links to clients carry seven bytes at a time.",
			Recover: 5 * time.Second,
			Round:   func(ctx context.Context, r *Run) error { return links(ctx, r, netfault.Way{Slice: 7}) },
		},
		{
			Name: "links-cut", What: "Half of all connections of clients are cut, four times a round.",
			Recover: 15 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				for range 4 {
					for _, door := range r.Doors {
						door.CutSome(0.5)
					}
					sleep(ctx, r.between(100*time.Millisecond, 600*time.Millisecond))
				}
				return nil
			},
		},
		{
			Name: "links-held", What: "The links to clients swallow everything for some seconds.",
			Recover: 5 * time.Second,
			Round:   func(ctx context.Context, r *Run) error { return links(ctx, r, netfault.Way{Held: true}) },
		},
		{
			Name: "readers-slow", What: "Some clients read slowly and some not at all, among others who must not feel it.",
			Recover: 15 * time.Second,
			Begin: func(_ context.Context, r *Run) error {
				for _, p := range r.Crowd.People[:4] {
					p.Slow = 20 * time.Millisecond
				}
				return nil
			},
			Round: sleepers,
		},
		{
			Name: "storm", What: "All clients are away for a while and come back at once, with a backlog.",
			Recover: 15 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				for _, door := range r.Doors {
					door.Refuse()
				}
				sleep(ctx, r.between(time.Second, 3*time.Second))
				for _, door := range r.Doors {
					door.Heal()
				}
				return nil
			},
		},
		{
			Name: "storm-beyond-admission", What: "All clients come back at once to workers that admit five a second.",
			Plan:    Plan{Settings: []string{"CHATIRE_RATE_LIMIT=connects=5/1s,messages=100000/1s"}},
			Recover: 15 * time.Second,
			Round: func(_ context.Context, r *Run) error {
				for _, door := range r.Doors {
					door.Cut()
				}
				return nil
			},
			End: noteRefused,
		},
		{
			Name: "workers-full", What: "A worker is killed, and the other has not room for all of its connections.",
			Plan:    Plan{Settings: []string{"CHATIRE_MAX_CONNECTIONS=20"}},
			Recover: 30 * time.Second, // they are told to wait up to 10 s, and may come to the full one again
			Round: func(ctx context.Context, r *Run) error {
				p := anyOf(r, r.Workers)
				p.Kill()
				sleep(ctx, r.between(2*time.Second, 3*time.Second))
				return p.Start(ctx)
			},
			End: noteRefused,
		},
		{
			Name: "descriptors-exhausted", What: "A process may open no more files.",
			Recover: 15 * time.Second,
			Round:   exhaustFiles,
		},
		{
			Name: "subscribe-races", What: "Clients subscribe again and again while messages commit: 10,000 subscriptions in 20 rounds.",
			Crowd: loud, Recover: 5 * time.Second,
			Round: subscribeAgain,
			End: func(_ context.Context, r *Run) error {
				r.Note("%d subscriptions", r.remembered("subscriptions"))
				return nil
			},
		},
	}
}

// links changes the links to clients for a while.
func links(ctx context.Context, r *Run, way netfault.Way) error {
	for _, door := range r.Doors {
		door.Set(way, way)
	}
	sleep(ctx, r.between(time.Second, 3*time.Second))
	for _, door := range r.Doors {
		door.Heal()
	}
	return nil
}

// sleepers has some devices read nothing while others are seen to get everything in
// time.
func sleepers(ctx context.Context, r *Run) error {
	var wakes []func()
	for _, p := range r.Crowd.People[4:8] {
		wakes = append(wakes, p.Sleep())
	}
	defer func() {
		for _, wake := range wakes {
			wake()
		}
	}()
	for range 3 {
		heads := r.Crowd.heads()
		awake := func() bool {
			return !slices.ContainsFunc(r.Crowd.People[8:], func(p *Person) bool { return p.isBehind(heads) })
		}
		if err := r.Crowd.await(ctx, time.Second, awake); err != nil {
			return fmt.Errorf("others feel those who do not read: %w", err)
		}
		sleep(ctx, 700*time.Millisecond)
	}
	return nil
}

// noteRefused says how many connections the workers did not admit.
func noteRefused(ctx context.Context, r *Run) error {
	sum := 0
	for _, p := range r.Workers {
		n, err := p.Figure(ctx, `chatire_ws_connections_closed_total{code="1013"}`)
		if err != nil {
			return err
		}
		sum += int(n)
	}
	r.Note("%d connections were told 1013 by the workers that run at the end", sum)
	return nil
}

// exhaustFiles lets a process open no more files for a while.
func exhaustFiles(ctx context.Context, r *Run) error {
	p := anyOf(r, r.All())
	limit := func(n int) error {
		return exec.CommandContext(ctx, "prlimit", "--pid", strconv.Itoa(p.PID()), fmt.Sprintf("--nofile=%d:20000", n)).Run()
	}
	if err := limit(p.Files() + 1); err != nil {
		return err
	}
	var taken []net.Conn // connections that take what is left
	for range 20 {
		if conn, err := net.DialTimeout("tcp", p.Listen, time.Second); err == nil {
			taken = append(taken, conn)
		}
	}
	sleep(ctx, r.between(time.Second, 2*time.Second))
	for _, conn := range taken {
		conn.Close()
	}
	return limit(20000)
}

// subscribeAgain has every device subscribe to all of its rooms anew, from where it
// stands, as often as the server lets it in a second or two.
func subscribeAgain(ctx context.Context, r *Run) error {
	const subscriptions = 500
	for n := 0; n < subscriptions; {
		for _, p := range r.Crowd.People {
			var positions []client.Position
			for _, uri := range p.Rooms() {
				if at, ok := p.device.Position(uri); ok && at.After >= 0 {
					positions = append(positions, at)
				}
			}
			p.device.Subscribe(positions...)
			n += len(positions)
			r.remember("subscriptions", r.remembered("subscriptions")+len(positions))
		}
		sleep(ctx, r.between(150*time.Millisecond, 250*time.Millisecond))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
