// Monitoring has a real Prometheus, with our rules, watch a real installation that is
// broken meanwhile, and looks whether dashboards and alerts see what happens. See
// docs/operations/monitoring.md.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/chatire/chatire/ctl/faults"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run starts all there is to watch and who watches, tells the story, and ends them.
func run(ctx context.Context) (err error) {
	services, err := faults.ServicesFromEnvironment()
	if err != nil {
		return err
	}
	if err := services.Breakable(); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "chatire-monitoring-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w\nthe logs are in %s", err, folder)
			return
		}
		os.RemoveAll(folder)
	}()
	programs, err := os.MkdirTemp("", "chatire-programs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(programs)
	s := &story{services: services, programs: programs, folder: folder}
	s.say("an API and two workers start beside PostgreSQL and RabbitMQ, and a Prometheus")
	if err := faults.Build(ctx, programs); err != nil {
		return err
	}
	s.in, err = faults.Install(ctx, services, programs, folder, faults.Plan{APIs: 1, Workers: 2})
	if err != nil {
		return err
	}
	defer s.in.Close(context.WithoutCancel(ctx))
	if s.prometheus, err = startPrometheus(ctx, folder, s.in); err != nil {
		return err
	}
	defer s.prometheus.stop()
	return s.tell(ctx)
}
