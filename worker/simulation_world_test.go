package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/config"
	"github.com/chatire/chatire/pkg/history"
)

// The size of a world: small, so that ten thousand of them are seen.
const (
	simRooms   = 2
	simUsers   = 4 // the last one's token is revoked in some worlds
	simDevices = 5 // the first user has two
	simWorkers = 2
	simPosts   = 12 // of each of the posters
	simPosters = 2
)

// world is one simulation: real hubs, connections, appenders and devices over a
// database, a bus and a network that are made up.
type world struct {
	log     *simLog
	bus     *simBus
	workers []*simWorker
	posters []*chat.Appender
	devices []*simDevice
	rooms   []string
	book    *history.Book
	driver  *history.Recorder
	client  *client.Client

	running sync.WaitGroup // all but hubs
	stop    context.CancelFunc
	posting sync.WaitGroup
	lossy   atomic.Bool // posters lose half of the answers
	wrong   []string
}

// simWorker is a worker process. A new hub takes the place of one that crashed.
type simWorker struct {
	world *world

	mu     sync.Mutex // guards all below
	worker *Worker    // nil while it is down
	bridge *bridge
	back   chan struct{}
	end    func()
	links  []*simConn // the workers' ends
}

type simDevice struct {
	name   string
	user   int64
	secret chat.Secret
	device *client.Device
	gone   atomic.Bool // its token was revoked

	mu   sync.Mutex // guards all below
	link *simConn   // its own end of the connection
	at   map[string]int64
	show map[string]*client.View
	last time.Time // when the last event came
}

func uriOf(room int) string    { return fmt.Sprintf("%015x", room+1) }
func secretOf(n int) string    { return fmt.Sprintf("%040x", n+1) }
func nameOf(user int64) string { return fmt.Sprint("user", user) }

func newWorld() *world {
	ctx, stop := context.WithCancel(context.Background())
	w := &world{log: newSimLog(), book: history.NewBook(), stop: stop}
	w.bus = &simBus{world: w}
	w.bus.mood.Store(&mood{})
	w.driver = w.book.Recorder("driver")
	for i := range simRooms {
		s := &simSession{Session: chat.Session{ID: int64(i + 1), URI: uriOf(i)}, members: map[int64]bool{}, ids: map[string]int64{}}
		w.log.sessions[s.URI], w.log.byID[s.ID] = s, s
		w.rooms = append(w.rooms, s.URI)
		for user := int64(1); user <= simUsers; user++ {
			began := w.driver.Now()
			w.log.change(s.URI, user, true)
			w.driver.Member(s.URI, user, "add", began)
		}
	}
	for range simWorkers {
		sw := &simWorker{world: w}
		w.workers = append(w.workers, sw)
		sw.start()
	}
	for range simPosters {
		a := chat.NewAppender(w.log, w.bus, prometheus.NewRegistry())
		w.posters = append(w.posters, a)
		w.running.Go(func() { _ = a.Run(ctx) })
	}
	w.connect(ctx)
	return w
}

// connect starts the devices.
func (w *world) connect(ctx context.Context) {
	var sockets []string
	for i := range w.workers {
		sockets = append(sockets, fmt.Sprintf("ws://worker-%d/ws/", i))
	}
	nobody, err := client.New("http://nowhere", client.WithWebsockets(sockets...))
	if err != nil {
		panic(err) // the addresses are good
	}
	w.client = nobody
	for i := range simDevices {
		d := &simDevice{
			name: fmt.Sprint("device", i), user: int64(i%simUsers + 1), secret: chat.Secret(secretOf(i)), at: map[string]int64{}, show: map[string]*client.View{},
		}
		w.log.mu.Lock()
		w.log.tokens[d.secret] = chat.Identity{User: chat.User{ID: d.user, Username: nameOf(d.user)}, Token: chat.Token{ID: int64(i + 1), UserID: d.user}}
		w.log.mu.Unlock()
		w.devices = append(w.devices, d)
		recorded := client.Recorded{Recorder: w.book.Recorder(d.name)}
		d.device = nobody.As(string(d.secret)).Device(client.DeviceOptions{
			Hooks: recorded.Watch(d.name, d.user, client.Hooks{OnEvent: d.see, OnEnd: func(uri, reason string) { w.ended(d, uri, reason) }}),
			Dial:  func(_ context.Context, _, address string) (net.Conn, error) { return w.dial(d, address) },
		})
		for _, uri := range w.rooms {
			d.device.Subscribe(client.Position{URI: uri})
		}
		w.running.Go(func() {
			if err := d.device.Run(ctx); err != nil && !d.gone.Load() {
				w.complain("%s ended: %v", d.name, err)
			}
		})
	}
}

func (w *world) complain(format string, args ...any) {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

func (d *simDevice) see(e client.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at[e.URI] = e.Seq
	if d.show[e.URI] == nil {
		d.show[e.URI] = client.NewView()
	}
	d.show[e.URI].Apply(e)
	d.last = time.Now()
}

// compare sees that every device of a member shows what the log has.
func (w *world) compare() {
	for uri, s := range w.log.sessions {
		truth := client.NewView()
		for _, e := range s.events {
			e = s.joined(e)
			told, err := client.Frame{Text: chat.EventFrame(&e)}.Event()
			if err != nil {
				w.complain("event %d cannot be read: %v", e.Seq, err)
			}
			truth.Apply(told)
		}
		for _, d := range w.devices {
			if d.gone.Load() || !s.members[d.user] {
				continue
			}
			if got, want := picture(d.show[uri]), picture(truth); got != want {
				w.complain("%s shows of %s\n%s\ninstead of\n%s", d.name, uri, got, want)
			}
		}
	}
}

// picture is the messages that a view shows, as text; who never got an event has no view.
func picture(v *client.View) string {
	var b strings.Builder
	if v == nil {
		return ""
	}
	for _, m := range v.Messages() {
		fmt.Fprintln(&b, m.Seq, m.Rev, m.User.ID, m.Text, m.Reactions, m.Edited, m.Deleted)
	}
	return b.String()
}

// ended has a device watch a room again when it may: a removal may be followed by a
// return that the device hears of by other means.
func (w *world) ended(d *simDevice, uri, reason string) {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	if reason == "not_found" && w.log.sessions[uri].members[d.user] {
		w.wrong = append(w.wrong, fmt.Sprintf("%s is a member of %s and was told not_found", d.name, uri))
	}
}

var errAway = errors.New("the worker is away")

// dial connects a device with a worker.
func (w *world) dial(d *simDevice, address string) (net.Conn, error) {
	i := int(address[len("worker-")] - '0')
	near, far := newLink()
	if !w.workers[i].accept(far) {
		return nil, errAway
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.link = near
	return near, nil
}

var noLog = slog.New(slog.DiscardHandler)

// start runs a new hub, unless there is one.
func (s *simWorker) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.worker != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	m := newMetrics(prometheus.NewRegistry())
	hub := newHub(ctx, HubOptions{
		Store: s.world.log, Users: s.world.log, Bus: hubBus{}, Log: noLog, Limits: config.RateLimit{Off: true}, Connections: 1000,
	}, m)
	epoch := "epoch"
	hub.epochNow.Store(&epoch)
	w := &Worker{metrics: m, hub: hub, handshake: newHandshake("", nil, newDoors(config.RateLimit{Off: true})), upgrader: newUpgrader(gwsLog{noLog}), stop: stop}
	b := newBridge(hub, nil, noLog, 256)
	wait := b.startLanes(ctx)
	back := make(chan struct{}, 1)
	hub.spawn(func() { hub.probeLoop(ctx, back) })
	hub.spawn(func() { hub.mendLoop(ctx) })
	hub.spawn(func() { hub.pulseLoop(ctx) })
	s.worker, s.bridge, s.back, s.links = w, b, back, nil
	s.end = func() {
		stop()
		hub.running.Wait()
		wait()
		s.world.checkEmpty(hub)
	}
}

// crash ends a worker as a power cut does.
func (s *simWorker) crash() {
	s.mu.Lock()
	end, links := s.end, s.links
	s.worker, s.bridge, s.end = nil, nil, nil
	s.mu.Unlock()
	if end == nil {
		return
	}
	for _, link := range links {
		link.cut()
	}
	end()
}

// checkEmpty sees that a hub that has ended has kept nothing.
func (w *world) checkEmpty(h *Hub) {
	if n := h.budget.kept.Load(); len(h.conns) != 0 || len(h.byUser) != 0 || len(h.cursors()) != 0 || n != 0 || len(h.pages.room) != 0 {
		w.complain("a hub ended with %d connections, %d users, %d cursors, %d bytes, %d pages",
			len(h.conns), len(h.byUser), len(h.cursors()), n, len(h.pages.room))
	}
}

func (s *simWorker) receive(pack *bus.Pack) {
	s.mu.Lock()
	b := s.bridge
	s.mu.Unlock()
	if b != nil {
		b.take(pack)
	}
}

func (s *simWorker) busIsBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.worker != nil {
		select {
		case s.back <- struct{}{}:
		default:
		}
	}
}

// accept serves a connection as the worker does after its HTTP server.
func (s *simWorker) accept(conn *simConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.worker
	if w == nil {
		return false
	}
	s.links = append(s.links, conn)
	addr := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	w.hub.spawn(func() {
		in := bufio.NewReader(conn)
		request, err := http.ReadRequest(in)
		if err != nil || !w.handshake.doors.enter(addr) {
			conn.cut()
			return
		}
		early, _ := in.Peek(in.Buffered())
		w.serve(conn, slices.Clone(early), request, addr, "")
	})
	return true
}

// post sends one message until its outcome is known, through one API or another.
func (w *world) post(r *rand.Rand, rec *history.Recorder, user int64, uri, id string) {
	text := "text of " + id
	session := w.log.sessions[uri]
	draft := chat.Draft{SessionID: session.ID, UserID: user, ClientID: &id, Body: text, Sum: chat.SumOf(text)}
	event := chat.Event{SessionID: session.ID, URI: uri, Type: chat.EventMessage, User: chat.User{ID: user}, Body: text, ClientID: &id}
	for try := 1; ; try++ {
		rec.Write(history.Line{Kind: history.Send, ClientID: &id, URI: uri, User: history.UserID(user), Sum: history.Sum(text), Try: try})
		outcome, err := w.posters[r.IntN(len(w.posters))].Post(context.Background(), draft, event)
		switch {
		case err != nil || w.lossy.Load() && r.IntN(2) == 0:
			rec.Write(history.Line{Kind: history.Unknown, ClientID: &id, Why: "no answer"})
			time.Sleep(time.Duration(50+r.IntN(200)) * time.Millisecond)
		case outcome.Verdict == chat.Stranger:
			rec.Write(history.Line{Kind: history.Refused, ClientID: &id, Status: 404})
			return
		default:
			rec.Write(history.Line{Kind: history.Accepted, ClientID: &id, Status: 200, Seq: outcome.Seq, ID: outcome.Seq})
			if r.IntN(10) > 0 {
				return
			} // else once more, as after a lost answer
		}
	}
}

// talk has the posters say what they have to say.
func (w *world) talk(r *rand.Rand) {
	for i := range simPosters {
		own := rand.New(rand.NewPCG(r.Uint64(), uint64(i)))
		rec := w.book.Recorder(fmt.Sprint("poster", i))
		w.posting.Go(func() {
			for n := range simPosts {
				room := w.rooms[own.IntN(len(w.rooms))]
				w.post(own, rec, int64(i+1), room, fmt.Sprintf("p%d-%d", i, n))
				if e, ok := w.log.alter(own, room, int64(i+1)); ok && own.IntN(2) == 0 {
					w.bus.PublishEvents([]chat.Event{e}, nil)
				} // else the word of it is lost
				time.Sleep(time.Duration(own.IntN(500)) * time.Millisecond)
			}
			_ = rec.Close()
		})
	}
}

// settled says that every device of a member has all there is.
func (w *world) settled() bool {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	for _, d := range w.devices {
		d.mu.Lock()
		for uri, s := range w.log.sessions {
			if !d.gone.Load() && s.members[d.user] && d.at[uri] < s.Head {
				d.mu.Unlock()
				return false
			}
		}
		d.mu.Unlock()
	}
	return true
}

// finish heals everything, waits until all is delivered, ends the world and returns
// what the checker says.
func (w *world) finish(faults int) history.Report {
	w.posting.Wait()
	w.driver.Stop()
	for range 200 {
		if w.settled() {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // what comes too often comes now
	w.stop()
	for _, s := range w.workers {
		s.crash()
	}
	w.running.Wait()
	w.compare()
	for _, uri := range w.rooms {
		var rows []history.Row
		for _, e := range w.log.sessions[uri].events {
			row := history.Row{Seq: e.Seq, ID: e.Seq, ClientID: e.ClientID, User: history.UserID(e.User.ID), Sum: history.Sum(e.Body), Rev: e.Rev}
			rows = append(rows, row)
		}
		w.driver.Log("sql", uri, rows)
	}
	_ = w.driver.Close()
	o := history.DefaultOptions()
	o.MinAccepted, o.MinFaults = 1, faults
	report := history.Check(w.book.Lines(), o)
	if len(w.wrong) > 0 && report.Verdict == history.Pass {
		report.Verdict = history.Fail
	}
	report.Invalid = append(report.Invalid, w.wrong...)
	return report
}
