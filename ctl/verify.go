package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/history"
)

// verifyOptions are the flags of chatirectl verify.
type verifyOptions struct {
	terminal
	apis     []string
	sockets  []string
	duration time.Duration
	rate     float64
	folder   string
	format   string
	resolve  bool
}

func newVerifyCommand() *cobra.Command {
	o := &verifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify [URL...]",
		Short: "Check that a running installation keeps its promise",
		Long: `Check a running installation: canaries, accounts that exist for this run only, open
two sessions that nobody else sees, post through each API address, some messages
twice, and watch with several devices on each worker. Some devices lose their
connection every second and resume, some read slowly, some come late; one person is
removed and one token revoked in the middle. At the end everything that the devices
received is compared with the log and with every answer.

Each URL is an API address. Name each worker with --websocket; an address that picks
any worker will do, and proves as much as it picks; with --resolve an address whose name
has several IP addresses, such as that of a headless Service, stands for each of them. Where registration is closed, set
CHATIRE_DATABASE_URL as for the other commands, and the canaries are made there.

The exit status is 0 if the promise holds, 1 if it is broken, and 6 if the run proves
nothing, as when something could not be reached. The canaries are removed again; their
sessions are closed and without members.

With --history it judges histories that were written before, in a folder.`,
		Example: `  chatirectl verify http://127.0.0.1:8000
  chatirectl verify http://10.0.0.1:8000 http://10.0.0.2:8000 --websocket ws://10.0.0.3:8001/ws/,ws://10.0.0.4:8001/ws/ --duration 30s`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.apis = newTerminal(cmd), args
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.sockets, "websocket", nil, "`address` of a worker's websocket; may be repeated (default: /ws/ of the first URL)")
	flags.BoolVar(&o.resolve, "resolve", false, "take each IP address that a name has for an address of its own")
	flags.DurationVar(&o.duration, "duration", 10*time.Second, "how long to post")
	flags.Float64Var(&o.rate, "rate", 6, "`messages` per second; more than the limits of the installation allow are sent later")
	flags.StringVar(&o.folder, "history", "", "judge the histories in this `folder` instead")
	flags.StringVarP(&o.format, "output", "o", formatTable, "how to print: table or json")
	return cmd
}

// unprovenError says that a check has found nothing wrong, and nothing else either.
type unprovenError struct{ err error }

func (e unprovenError) Error() string { return "this proves nothing: " + e.err.Error() }

func (e unprovenError) Unwrap() error { return e.err }

func (o *verifyOptions) run(ctx context.Context) error {
	switch {
	case o.format != formatTable && o.format != formatJSON:
		return usageErrorf("there are table and json")
	case o.folder != "" && len(o.apis) > 0:
		return usageErrorf("--history needs no URL")
	case o.folder != "":
		return o.judgeFolder()
	case o.rate <= 0 || o.duration < 4*time.Second:
		return usageErrorf("the rate must be above 0, and the duration 4 s or more")
	case len(o.apis) == 0:
		o.apis = []string{"http://127.0.0.1:8000"}
	}
	if o.resolve {
		var err error
		if o.apis, err = resolveAll(ctx, o.apis); err != nil {
			return unprovenError{err}
		}
		if o.sockets, err = resolveAll(ctx, o.sockets); err != nil {
			return unprovenError{err}
		}
	}
	v, err := newVerification(o)
	if err != nil {
		return usageError{err}
	}
	return v.run(ctx)
}

// judgeFolder judges histories that others have written.
func (o *verifyOptions) judgeFolder() error {
	lines, damaged, err := history.Read(o.folder)
	if err != nil {
		return err
	}
	options := history.DefaultOptions()
	options.Damaged = damaged
	report := history.Check(lines, options)
	if err := o.printReport(report, nil); err != nil {
		return err
	}
	return conclude(report)
}

// verification is one run of verify.
type verification struct {
	*verifyOptions
	clients  []*client.Client // one for each API address, of nobody
	book     *history.Book
	driver   *history.Recorder
	canaries []*canary
	sessions [2]string // all are in the first, some in the second
	devices  []*verifyDevice
	routes   []*route
}

// route is one API address and what it took.
type route struct {
	URL      string
	Posts    int
	Accepted int
	took     []time.Duration
}

func newVerification(o *verifyOptions) (*verification, error) {
	v := &verification{verifyOptions: o, book: history.NewBook()}
	v.driver = v.book.Recorder("driver")
	for _, url := range o.apis {
		var options []client.Option
		if len(o.sockets) > 0 {
			options = append(options, client.WithWebsockets(o.sockets...))
		}
		c, err := client.New(url, options...)
		if err != nil {
			return nil, err
		}
		v.clients = append(v.clients, c)
		v.routes = append(v.routes, &route{URL: url})
	}
	return v, nil
}

// cleanPatience bounds how long the canaries are tried to be removed.
const cleanPatience = 20 * time.Second

func (v *verification) run(ctx context.Context) error {
	defer func() {
		for _, c := range v.clients {
			c.Close()
		}
	}()
	err := v.watch(ctx)
	cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanPatience)
	defer cancel()
	v.clean(cleaning)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return unprovenError{err}
	}
	report := history.Check(v.book.Lines(), history.Options{
		Converge: 10 * time.Second, Revoke: 2 * time.Second,
		MinAccepted: max(10, int(v.rate*v.duration.Seconds()/4)), MinFaults: 3, Partial: true,
	})
	report.Invalid = append(report.Invalid, v.unwatched()...)
	if len(report.Invalid) > 0 && report.Verdict == history.Pass {
		report.Verdict = history.Invalid
	}
	if err := v.printReport(report, v); err != nil {
		return err
	}
	return conclude(report)
}

// clauses says which clause of docs/GUARANTEES.md each group of violations breaks.
var clauses = map[history.SumOf]string{
	history.Lost:        "clause 1 or 3: something that was accepted is not there, or a device missed it",
	history.Duplicated:  "clause 1 or 3: something came or is there twice",
	history.Reordered:   "clause 2: the order is not the one that was answered",
	history.Leaked:      "clause 4: somebody received what they may not see",
	history.NotReceived: "clause 3: a device did not get all there is",
	history.Corrupted:   "clause 2: not everybody sees the same",
}

// conclude returns what the exit status tells.
func conclude(r history.Report) error {
	switch r.Verdict {
	case history.Pass:
		return nil
	case history.Invalid:
		return unprovenError{errors.New(r.Invalid[0])}
	}
	first := r.Found()[0]
	return fmt.Errorf("the promise is broken, %s; for example %s: %s", clauses[history.SumOfViolation(first)], first, r.Examples[first][0])
}

// printReport prints what a check found; v is nil for histories of others.
func (o *verifyOptions) printReport(r history.Report, v *verification) error {
	if o.format == formatJSON {
		return json.NewEncoder(o.out).Encode(struct {
			APIVersion string         `json:"apiVersion"`
			Kind       string         `json:"kind"`
			Report     history.Report `json:"report"`
			Workers    []workerRow    `json:"workers,omitempty"`
			APIs       []apiRow       `json:"apis,omitempty"`
		}{apiVersion, "Verification", r, v.workerRows(), v.apiRows()})
	}
	if v != nil {
		v.printRows()
	}
	printVerdict(o.out, r)
	return nil
}
