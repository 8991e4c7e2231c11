package history

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Options say what a history must hold to prove anything.
type Options struct {
	// Converge is how long after the stop the last frame may come, and Revoke how long
	// after the answer to a removal frames may still come.
	Converge, Revoke time.Duration

	// MinAccepted and MinFaults are how many accepted Messages and faults there must be.
	MinAccepted, MinFaults int

	// Partial says that devices need not subscribe to all Sessions of their User.
	Partial bool

	// NewEpoch says that a restore was part of the run.
	NewEpoch bool

	// Damaged is what is wrong with the files: see [Read].
	Damaged []string
}

// DefaultOptions are those of a long run with faults.
func DefaultOptions() Options {
	return Options{Converge: 10 * time.Second, Revoke: 2 * time.Second, MinAccepted: 500, MinFaults: 1}
}

// Check judges a history. It sorts the lines.
func Check(lines []Line, o Options) Report {
	slices.SortStableFunc(lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Process, b.Process), cmp.Compare(a.Number, b.Number))
	})
	c := newCheck(o)
	for i := range lines {
		c.note(&lines[i])
	}
	c.checkLogs()
	c.checkAccepted()
	for _, uri := range c.uris {
		c.checkOrder(uri)
	}
	c.checkFrames()
	c.checkDelivered()
	c.checkEnd()
	c.checkWorth()
	return c.finish()
}

// check is a history sorted by what it is about, and what was found.
type check struct {
	options Options
	report  Report

	sends     map[string]*Line // by client id: the first try
	accepted  map[string]*Line // the first answer
	refused   map[string]bool
	unknown   map[string]bool
	devices   map[string]ID // whose each is
	subs      map[subKey]*Line
	frames    map[subKey][]*Line
	members   map[memberKey][]*Line
	began     map[string]int // faults
	ended     map[string]int
	stopped   *Line
	sources   map[sourceKey][]Row
	uris      []string // of all Sessions
	logs      map[string]map[int64]*Row
	heads     map[string]int64 // how many rows each log has
	stored    map[string]place // by client id
	reached   map[deviceKey]int64
	lastFrame int64
	latencies []time.Duration
}

type (
	subKey struct {
		device string
		conn   int
		uri    string
	}
	memberKey struct {
		uri  string
		user ID
	}
	deviceKey struct{ device, uri string }
	sourceKey struct{ source, uri string }
	place     struct {
		uri string
		row *Row
	}
)

func newCheck(o Options) *check {
	return &check{
		options:  o,
		report:   Report{Violations: map[Violation]int{}, Examples: map[Violation][]string{}, Invalid: slices.Clone(o.Damaged)},
		sends:    map[string]*Line{},
		accepted: map[string]*Line{},
		refused:  map[string]bool{},
		unknown:  map[string]bool{},
		devices:  map[string]ID{},
		subs:     map[subKey]*Line{},
		frames:   map[subKey][]*Line{},
		members:  map[memberKey][]*Line{},
		began:    map[string]int{},
		ended:    map[string]int{},
		sources:  map[sourceKey][]Row{},
		logs:     map[string]map[int64]*Row{},
		heads:    map[string]int64{},
		stored:   map[string]place{},
		reached:  map[deviceKey]int64{},
	}
}

// examples bounds how many of each violation are told.
const examples = 5

func (c *check) found(v Violation, format string, args ...any) { c.foundMany(v, 1, format, args...) }

func (c *check) foundMany(v Violation, n int, format string, args ...any) {
	c.report.Violations[v] += n
	if len(c.report.Examples[v]) < examples {
		c.report.Examples[v] = append(c.report.Examples[v], fmt.Sprintf(format, args...))
	}
}

// invalid notes why the history proves nothing.
func (c *check) invalid(format string, args ...any) {
	c.report.Invalid = append(c.report.Invalid, fmt.Sprintf(format, args...))
}

// note sorts one line in.
func (c *check) note(l *Line) {
	id := ""
	if l.ClientID != nil {
		id = *l.ClientID
	}
	switch l.Kind {
	case Send:
		c.noteSend(id, l)
	case Accepted:
		first, again := c.accepted[id]
		if again && (first.Seq != l.Seq || first.ID != l.ID) {
			c.found(AckChanged, "%s", id)
		}
		if !again {
			c.accepted[id] = l
		}
	case Refused:
		c.refused[id] = true
	case Unknown:
		c.unknown[id] = true
	case Opened:
		c.devices[l.Device] = l.User
	case Subscribed:
		c.subs[subKey{l.Device, l.Conn, l.URI}] = l
	case Received:
		k := subKey{l.Device, l.Conn, l.URI}
		c.frames[k] = append(c.frames[k], l)
		c.lastFrame = max(c.lastFrame, l.Time)
		c.report.Deliveries++
	case Member:
		k := memberKey{l.URI, l.User}
		c.members[k] = append(c.members[k], l)
	case Fault:
		if l.Phase == "begin" {
			c.began[l.Name]++
		} else {
			c.ended[l.Name]++
		}
	case Stop:
		c.stopped = l
	case Log:
		c.sources[sourceKey{l.Source, l.URI}] = l.Rows
	}
}

func (c *check) noteSend(id string, l *Line) {
	first, again := c.sends[id]
	if !again {
		c.sends[id] = l
		return
	}
	if first.URI != l.URI || first.Sum != l.Sum || first.User != l.User {
		c.invalid("the client id %s was used for two messages", id)
	}
}

// checkEnd sees how long after the stop frames still came.
func (c *check) checkEnd() {
	if c.stopped == nil {
		c.invalid("nobody noted when the load stopped")
		c.report.Convergence = -1
		return
	}
	if c.lastFrame > 0 {
		c.report.Convergence = max(0, time.Duration(c.lastFrame-c.stopped.Time))
	}
	if c.report.Convergence > c.options.Converge {
		c.found(LateConvergence, "%v after the stop", c.report.Convergence)
	}
}

// checkWorth sees whether the run proves anything.
func (c *check) checkWorth() {
	if len(c.accepted) < c.options.MinAccepted {
		c.invalid("only %d messages were accepted, of at least %d", len(c.accepted), c.options.MinAccepted)
	}
	for _, name := range slices.Sorted(maps.Keys(c.began)) {
		c.report.Faults += c.began[name]
		if c.began[name] != c.ended[name] {
			c.invalid("the fault %q began %d times and ended %d times", name, c.began[name], c.ended[name])
		}
	}
	if c.report.Faults < c.options.MinFaults {
		c.invalid("only %d faults, of at least %d", c.report.Faults, c.options.MinFaults)
	}
	open := 0
	for id := range c.sends {
		if _, ok := c.accepted[id]; !ok && !c.refused[id] && !c.unknown[id] {
			open++
		}
	}
	if open > 0 {
		c.invalid("%d messages have no outcome", open)
	}
}
