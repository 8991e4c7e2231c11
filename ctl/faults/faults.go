// Package faults breaks real installations of Chatire and judges whether the promise
// held: PostgreSQL, RabbitMQ, API and worker processes with networks between them,
// people with devices who talk and write down what they see, and faults that always
// heal. See docs/TESTING.md.
package faults

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// Cases returns all cases, in the order of the table.
func Cases() []Case {
	return slices.Concat(processCases(), postgresCases(), rabbitmqCases(), clientCases(), accessCases(), restoreCases(), balanceCases())
}

// RunCases runs cases one after the other, tells of each on progress, and returns
// their results.
func RunCases(ctx context.Context, cases []Case, o Options, progress io.Writer) []Result {
	var results []Result
	cpu := readCPU()
	began := time.Now()
	for i, c := range cases {
		start := time.Now()
		r := RunCase(ctx, c, o)
		results = append(results, r)
		fmt.Fprintf(progress, "%2d/%d %-28s %-9s %3d faults, %5d acknowledged, recovered in %s, %s\n",
			i+1, len(cases), c.Name, r.verdict(), r.Report.Faults, r.Report.Accepted, short(r.Recovered), short(time.Since(start)))
		if !r.Holds() {
			writeNotes(progress, []Result{r})
		}
		if ctx.Err() != nil {
			break
		}
	}
	fmt.Fprintf(progress, "\n%d cases in %s, seed %d; the machine was idle for %.0f %% of it\n\n",
		len(results), short(time.Since(began)), o.Seed, 100*idleSince(cpu))
	return results
}
