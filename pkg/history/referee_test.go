package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The referee is another program that judges histories in this format. What it says
// of some runs is kept in testdata; with its path in CHATIRE_TEST_REFEREE it is asked
// again: -update keeps what it says, and -referee.runs asks about so many others.
var (
	update      = flag.Bool("update", false, "keep what the referee says")
	refereeRuns = flag.Int("referee.runs", 200, "how many other runs to ask the referee about, if it is there")
)

const refereeVariable = "CHATIRE_TEST_REFEREE"

// ruling is what a checker says of a run, in the referee's words.
type ruling struct {
	Verdict      Verdict           `json:"verdict"`
	Violations   map[Violation]int `json:"violations"`
	Invalid      int               `json:"invalid"` // how many reasons
	Acked        int               `json:"acked"`
	Refused      int               `json:"refused"`
	Unknown      int               `json:"indeterminate"`
	KnownUnknown int               `json:"indeterminate_stored"`
	Stored       int               `json:"stored"`
	Deliveries   int               `json:"deliveries"`
	Devices      int               `json:"devices"`
	Connections  int               `json:"connections"`
	Faults       int               `json:"faults"`
}

// trial is a run and how it is judged.
type trial struct {
	Seed      uint64   `json:"seed"`
	Mutations []string `json:"mutations"`
	Partial   bool     `json:"partial,omitempty"`
	NewEpoch  bool     `json:"new_epoch,omitempty"`
	Ruling    *ruling  `json:"ruling,omitempty"`
}

func (c trial) String() string { return fmt.Sprintf("seed %d, %q", c.Seed, c.Mutations) }

// ours judges a run with this package, from files as others would.
func (c trial) ours(t *testing.T, folder string) ruling {
	t.Helper()
	lines, damaged, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultOptions()
	o.MinAccepted, o.Damaged, o.Partial, o.NewEpoch = 10, damaged, c.Partial, c.NewEpoch
	r := Check(lines, o)
	return ruling{
		r.Verdict, r.Violations, len(r.Invalid), r.Accepted, r.Refused, r.Unknown, r.UnknownStored,
		r.Stored, r.Deliveries, r.Devices, r.Connections, r.Faults,
	}
}

// theirs asks the referee. ok is false for a run that it stumbles over.
func (c trial) theirs(t *testing.T, referee, folder string) (r ruling, ok bool) {
	t.Helper()
	args := []string{referee, folder, "--min-acked", "10"}
	if c.Partial {
		args = append(args, "--partial", "1")
	}
	if c.NewEpoch {
		args = append(args, "--new-epoch", "1")
	}
	out, err := exec.CommandContext(t.Context(), "python3", args...).Output()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	}
	var said struct {
		ruling
		Invalid []string `json:"invalid"`
	}
	if json.Unmarshal(out, &said) != nil {
		return ruling{}, false
	}
	said.ruling.Invalid = len(said.Invalid)
	return said.ruling, true
}

// write writes the run's files into a new folder.
func (c trial) write(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	files := map[string]*bytes.Buffer{}
	for _, l := range mutated(c.Seed, c.Mutations...) {
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if files[l.Process] == nil {
			files[l.Process] = &bytes.Buffer{}
		}
		files[l.Process].Write(append(text, '\n'))
	}
	for process, text := range files {
		name := strings.ReplaceAll(process, `"`, "") + ".jsonl"
		if err := os.WriteFile(filepath.Join(folder, name), text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

const rulings = "testdata/rulings.json"

// trials are the kept ones: good runs, and each mutation on several of them.
func trials() []trial {
	var all []trial
	for seed := range uint64(5) {
		all = append(all, trial{Seed: seed})
		for _, m := range mutations() {
			all = append(all, trial{Seed: seed, Mutations: []string{m.name}})
		}
	}
	return all
}

// TestAgreesWithTheReferee compares each count of each ruling.
func TestAgreesWithTheReferee(t *testing.T) {
	if *update {
		keepRulings(t)
	}
	text, err := os.ReadFile(rulings)
	if err != nil {
		t.Fatal(err)
	}
	var kept []trial
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	verdicts, names := map[Verdict]int{}, map[Violation]bool{}
	for _, c := range kept {
		c.compare(t, *c.Ruling)
		verdicts[c.Ruling.Verdict]++
		for v := range c.Ruling.Violations {
			names[v] = true
		}
	}
	for v := range sums {
		if !names[v] {
			t.Errorf("no run has %s", v)
		}
	}
	t.Logf("%d rulings: %v", len(kept), verdicts)
}

func (c trial) compare(t *testing.T, want ruling) {
	t.Helper()
	folder := c.write(t)
	got := c.ours(t, folder)
	violations := maps.Equal(got.Violations, want.Violations)
	got.Violations, want.Violations = nil, nil
	if !violations || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v:\nours  %+v %v\ntheirs %+v %v", c, got, c.ours(t, folder).Violations, want, c.Ruling)
	}
}

func keepRulings(t *testing.T) {
	t.Helper()
	referee := os.Getenv(refereeVariable)
	var kept []trial
	for _, c := range trials() {
		if r, ok := c.theirs(t, referee, c.write(t)); ok {
			c.Ruling = &r
			kept = append(kept, c)
		}
	}
	text, err := json.MarshalIndent(kept, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(rulings, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestRefereeOnOtherRuns asks a referee that is there about runs with several
// mutations at once.
func TestRefereeOnOtherRuns(t *testing.T) {
	referee := os.Getenv(refereeVariable)
	if referee == "" {
		return // what it says of others is in testdata
	}
	all, compared := mutations(), 0
	for i := range *refereeRuns {
		r := rand.New(rand.NewPCG(uint64(i), 4))
		c := trial{Seed: r.Uint64N(1 << 32), Partial: r.IntN(4) == 0, NewEpoch: r.IntN(4) == 0}
		for range r.IntN(5) {
			c.Mutations = append(c.Mutations, all[r.IntN(len(all))].name)
		}
		slices.Sort(c.Mutations)
		if theirs, ok := c.theirs(t, referee, c.write(t)); ok {
			c.Ruling = &theirs
			c.compare(t, theirs)
			compared++
		}
	}
	t.Logf("%d of %d runs were compared", compared, *refereeRuns)
}
