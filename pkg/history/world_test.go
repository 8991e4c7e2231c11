package history

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// world makes up a run that keeps the promise.
type world struct {
	*rand.Rand
	now     int64
	lines   []Line
	users   []string
	logs    map[string][]Row
	inside  map[memberKey]bool
	devices []*worldDevice
}

type worldDevice struct {
	name string
	user ID
	conn int
	at   map[string]int64
}

const second = int64(1e9)

// newRun returns the lines of a run. Every seed is another one.
func newRun(seed uint64) []Line {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 1)), now: second, logs: map[string][]Row{}, inside: map[memberKey]bool{}}
	w.begin()
	for i := range 60 {
		w.step(i)
	}
	w.end()
	return w.lines
}

func (w *world) add(process string, l Line) {
	w.now += w.Int64N(3) * 1000 // now and then at the same moment
	l.Time, l.Process = w.now, process
	w.lines = append(w.lines, l)
}

func (w *world) uris() []string { return []string{"s0", "s1", "s2"} }

func (w *world) begin() {
	w.users = []string{`"ada"`, `"bob"`, `7`}
	for _, uri := range w.uris() {
		for _, user := range w.users {
			w.join(uri, ID(user))
		}
	}
	for i, user := range append(w.users, w.users[0]) {
		d := &worldDevice{name: fmt.Sprint("d", i), user: ID(user), at: map[string]int64{}}
		w.devices = append(w.devices, d)
		w.connect(d)
	}
}

func (w *world) append(uri string, r Row) {
	r.Seq = int64(len(w.logs[uri]) + 1)
	r.ID, r.Rev = r.Seq, r.Seq
	w.logs[uri] = append(w.logs[uri], r)
}

func (w *world) join(uri string, user ID) {
	began := w.now
	w.append(uri, Row{User: user, Sum: "joined"})
	w.inside[memberKey{uri, user}] = true
	w.now += 1000
	w.add("admin", Line{Kind: Member, URI: uri, User: user, Op: "add", Began: began})
}

func (w *world) leave(uri string, user ID) {
	began := w.now
	w.append(uri, Row{User: user, Sum: "left"})
	w.now += 1000
	w.add("admin", Line{Kind: Member, URI: uri, User: user, Op: "remove", Began: began})
	w.inside[memberKey{uri, user}] = false
}

// connect opens a connection and subscribes to what the device's user may watch.
func (w *world) connect(d *worldDevice) {
	if d.conn > 0 {
		w.add(d.name, Line{Kind: Closed, Device: d.name, Conn: d.conn, Code: 1006})
	}
	d.conn++
	w.add(d.name, Line{Kind: Opened, Device: d.name, User: d.user, Conn: d.conn})
	for _, uri := range w.uris() {
		if !w.inside[memberKey{uri, d.user}] {
			continue
		}
		from := d.at[uri]
		if from > 0 && w.IntN(10) == 0 {
			from-- // a client may read again what it has
		}
		d.at[uri] = from
		w.add(d.name, Line{Kind: Subscribed, Device: d.name, Conn: d.conn, URI: uri, From: from, Epoch: "e"})
	}
}

// deliver brings a device up to the head of everything.
func (w *world) deliver(d *worldDevice) {
	for _, uri := range w.uris() {
		if !w.inside[memberKey{uri, d.user}] {
			continue
		}
		for _, r := range w.logs[uri][d.at[uri]:] {
			w.add(d.name, Line{
				Kind: Received, Device: d.name, Conn: d.conn, URI: uri,
				Seq: r.Seq, ID: r.ID, ClientID: r.ClientID, User: r.User, Sum: r.Sum, Rev: r.Rev,
			})
			d.at[uri] = r.Seq
		}
	}
}

func (w *world) step(i int) {
	uri, user := w.uris()[w.IntN(3)], ID(w.users[w.IntN(len(w.users))])
	switch luck := w.IntN(20); {
	case luck == 0 && w.inside[memberKey{uri, user}]:
		w.leave(uri, user)
	case luck <= 1 && !w.inside[memberKey{uri, user}]:
		w.join(uri, user)
		for _, d := range w.devices {
			if d.user == user {
				w.connect(d)
			}
		}
	case luck == 2:
		w.connect(w.devices[w.IntN(len(w.devices))])
	case luck == 3:
		w.fault(fmt.Sprint("fault ", i))
	case luck == 4:
		w.edit(uri)
	default:
		w.post(uri, user, fmt.Sprint("c", i))
	}
	for _, d := range w.devices {
		if w.IntN(2) == 0 {
			w.deliver(d)
		}
	}
}

func (w *world) fault(name string) {
	w.add("nemesis", Line{Kind: Fault, Name: name, Phase: "begin"})
	w.now += second / 2
	w.add("nemesis", Line{Kind: Fault, Name: name, Phase: "end"})
}

// edit changes the text of a message; those who have had it keep what they had.
func (w *world) edit(uri string) {
	log := w.logs[uri]
	at := w.IntN(len(log))
	if log[at].ClientID == nil {
		return
	}
	w.append(uri, Row{User: log[at].User, Sum: "edited"})
	w.logs[uri][at].Sum = fmt.Sprint("edited ", w.now)
	w.logs[uri][at].Rev = int64(len(log) + 1)
}

func (w *world) post(uri string, user ID, id string) {
	writer := "c-" + string(user)
	sum := "sum of " + id
	send := func(try int) {
		w.add(writer, Line{Kind: Send, ClientID: &id, URI: uri, User: user, Sum: sum, Try: try})
	}
	send(1)
	switch luck := w.IntN(10); {
	case luck == 0:
		w.add(writer, Line{Kind: Refused, ClientID: &id, Status: 429})
		return
	case luck == 1:
		w.add(writer, Line{Kind: Unknown, ClientID: &id, Why: "timeout"})
		return
	case luck == 2: // stored, and nobody was told
		w.append(uri, Row{ClientID: &id, User: user, Sum: sum})
		w.add(writer, Line{Kind: Unknown, ClientID: &id, Why: "timeout"})
		return
	}
	w.append(uri, Row{ClientID: &id, User: user, Sum: sum})
	seq := int64(len(w.logs[uri]))
	for try := range 1 + w.IntN(3)/2 {
		if try > 0 {
			send(try + 1)
		}
		w.add(writer, Line{Kind: Accepted, ClientID: &id, Status: 200, Seq: seq, ID: seq})
	}
}

func (w *world) end() {
	w.fault("last")
	w.add("nemesis", Line{Kind: Stop})
	for _, d := range w.devices {
		w.connect(d)
		w.deliver(d)
	}
	for _, source := range []string{"api", "sql"} {
		for _, uri := range w.uris() {
			w.add("final-"+source, Line{Kind: Log, Source: source, URI: uri, Rows: slices.Clone(w.logs[uri])})
		}
	}
	var writers []string
	for _, l := range w.lines {
		if !slices.Contains(writers, l.Process) {
			writers = append(writers, l.Process)
		}
	}
	for _, writer := range writers {
		w.add(writer, Line{Kind: End})
	}
}
