package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatire/chatire/ctl/faults"
)

// story is what happens to one installation while Prometheus watches.
type story struct {
	services         *faults.Services
	programs, folder string
	in               *faults.Installation
	prometheus       *prometheus
	seen             []sighting
}

// sighting is an alert that was seen.
type sighting struct {
	alert, cause   string
	fired, cleared time.Duration // after the fault, after it was mended
}

// The loads. Each has 120 connections, so that those of one are not missed when the next
// one takes over. What is slow is little, that the fast ones after it outweigh it soon.
var (
	calm    = load{rate: 10, duration: 20 * time.Second}
	slow    = load{rate: 5, duration: 170 * time.Second} // two minutes of delay make an alert
	crowded = load{rate: 80, duration: 110 * time.Second}
)

func (s *story) say(format string, args ...any) {
	fmt.Printf("  "+time.Now().Format(time.TimeOnly)+"  "+format+"\n", args...)
}

func (s *story) tell(ctx context.Context) error {
	began := time.Now()
	for _, step := range []func(context.Context) error{
		s.checkMetrics, s.countDeliveries, s.loseBroker, s.loseConnections, s.checkOthers,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("\n%-28s %-38s %11s %13s\n", "alert", "what was broken", "fired after", "cleared after")
	for _, a := range s.seen {
		fmt.Printf("%-28s %-38s %9.0f s %11.0f s\n", a.alert, a.cause, a.fired.Seconds(), a.cleared.Seconds())
	}
	fmt.Printf("PASS in %.0f s\n", time.Since(began).Seconds())
	return nil
}

// loseBroker stops RabbitMQ for as long as it takes that two alerts fire.
func (s *story) loseBroker(ctx context.Context) error {
	loads, ctx := errgroup.WithContext(ctx)
	loads.Go(func() error {
		_, err := s.bench(ctx, slow)
		return err
	})
	err := s.watchBroker(ctx)
	if waited := loads.Wait(); waited != nil {
		return waited // which has ended the rest
	}
	return err
}

func (s *story) watchBroker(ctx context.Context) error {
	if err := s.awaitConnections(ctx); err != nil {
		return err
	}
	if err := s.checkDashboards(ctx, false); err != nil {
		return err
	}
	s.say("RabbitMQ is stopped")
	broken := time.Now()
	if err := s.services.RabbitMQ(ctx, "stop"); err != nil {
		return err
	}
	if err := s.awaitAlert(ctx, "ChatireBrokerAway", true); err != nil {
		return err
	}
	away := sighting{alert: "ChatireBrokerAway", cause: "RabbitMQ is stopped", fired: time.Since(broken)}
	if err := s.checkDashboards(ctx, true); err != nil {
		return err
	}
	if err := s.awaitAlert(ctx, "ChatireDeliveryBudgetBurns", true); err != nil {
		return err
	}
	late := sighting{alert: "ChatireDeliveryBudgetBurns", cause: "the same: events come with the probe", fired: time.Since(broken)}
	if err := s.services.RabbitMQ(ctx, "start"); err != nil {
		return err
	}
	s.say("RabbitMQ is started again")
	mended := time.Now()
	if err := s.awaitAlert(ctx, "ChatireBrokerAway", false); err != nil {
		return err
	}
	away.cleared = time.Since(mended)
	s.seen = append(s.seen, away, late)
	return nil
}

// loseConnections has events come fast again, and then closes all connections and every
// new one, as a proxy does that nobody can reach.
func (s *story) loseConnections(ctx context.Context) error {
	loads, ctx := errgroup.WithContext(ctx)
	loads.Go(func() error {
		_, err := s.bench(ctx, crowded)
		return err
	})
	err := s.watchConnections(ctx)
	if waited := loads.Wait(); waited != nil {
		return waited
	}
	return err
}

func (s *story) watchConnections(ctx context.Context) error {
	if err := s.awaitConnections(ctx); err != nil {
		return err
	}
	s.say("events come fast again")
	fast := time.Now()
	if err := s.awaitAlert(ctx, "ChatireDeliveryBudgetBurns", false); err != nil {
		return err
	}
	s.seen[len(s.seen)-1].cleared = time.Since(fast)
	s.say("the way to the workers is cut")
	broken := time.Now()
	for _, door := range s.in.Doors {
		door.Refuse()
		defer door.Heal()
	}
	if err := s.awaitAlert(ctx, "ChatireConnectionsDropped", true); err != nil {
		return err
	}
	gone := sighting{alert: "ChatireConnectionsDropped", cause: "the way to the workers is cut", fired: time.Since(broken)}
	for _, door := range s.in.Doors {
		door.Heal()
	}
	s.say("the way is there again")
	mended := time.Now()
	if err := s.awaitAlert(ctx, "ChatireConnectionsDropped", false); err != nil {
		return err
	}
	gone.cleared = time.Since(mended)
	s.seen = append(s.seen, gone)
	return nil
}

// awaitConnections waits until Prometheus sees all connections of a load.
func (s *story) awaitConnections(ctx context.Context) error {
	return await(ctx, time.Minute, func() (bool, error) {
		n, err := s.prometheus.number(ctx, "sum(chatire_ws_connections)")
		return n == connections, err
	})
}

// awaitAlert waits until an alert fires, or until it does not any more.
func (s *story) awaitAlert(ctx context.Context, name string, fires bool) error {
	what := map[bool]string{true: "fires", false: "is over"}[fires]
	err := await(ctx, 4*time.Minute, func() (bool, error) {
		firing, err := s.prometheus.firing(ctx)
		return firing[name] == fires, err
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", name, what, err)
	}
	s.say("%s %s", name, what)
	return nil
}

var errNever = errors.New("not in time")

// await polls until something is so.
func await(ctx context.Context, patience time.Duration, is func() (bool, error)) error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if ok, err := is(); ok || err != nil {
			return err
		}
		select {
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errNever
}
