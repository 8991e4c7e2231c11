// Faults breaks real installations and prints a table of what held. See
// docs/TESTING.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
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

func run(ctx context.Context) error {
	var (
		o     faults.Options
		cases = flag.String("case", "", "names of cases, separated by commas; all if empty")
		list  = flag.Bool("list", false, "say which cases there are")
		table = flag.String("table", "", "a file for the table, besides the output")
		soak  = flag.Duration("soak", 0, "instead of cases, churn with a random fault every 20 s for so long")
		show  = flag.Bool("break", false, "instead of cases, kill RabbitMQ while two people chat, and tell")
	)
	flag.IntVar(&o.Rounds, "rounds", 20, "faults of each case")
	flag.Uint64Var(&o.Seed, "seed", 1, "of the schedule")
	flag.StringVar(&o.Folder, "folder", "", "what failed cases leave; a new one if empty")
	flag.StringVar(&o.Referee, "referee", os.Getenv("CHATIRE_TEST_REFEREE"), "another checker that must agree")
	flag.Parse()

	chosen, err := choose(*cases)
	if err != nil {
		return err
	}
	if *list {
		for _, c := range chosen {
			fmt.Printf("%-28s %s\n", c.Name, c.What)
		}
		return nil
	}
	if o.Services, err = faults.ServicesFromEnvironment(); err != nil {
		return err
	}
	if err := o.Services.Breakable(); err != nil {
		return err
	}
	if o.Folder == "" {
		if o.Folder, err = os.MkdirTemp("", "chatire-faults-"); err != nil {
			return err
		}
	}
	if o.Programs, err = os.MkdirTemp("", "chatire-programs-"); err != nil {
		return err
	}
	defer os.RemoveAll(o.Programs)
	if err := faults.Build(ctx, o.Programs); err != nil {
		return err
	}
	switch {
	case *show:
		defer os.RemoveAll(o.Folder)
		return faults.Break(ctx, o, os.Stdout)
	case *soak > 0:
		result, err := faults.Soak(ctx, o, *soak, os.Stdout)
		if err != nil {
			return err
		}
		return conclude([]faults.Result{result}, *table, o.Folder)
	}
	results := faults.RunCases(ctx, chosen, o, os.Stdout)
	if err := conclude(results, *table, o.Folder); err != nil {
		return err
	}
	return ctx.Err()
}

// conclude prints the table and says whether the promise held.
func conclude(results []faults.Result, table, folder string) error {
	faults.WriteTable(os.Stdout, results)
	if table != "" {
		file, err := os.Create(table)
		if err != nil {
			return err
		}
		defer file.Close()
		faults.WriteTable(file, results)
	}
	broken := 0
	for _, r := range results {
		if !r.Holds() {
			broken++
		}
	}
	if broken > 0 {
		return fmt.Errorf("the promise did not hold in %d of %d cases; what they left is in %s", broken, len(results), folder)
	}
	os.Remove(folder) // empty by now
	return nil
}

// choose returns the cases with these names.
func choose(names string) ([]faults.Case, error) {
	all := faults.Cases()
	if names == "" {
		return all, nil
	}
	var chosen []faults.Case
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(c faults.Case) bool { return c.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no case %q: -list says which there are", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
