package faults

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/chatire/chatire/pkg/history"
)

// Visit has a crowd talk at an installation that others run and do things to, and judges
// what everybody saw. Each line of steps is a word and the name of a step: "begin NAME" as
// it begins, and "end NAME" when it is over, which is answered with a line about what the
// crowd noticed. At the end of steps the crowd finishes.
func Visit(ctx context.Context, in *Installation, folder string, plan CrowdPlan, steps io.Reader, out io.Writer) error {
	c, err := NewCrowd(ctx, in, folder, plan)
	if err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "ready: %d devices are connected\n", len(c.People))
	if err := c.follow(ctx, steps, out); err != nil {
		return err
	}
	if err := c.Finish(ctx); err != nil {
		return err
	}
	options := history.DefaultOptions()
	options.Partial = true
	report, err := c.Judge(options)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d messages accepted, %d deliveries; lost %d, duplicated %d, reordered %d, leaked %d, undelivered %d, corrupted %d; %d requests failed\n",
		report.Accepted, report.Deliveries, report.Sum(history.Lost), report.Sum(history.Duplicated), report.Sum(history.Reordered),
		report.Sum(history.Leaked), report.Sum(history.NotReceived), report.Sum(history.Corrupted), c.transport.Failed())
	switch {
	case report.Verdict == history.Invalid:
		return fmt.Errorf("this proves nothing: %s", report.Invalid[0])
	case report.Verdict != history.Pass:
		return fmt.Errorf("the promise is broken: %v", report.Examples)
	}
	return nil
}

// follow notes the steps, and says of each what the crowd noticed of it.
func (c *Crowd) follow(ctx context.Context, steps io.Reader, out io.Writer) error {
	var posts int
	var failed int64
	lines := bufio.NewScanner(steps)
	for lines.Scan() {
		word, name, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "begin":
			posts, failed = c.Posts(), c.transport.Failed()
			c.Back()
			c.Driver.Fault(name, "begin")
		case "end":
			// Those who are on their way back belong to it.
			if _, err := c.Recovered(ctx); err != nil {
				return fmt.Errorf("after %s: %w", name, err)
			}
			c.Driver.Fault(name, "end")
			fmt.Fprintf(out, "%s: %d accepted, %d failed, %s\n", name, c.Posts()-posts, c.transport.Failed()-failed, gaps(c.Back()))
		default:
			return fmt.Errorf("%q begins with neither begin nor end", lines.Text())
		}
	}
	return lines.Err()
}

// gaps says for how long devices were without a connection.
func gaps(back []time.Duration) string {
	if len(back) == 0 {
		return "no connection lost"
	}
	slices.Sort(back)
	return fmt.Sprintf("%d connections moved, without one for %v in the middle and %v at most",
		len(back), back[len(back)/2].Round(time.Millisecond), back[len(back)-1].Round(time.Millisecond))
}
