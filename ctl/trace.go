package ctl

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/worker"
)

type traceOptions struct {
	terminal
	output
	uri string
	seq string
}

func newTraceCommand() *cobra.Command {
	o := &traceOptions{}
	cmd := &cobra.Command{
		Use:   "trace URI SEQ",
		Short: "Show which way a message or another event went, and how far it came",
		Long: `Show which way an event went: when it was committed, handed to the bus, published to the
broker and confirmed, when each worker received it and had written it to the connections
that were live, to how many of how many connections it is handed by now, and which of them
is the farthest behind and why.

All processes are asked over the bus. Each remembers some thousand of the newest events, in
memory; of older ones only the connections are known. Times are by the clock of the process
that noted them, and the time of the commit is by that of the database.`,
		Example: `  chatirectl trace 0123456789abcde 2`,
		Args:    exactly("URI", "SEQ"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.uri, o.seq = newTerminal(cmd), args[0], args[1]
			return o.run(cmd.Context())
		},
		ValidArgsFunction: completing(completeSessions),
	}
	o.output.bind(cmd)
	return administering(cmd)
}

// passage is a place that an event passed.
type passage struct {
	at      time.Time // zero for what is so now
	since   time.Duration
	process string
	what    string
}

var passageKind = kind[passage]{
	name: "TraceStep",
	columns: []column[passage]{
		{"AT", func(s passage) string { return traceMoment(s.at) }},
		{"AFTER", func(s passage) string { return afterCommit(s) }},
		{"PROCESS", func(s passage) string { return s.process }},
		{"WHAT", func(s passage) string { return s.what }},
	},
	id: func(s passage) string { return s.what },
	json: func(s passage) any {
		return struct {
			At      *time.Time `json:"at"` // null for what is so now
			Process string     `json:"process"`
			What    string     `json:"what"`
		}{jsonMoment(s.at), s.process, s.what}
	},
}

func traceMoment(t time.Time) string {
	if t.IsZero() {
		return "now"
	}
	return t.UTC().Format("15:04:05.000000")
}

// afterCommit is how long after the commit a step was.
func afterCommit(s passage) string {
	if s.at.IsZero() {
		return ""
	}
	return s.since.Round(10 * time.Microsecond).String()
}

func (o *traceOptions) run(ctx context.Context) error {
	seq, err := strconv.ParseInt(o.seq, 10, 64)
	if err != nil || seq < 1 {
		return usageErrorf("%q is not the seq of an event", o.seq)
	}
	t, err := o.connect(ctx, true)
	if err != nil {
		return err
	}
	defer t.close()
	trace, err := t.Trace(ctx, o.uri, seq)
	if chat.CodeOf(err) == chat.NotFound {
		return chat.Errorf(chat.NotFound, "There is no event %d in session %q: chatirectl session list shows how many events each has.", seq, o.uri)
	}
	if err != nil {
		return explainTarget(err, t.place)
	}
	steps, err := passagesOf(trace)
	if err != nil {
		return err
	}
	return passageKind.list(&o.terminal, o.output, steps)
}

// passagesOf puts in order what the processes say.
func passagesOf(trace client.AdminTrace) ([]passage, error) {
	steps := []passage{{at: trace.Committed, process: "database", what: fmt.Sprintf("%s of %s committed", trace.Event, nameOr(trace.Username))}}
	var now []passage
	for _, a := range trace.Answers {
		process := short(a.Instance)
		switch a.Part {
		case "process":
			var p boot.ProcessTrace
			if err := json.Unmarshal(a.Body, &p); err != nil {
				return nil, fmt.Errorf("read an answer: %w", err)
			}
			for _, m := range []struct {
				at   *time.Time
				what string
			}{
				{p.Handed, "handed to the bus"},
				{p.Published, "published to the broker"},
				{p.Confirmed, "confirmed by the broker"},
				{p.Received, "received by the worker"},
				{p.Written, "written to all connections that were live"},
			} {
				if m.at != nil {
					steps = append(steps, passage{*m.at, m.at.Sub(trace.Committed), process, m.what})
				}
			}
		case "worker":
			var w worker.TraceAnswer
			if err := json.Unmarshal(a.Body, &w); err != nil {
				return nil, fmt.Errorf("read an answer: %w", err)
			}
			now = append(now, passage{process: process, what: reached(w)})
		}
	}
	slices.SortStableFunc(steps[1:], func(a, b passage) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	if len(now) == 0 {
		now = []passage{{process: "-", what: "no worker has a connection that watches the session"}}
	}
	return append(steps, now...), nil
}

// reached says how far an event came on a worker.
func reached(w worker.TraceAnswer) string {
	text := fmt.Sprintf("handed to %d of %d connections", w.Reached, w.Watching)
	if s := w.Slowest; s != nil {
		text += fmt.Sprintf("; the slowest, %s of user %d, is at event %d: %s, silent for %.1f s", s.Connection, s.User, s.Position, s.State, s.Silent)
	}
	return text
}

func nameOr(username string) string {
	if username == "" {
		return "a deleted account"
	}
	return username
}

// short is enough of the name of a process to tell it from the others.
func short(instance string) string { return strings.ToLower(instance[:min(8, len(instance))]) }
