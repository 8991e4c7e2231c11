package ctl

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/client"
)

type topOptions struct {
	terminal
	count int
	every time.Duration
	live  bool // on a terminal, in place
}

func newTopCommand() *cobra.Command {
	o := &topOptions{}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch the processes: connections, rates, lag",
		Long: `Watch the processes of an installation. On a terminal the view is refreshed in place;
elsewhere it is a line of JSON each time. Rates are since the line before, so that the first
has none. The columns:

  ROLE      what the process runs: api, worker or both
  CONNS     websocket connections
  SUBS      sessions that they watch
  CATCHUP   connections that catch up from the log
  POSTS/S   messages stored
  SENT/S    events written to connections
  REQ/S     HTTP requests
  LAG       age of the oldest event that a connection was not sent yet, in seconds
  STATE     ok, degraded (the broker is away) or draining
  SLOTS     slots of the bus whose events it receives, and how many there are
  MEMORY    resident, in MiB
  CPU       in percent of one core`,
		Example: `  chatirectl top
  chatirectl top --count 2 --every 1s > top.jsonl`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			o.live = isTerminal(o.out)
			return o.run(cmd.Context())
		},
	}
	cmd.Flags().IntVar(&o.count, "count", 0, "end after this `number` of views (default: at Ctrl-C)")
	cmd.Flags().DurationVar(&o.every, "every", time.Second, "`time` between two views")
	return administering(cmd)
}

// running is one process in a view.
type running struct {
	instance string
	boot.ProcessStats
	before boot.ProcessStats // in the view before; zero if it was not there
	since  time.Duration     // between the two
}

// role says what a process runs, by the metrics that it has.
func (p running) role() string {
	_, api := p.Values["chatire_admin_operations_total"]
	_, worker := p.Values["chatire_ws_connections"]
	switch {
	case api && worker:
		return "both"
	case worker:
		return "worker"
	}
	return "api"
}

// rate is how much a counter grew in a second; 0 if that is not known.
func (p running) rate(metric string) float64 {
	was, there := p.before.Values[metric]
	if !there || p.since <= 0 || p.before.Began != p.Began {
		return 0
	}
	return (p.Values[metric] - was) / p.since.Seconds()
}

func (p running) state() string {
	switch {
	case p.Values["chatire_ws_draining"] > 0:
		return "draining"
	case p.Values["chatire_degraded"] > 0:
		return "degraded"
	}
	return "ok"
}

func whole(v float64) string { return fmt.Sprintf("%.0f", v) }

var runningKind = kind[running]{
	name: "Process",
	columns: []column[running]{
		{"PROCESS", func(p running) string { return short(p.instance) }},
		{"HOST", func(p running) string { return p.Host }},
		{"ROLE", func(p running) string { return p.role() }},
		{"UP", func(p running) string { return time.Since(p.Began).Round(time.Second).String() }},
		{"CONNS", func(p running) string { return whole(p.Values["chatire_ws_connections"]) }},
		{"SUBS", func(p running) string { return whole(p.Values["chatire_ws_subscriptions"]) }},
		{"CATCHUP", func(p running) string { return whole(p.Values["chatire_ws_catchup_connections"]) }},
		{"POSTS/S", func(p running) string { return whole(p.rate("chatire_append_batch_size")) }},
		{"SENT/S", func(p running) string { return whole(p.rate("chatire_ws_frames_sent_total")) }},
		{"REQ/S", func(p running) string { return whole(p.rate("chatire_http_requests_total")) }},
		{"LAG", func(p running) string { return fmt.Sprintf("%.1f", p.Values["chatire_undelivered_age_seconds"]) }},
		{"STATE", func(p running) string { return p.state() }},
		{"SLOTS", func(p running) string {
			return whole(p.Values["chatire_bus_slots_bound"]) + "/" + whole(p.Values["chatire_bus_slots"])
		}},
		{"MEMORY", func(p running) string { return whole(p.Values["process_resident_memory_bytes"] / (1 << 20)) }},
		{"CPU", func(p running) string { return whole(100 * p.rate("process_cpu_seconds_total")) }},
	},
	id: func(p running) string { return "process/" + p.instance },
	json: func(p running) any {
		return struct {
			Process        string  `json:"process"`
			Host           string  `json:"host"`
			Role           string  `json:"role"`
			Version        string  `json:"version"`
			Began          string  `json:"began"`
			Connections    float64 `json:"connections"`
			Subscriptions  float64 `json:"subscriptions"`
			CatchingUp     float64 `json:"catchingUp"`
			Posts          float64 `json:"postsPerSecond"`
			Sent           float64 `json:"sentPerSecond"`
			Requests       float64 `json:"requestsPerSecond"`
			UndeliveredAge float64 `json:"undeliveredAgeSeconds"`
			State          string  `json:"state"`
			SlotsBound     float64 `json:"slotsBound"`
			Slots          float64 `json:"slots"`
			ResidentBytes  float64 `json:"residentBytes"`
			CPU            float64 `json:"cpuSecondsPerSecond"`
		}{
			p.instance, p.Host, p.role(), p.Version, moment(p.Began),
			p.Values["chatire_ws_connections"], p.Values["chatire_ws_subscriptions"], p.Values["chatire_ws_catchup_connections"],
			p.rate("chatire_append_batch_size"), p.rate("chatire_ws_frames_sent_total"), p.rate("chatire_http_requests_total"),
			p.Values["chatire_undelivered_age_seconds"], p.state(), p.Values["chatire_bus_slots_bound"], p.Values["chatire_bus_slots"],
			p.Values["process_resident_memory_bytes"], p.rate("process_cpu_seconds_total"),
		}
	},
}

func (o *topOptions) run(ctx context.Context) error {
	if o.every < 100*time.Millisecond || o.count < 0 {
		return usageErrorf("--every must be 100ms or more, and --count 0 or more")
	}
	t, err := o.connect(ctx, true)
	if err != nil {
		return err
	}
	defer t.close()
	v := &view{}
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	for n := 1; ; n++ {
		answers, err := t.Processes(ctx)
		if ctx.Err() != nil {
			return o.leave()
		}
		if err != nil {
			return explainTarget(err, t.place)
		}
		if err := errors.Join(v.take(answers, time.Now()), o.show(v, t.place)); err != nil {
			return err
		}
		if n == o.count {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return o.leave()
		}
	}
}

// leave ends a view that was to go on until somebody ends it.
func (o *topOptions) leave() error {
	if o.live {
		fmt.Fprintln(o.out)
	}
	return nil
}

// view is what was answered last, and before.
type view struct {
	at        time.Time
	processes []running
}

func (v *view) take(answers []client.AdminAnswer, now time.Time) error {
	before, since := v.processes, now.Sub(v.at)
	v.processes, v.at = nil, now
	for _, a := range answers {
		if a.Part != "process" {
			continue
		}
		p := running{instance: a.Instance, since: since}
		if err := json.Unmarshal(a.Body, &p.ProcessStats); err != nil {
			return fmt.Errorf("read an answer: %w", err)
		}
		for _, old := range before {
			if old.instance == a.Instance {
				p.before = old.ProcessStats
			}
		}
		v.processes = append(v.processes, p)
	}
	slices.SortFunc(v.processes, func(a, b running) int {
		return cmp.Or(cmp.Compare(a.role(), b.role()), cmp.Compare(a.instance, b.instance))
	})
	return nil
}

// show shows a view: in place on a terminal, else as a line of JSON.
func (o *topOptions) show(v *view, place string) error {
	if !o.live {
		processes := []any{}
		for _, p := range v.processes {
			processes = append(processes, runningKind.json(p))
		}
		line, err := json.Marshal(struct {
			APIVersion string     `json:"apiVersion"`
			Kind       string     `json:"kind"`
			At         *time.Time `json:"at"`
			Items      []any      `json:"items"`
		}{apiVersion, "ProcessList", jsonMoment(v.at), processes})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(o.out, "%s\n", line)
		return err
	}
	var table bytes.Buffer
	if err := runningKind.printList(&table, output{format: formatTable, color: o.color}, v.processes); err != nil {
		return err
	}
	// Home, then each line with the rest of the old one cleared, then all below.
	text := fmt.Sprintf("%s at %s: %d processes\n\n%s", printable(place), v.at.UTC().Format("15:04:05"), len(v.processes), table.String())
	_, err := fmt.Fprintf(o.out, "\x1b[H%s\x1b[J", strings.ReplaceAll(text, "\n", "\x1b[K\n"))
	return err
}
