package history

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// mutation breaks a run in one way, if it has what is to be broken.
type mutation struct {
	name string
	do   func(r *rand.Rand, lines []Line) []Line
}

// pick returns the index of some line that fits, -1 if none does.
func pick(r *rand.Rand, lines []Line, fits func(*Line) bool) int {
	var found []int
	for i := range lines {
		if fits(&lines[i]) {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return -1
	}
	return found[r.IntN(len(found))]
}

func is(k Kind) func(*Line) bool { return func(l *Line) bool { return l.Kind == k } }

// change edits some line of a kind.
func change(name string, k Kind, edit func(r *rand.Rand, l *Line)) mutation {
	return mutation{name, func(r *rand.Rand, lines []Line) []Line {
		if i := pick(r, lines, is(k)); i >= 0 {
			edit(r, &lines[i])
		}
		return lines
	}}
}

// rows edits a log as it is read at the end; both sources, or one.
func rows(name string, both bool, edit func(r *rand.Rand, rows []Row) []Row) mutation {
	return mutation{name, func(r *rand.Rand, lines []Line) []Line {
		i := pick(r, lines, is(Log))
		if i < 0 || len(lines[i].Rows) < 4 {
			return lines
		}
		seed := r.Uint64()
		for j := range lines {
			if j == i || both && lines[j].Kind == Log && lines[j].URI == lines[i].URI {
				lines[j].Rows = edit(rand.New(rand.NewPCG(seed, 2)), slices.Clone(lines[j].Rows))
			}
		}
		return lines
	}}
}

// mutations are all of them.
func mutations() []mutation {
	all := []mutation{
		change("a frame has another seq", Received, func(r *rand.Rand, l *Line) { l.Seq += 1 - 2*r.Int64N(2) }),
		change("a frame has a seq far away", Received, func(_ *rand.Rand, l *Line) { l.Seq += 1000 }),
		change("a frame has no seq", Received, func(_ *rand.Rand, l *Line) { l.Seq = 0 }),
		change("a frame has another id", Received, func(_ *rand.Rand, l *Line) { l.ID += 7 }),
		change("a frame has another text", Received, func(_ *rand.Rand, l *Line) { l.Sum += "x" }),
		change("a frame has an older text", Received, func(_ *rand.Rand, l *Line) { l.Sum, l.Rev = "old", 0 }),
		change("a frame has another author", Received, func(_ *rand.Rand, l *Line) { l.User = `"eve"` }),
		change("a frame has another client id", Received, func(_ *rand.Rand, l *Line) { id := "other"; l.ClientID = &id }),
		change("a frame is of another session", Received, func(_ *rand.Rand, l *Line) { l.URI = "s0" }),
		change("a frame is of another connection", Received, func(_ *rand.Rand, l *Line) { l.Conn++ }),
		change("a frame came at the beginning", Received, func(_ *rand.Rand, l *Line) { l.Time = 0 }),
		change("a frame came within the convergence", Received, func(_ *rand.Rand, l *Line) { l.Time += 9 * second }),
		change("a frame came late", Received, func(_ *rand.Rand, l *Line) { l.Time += 30 * second }),
		change("a subscription began further on", Subscribed, func(r *rand.Rand, l *Line) { l.From += 1 + r.Int64N(3) }),
		change("a subscription began at 0", Subscribed, func(_ *rand.Rand, l *Line) { l.From = 0 }),
		change("a subscription had another epoch", Subscribed, func(_ *rand.Rand, l *Line) { l.Epoch = "f" }),
		change("an answer told another seq", Accepted, func(_ *rand.Rand, l *Line) { l.Seq++ }),
		change("an answer told another id", Accepted, func(_ *rand.Rand, l *Line) { l.ID++ }),
		change("an answer came earlier", Accepted, func(_ *rand.Rand, l *Line) { l.Time -= second }),
		change("an answer was a refusal", Accepted, func(_ *rand.Rand, l *Line) { l.Kind, l.Status = Refused, 404 }),
		change("an answer was lost", Accepted, func(_ *rand.Rand, l *Line) { l.Kind, l.Why = Unknown, "reset" }),
		change("a refusal was an answer", Refused, func(_ *rand.Rand, l *Line) { l.Kind, l.Seq, l.ID = Accepted, 3, 3 }),
		change("a post had another text", Send, func(_ *rand.Rand, l *Line) { l.Sum += "y" }),
		change("a post was to another session", Send, func(_ *rand.Rand, l *Line) { l.URI = "s9" }),
		change("a post was sent later", Send, func(_ *rand.Rand, l *Line) { l.Time += second }),
		change("a post was of another author", Send, func(_ *rand.Rand, l *Line) { l.User = `"eve"` }),
		change("a member was removed", Member, func(_ *rand.Rand, l *Line) { l.Op = "remove" }),
		change("a removed one was added", Member, func(_ *rand.Rand, l *Line) { l.Op = "add" }),
		change("a member changed just too long ago", Member, func(_ *rand.Rand, l *Line) { l.Time -= 2*second + 1 }),
		change("a member changed just in time", Member, func(_ *rand.Rand, l *Line) { l.Time -= second; l.Began -= second }),
		change("a fault has another phase", Fault, func(_ *rand.Rand, l *Line) { l.Phase = "begin" }),
		change("a line has another number", Received, func(_ *rand.Rand, l *Line) { l.Number = -1 }),
		rows("a row is missing", true, func(r *rand.Rand, rows []Row) []Row {
			i := r.IntN(len(rows))
			return slices.Delete(rows, i, i+1)
		}),
		rows("a row is missing and the others moved up", true, func(r *rand.Rand, rows []Row) []Row {
			i := r.IntN(len(rows))
			rows = slices.Delete(rows, i, i+1)
			for j := i; j < len(rows); j++ {
				rows[j].Seq--
			}
			return rows
		}),
		rows("a row is there twice", true, func(r *rand.Rand, rows []Row) []Row {
			again := rows[r.IntN(len(rows))]
			again.Seq = int64(len(rows) + 1)
			return append(rows, again)
		}),
		rows("a row is nobody's", true, func(_ *rand.Rand, rows []Row) []Row {
			id := "ghost"
			return append(rows, Row{Seq: int64(len(rows) + 1), ID: 99, ClientID: &id, User: `"ada"`, Sum: "boo"})
		}),
		rows("two rows are swapped", true, func(r *rand.Rand, rows []Row) []Row {
			i, j := r.IntN(len(rows)), r.IntN(len(rows))
			rows[i], rows[j] = rows[j], rows[i]
			rows[i].Seq, rows[j].Seq = int64(i+1), int64(j+1)
			return rows
		}),
		rows("a row has another text", true, func(r *rand.Rand, rows []Row) []Row {
			rows[r.IntN(len(rows))].Sum += "z"
			return rows
		}),
		rows("a row was edited", true, func(r *rand.Rand, rows []Row) []Row {
			i := r.IntN(len(rows))
			rows[i].Sum, rows[i].Rev = "newer", 500
			return rows
		}),
		rows("one source lacks the last row", false, func(_ *rand.Rand, rows []Row) []Row { return rows[:len(rows)-1] }),
		{"all faults are gone", func(_ *rand.Rand, lines []Line) []Line {
			return slices.DeleteFunc(lines, func(l Line) bool { return l.Kind == Fault })
		}},
		{"two neighbours changed places", func(r *rand.Rand, lines []Line) []Line {
			i := pick(r, lines[:len(lines)-1], is(Received))
			if i >= 0 && lines[i+1].Process == lines[i].Process {
				lines[i].Time, lines[i+1].Time = lines[i+1].Time, lines[i].Time
				lines[i], lines[i+1] = lines[i+1], lines[i]
			}
			return lines
		}},
		{"a device left a session alone", func(r *rand.Rand, lines []Line) []Line {
			device, uri := fmt.Sprint("d", r.IntN(4)), fmt.Sprint("s", r.IntN(3))
			return slices.DeleteFunc(lines, func(l Line) bool { return l.Device == device && l.URI == uri })
		}},
		{"a post had no outcome", func(r *rand.Rand, lines []Line) []Line {
			i := pick(r, lines, is(Unknown))
			if i < 0 {
				return lines
			}
			return slices.Delete(lines, i, i+1)
		}},
	}
	for _, k := range []Kind{Send, Accepted, Refused, Subscribed, Received, Closed, Member, Fault, Stop, Log, End} {
		all = append(all, mutation{"lost: " + string(k), func(r *rand.Rand, lines []Line) []Line {
			if i := pick(r, lines, is(k)); i >= 0 {
				lines = slices.Delete(lines, i, i+1)
			}
			return lines
		}}, mutation{"twice: " + string(k), func(r *rand.Rand, lines []Line) []Line {
			if i := pick(r, lines, is(k)); i >= 0 {
				lines = slices.Insert(lines, i, lines[i])
			}
			return lines
		}})
	}
	return all
}

// mutated returns the run of a seed after some mutations, numbered as its writers
// would have.
func mutated(seed uint64, names ...string) []Line {
	lines := newRun(seed)
	r := rand.New(rand.NewPCG(seed, 3))
	for _, name := range names {
		i := slices.IndexFunc(mutations(), func(m mutation) bool { return m.name == name })
		lines = mutations()[i].do(r, lines)
	}
	next := map[string]int{}
	for i := range lines {
		if lines[i].Number == 0 {
			lines[i].Number = next[lines[i].Process]
		}
		next[lines[i].Process]++
	}
	return lines
}
