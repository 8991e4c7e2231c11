// Crowd brings people to an installation that others run, such as one in a cluster that is
// being upgraded, and says what they noticed. See docs/TESTING.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

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

func run(ctx context.Context) error {
	var (
		api      = flag.String("api", "", "host and port of the API")
		socket   = flag.String("websocket", "", "address of the websocket")
		database = flag.String("database", os.Getenv("CHATIRE_DATABASE_URL"), "address of the database, in which people are made")
		people   = flag.Int("people", 500, "how many people there are, with a device each")
		pause    = flag.Duration("pause", 20*time.Second, "the longest pause between two posts of a person")
		folder   = flag.String("folder", "", "where histories go; they are removed if empty and all is well")
	)
	flag.Parse()
	into := *folder
	if into == "" {
		var err error
		if into, err = os.MkdirTemp("", "chatire-crowd-"); err != nil {
			return err
		}
	}
	plan := faults.CrowdPlan{People: *people, Rooms: max(1, *people/10), Each: min(2, max(1, *people/10)), Pause: *pause}
	if err := faults.Visit(ctx, faults.Elsewhere(*api, *socket, *database), into, plan, os.Stdin, os.Stdout); err != nil {
		return fmt.Errorf("%w; the histories are in %s", err, into)
	}
	if *folder == "" {
		return os.RemoveAll(into)
	}
	return nil
}
