package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/client"
)

// benchOptions are the flags of chatirectl bench.
type benchOptions struct {
	url         string
	sockets     []string
	ops         string
	connections int
	members     int
	rate        float64
	warmup      time.Duration
	duration    time.Duration
	size        int
	json        bool

	out, errOut io.Writer
}

func newBenchCommand() *cobra.Command {
	o := &benchOptions{}
	cmd := &cobra.Command{
		Use:   "bench [URL]",
		Short: "Measure an installation under an open load",
		Long: `Post messages on a fixed schedule to sessions that many connections watch, and
measure how long each takes to each of them.

The load is open: a message is due at its time whether or not those before it are
done, and its latency counts from then, so a server that falls behind cannot hide
it. Each delivery is checked, those of the warm-up too. If one is missing, repeated or out of order there
are no figures, and the exit status is 1.

The users, sessions and messages it makes stay. Run it against an installation for
tests, with CHATIRE_RATE_LIMIT=off, on a machine that does nothing else.`,
		Example: `  chatirectl bench http://127.0.0.1:8000 --connections 100 --rate 200 --duration 10s
  chatirectl bench http://127.0.0.1:8000 --websocket ws://127.0.0.1:8001/ws/ --ops http://127.0.0.1:9001 --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.url = "http://127.0.0.1:8000"
			if len(args) > 0 {
				o.url = args[0]
			}
			o.out, o.errOut = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.sockets, "websocket", nil, "`address` of a worker's websocket; may be repeated (default: /ws/ of the URL)")
	flags.StringVar(&o.ops, "ops", "", "`address` of a worker's ops listener, to measure the memory of a connection")
	flags.IntVar(&o.connections, "connections", 100, "`number` of websockets")
	flags.IntVar(&o.members, "members", 10, "`number` of members, each with one websocket, in each session")
	flags.Float64Var(&o.rate, "rate", 100, "`messages` per second")
	flags.DurationVar(&o.warmup, "warmup", 2*time.Second, "how long to post before measuring, while connections and caches are made")
	flags.DurationVar(&o.duration, "duration", 10*time.Second, "how long to post and measure")
	flags.IntVar(&o.size, "size", 200, "`bytes` of each message")
	flags.BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

func (o *benchOptions) check() error {
	switch {
	case o.connections < 1 || o.members < 1 || o.connections < o.members:
		return errors.New("there must be at least as many connections as members, and one of each")
	case o.rate <= 0 || o.duration <= 0 || o.warmup < 0:
		return errors.New("rate and duration must be above 0")
	case o.size < 1 || o.size > 2500:
		return errors.New("size must be from 1 to 2500")
	}
	return nil
}

func (o *benchOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	// The memory of this process is no concern, its share of the processors is: it
	// takes away from what it measures.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	var options []client.Option
	if len(o.sockets) > 0 {
		options = append(options, client.WithWebsockets(o.sockets...))
	}
	c, err := client.New(o.url, options...)
	if err != nil {
		return err
	}
	defer c.Close()
	b := newBench(o, c)
	defer b.close()
	fmt.Fprintf(o.errOut, "making %d members and %d sessions\n", o.members, b.rooms())
	if err := b.prepare(ctx); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	before := workerMemory(ctx, o.ops)
	fmt.Fprintf(o.errOut, "opening %d connections\n", len(b.watchers))
	if err := b.connect(ctx); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	after := workerMemory(ctx, o.ops)
	fmt.Fprintf(o.errOut, "posting %g messages per second for %s\n", o.rate, o.duration)
	if err := b.load(ctx); err != nil {
		return err
	}
	report := b.report()
	report.MemoryPerConnection = memoryPerConnection(before, after, len(b.watchers))
	if o.json {
		return json.NewEncoder(o.out).Encode(report)
	}
	report.print(o.out)
	return nil
}
