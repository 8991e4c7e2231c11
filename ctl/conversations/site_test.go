package conversations_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chatire/chatire/api"
	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/boot/boottest"
	"github.com/chatire/chatire/pkg/bus/bustest"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/store/storetest"
	"github.com/chatire/chatire/worker"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
	)
}

// patience bounds every wait of these tests.
const patience = 20 * time.Second

// site is an installation: one process with all of it, or two.
type site struct {
	t         *testing.T
	processes []*process
}

// process is an API and a worker.
type process struct {
	url string
	kit *boot.Kit
}

// eachSite tells a story on both databases, one with each bus.
func eachSite(t *testing.T, story func(t *testing.T, s *site), settings ...string) {
	t.Helper()
	t.Run("sqlite and memory", func(t *testing.T) {
		story(t, &site{t, []*process{start(t, storetest.SQLite(t), "memory://", settings)}})
	})
	t.Run("postgres and rabbitmq", func(t *testing.T) {
		database, bus := storetest.Postgres(t), bustest.AMQP(t)
		story(t, &site{t, []*process{start(t, database, bus, settings), start(t, database, bus, settings)}})
	})
}

func start(t *testing.T, database chat.Secret, bus string, settings []string) *process {
	t.Helper()
	p := &process{}
	p.url = boottest.Start(t, boottest.Options{
		Database: database,
		Settings: append([]string{"CHATIRE_BUS_URL=" + bus, "CHATIRE_RATE_LIMIT=off"}, settings...),
		Programs: []boot.New{
			func(k *boot.Kit) (boot.Program, error) { p.kit = k; return api.New(k) },
			worker.New,
		},
	}).URL
	eventually(t, "the bus is connected", func() bool {
		publisher, subscriber := p.kit.Bus.Up()
		return publisher && subscriber
	})
	return p
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("waited in vain until %s", what)
}

// person is a user with an API client at one of the processes.
type person struct {
	*client.Client
	t     *testing.T
	s     *site
	id    int64
	name  string
	token string
}

func (s *site) signUp(name string) *person {
	s.t.Helper()
	p := &person{t: s.t, s: s, name: name}
	password := "correct-horse-9"
	nobody, err := client.New(s.processes[0].url)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nobody.Close)
	account, err := nobody.SignUp(s.t.Context(), name, password, "")
	if err != nil {
		s.t.Fatal(err)
	}
	if p.token, err = nobody.SignIn(s.t.Context(), name, password, ""); err != nil {
		s.t.Fatal(err)
	}
	p.id, p.Client = account.ID, nobody.As(p.token)
	return p
}

// open opens a session of the person with these members.
func (p *person) open(members ...*person) string {
	p.t.Helper()
	uri, err := p.CreateSession(p.t.Context(), "")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, m := range members {
		must(p.t, m.Join(p.t.Context(), uri))
	}
	return uri
}

// say posts a message and returns its seq.
func (p *person) say(uri, text string) int64 {
	p.t.Helper()
	m, err := p.Post(p.t.Context(), uri, text, "")
	must(p.t, err)
	return m.Seq
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantStatus checks that something was refused, and how.
func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	refused, ok := errors.AsType[*client.Error](err)
	if !ok || refused.Status != status {
		t.Errorf("got %v instead of a %d", err, status)
	}
}

// device is what one device of a person shows.
type device struct {
	*client.Device
	t     *testing.T
	owner *person

	mu       sync.Mutex // guards all below
	views    map[string]*client.View
	ends     map[string]string
	notices  []string
	online   map[string]map[int64]bool
	counts   map[string]int
	presence int // frames
	typing   map[string]int
}

// devices returns two devices of a person, each at another process if there are two,
// that watch sessions from the beginning. They do so when it returns: of what ends a
// session those who watch it later are not told.
func (p *person) devices(uris ...string) (a, b *device) {
	p.t.Helper()
	a, b = p.device(0, uris...), p.device(1, uris...)
	for _, uri := range uris {
		for _, d := range []*device{a, b} {
			d.until("somebody is there", uri, func(v *client.View) bool { return len(v.Members) > 0 })
		}
	}
	return a, b
}

// device returns a running device at one of the processes.
func (p *person) device(at int, uris ...string) *device {
	p.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	d, done := p.run(ctx, at, uris...)
	p.t.Cleanup(func() { stop(); <-done })
	return d
}

// run has a device run until ctx ends.
func (p *person) run(ctx context.Context, at int, uris ...string) (d *device, done chan struct{}) {
	d = &device{
		t: p.t, owner: p, views: map[string]*client.View{}, ends: map[string]string{},
		online: map[string]map[int64]bool{}, counts: map[string]int{}, typing: map[string]int{},
	}
	process := p.s.processes[at%len(p.s.processes)]
	c := p.Client.At("ws" + strings.TrimPrefix(process.url, "http") + "/ws/")
	d.Device = c.Device(client.DeviceOptions{Hooks: d.hooks()})
	d.watch(uris...)
	done = make(chan struct{})
	go func() {
		defer close(done)
		_ = d.Run(ctx)
	}()
	return d, done
}

func (d *device) hooks() client.Hooks {
	locked := func(f func()) {
		d.mu.Lock()
		defer d.mu.Unlock()
		f()
	}
	return client.Hooks{
		OnEvent: func(e client.Event) { locked(func() { d.view(e.URI).Apply(e) }) },
		OnEnd:   func(uri, reason string) { locked(func() { d.ends[uri] = reason }) },
		OnNotice: func(n chat.Notice, uri string, seq int64) {
			locked(func() { d.notices = append(d.notices, fmt.Sprintf("%s %s %d", n, uri, seq)) })
		},
		OnPresence: func(uri string, p client.Presence) { locked(func() { d.see(uri, p) }) },
		OnTyping:   func(uri string, _ int64, name string) { locked(func() { d.typing[uri+" "+name]++ }) },
	}
}

// see takes a frame about who is there. The lock is held.
func (d *device) see(uri string, p client.Presence) {
	d.presence++
	d.counts[uri] = p.Count
	if p.Online != nil || p.Count > 0 || d.online[uri] == nil {
		d.online[uri] = map[int64]bool{}
	}
	for _, id := range append(p.Online, p.Joined...) {
		d.online[uri][id] = true
	}
	for _, id := range p.Left {
		delete(d.online[uri], id)
	}
}

// view returns what the device shows of a session. The lock is held.
func (d *device) view(uri string) *client.View {
	v := d.views[uri]
	if v == nil {
		v = client.NewView()
		d.views[uri] = v
	}
	return v
}

func (d *device) watch(uris ...string) {
	for _, uri := range uris {
		d.Subscribe(client.Position{URI: uri})
	}
}

// until waits until the device shows something of a session.
func (d *device) until(what, uri string, is func(v *client.View) bool) {
	d.t.Helper()
	eventually(d.t, d.owner.name+" sees that "+what, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return is(d.view(uri))
	})
}

// shows waits until a message is on both devices as it should be.
func shows(uri string, seq int64, what string, is func(m client.Message) bool, devices ...*device) {
	for _, d := range devices {
		d.t.Helper()
		d.until(what, uri, func(v *client.View) bool {
			for _, m := range v.Messages() {
				if m.Seq == seq {
					return is(m)
				}
			}
			return false
		})
	}
}

// ended waits until a session is over for a device.
func (d *device) ended(uri, reason string) {
	d.t.Helper()
	eventually(d.t, d.owner.name+"'s device is told "+reason, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.ends[uri] == reason
	})
}

// noticed waits for a notice.
func (d *device) noticed(notice chat.Notice, uri string, seq int64) {
	d.t.Helper()
	want := fmt.Sprintf("%s %s %d", notice, uri, seq)
	eventually(d.t, d.owner.name+" is told "+want, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, n := range d.notices {
			if n == want {
				return true
			}
		}
		return false
	})
}
