package ctl_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/history"
)

// The size of the crowd: enough that everything happens, few enough for every run.
const (
	crowdPeople   = 200
	crowdRooms    = 50
	crowdMessages = 20_000
	crowdRetries  = 0.05 // of messages are sent once more after their answer
)

// TestEveryDeviceGetsEveryEvent has a crowd talk over a bad network while parts of
// the installation fail. At the end each device must have had every event of its
// sessions, once and in order, and each message must be in the log where its answer
// said.
func TestEveryDeviceGetsEveryEvent(t *testing.T) {
	t.Run("two APIs and two workers", func(t *testing.T) {
		in := startCluster(t)
		c := newCrowd(t, in)
		c.talk(t, func() {
			c.fault("broker away", func() {
				in.broker.Refuse()
				time.Sleep(20 * time.Second)
				in.broker.Heal()
			})
		}, func() {
			time.Sleep(5 * time.Second)
			c.fault("worker killed", func() {
				in.workers[0].kill()
				time.Sleep(5 * time.Second)
				in.workers[0].start()
			})
		})
		c.judge(t)
	})
	t.Run("one process", func(t *testing.T) {
		in := startOne(t)
		c := newCrowd(t, in)
		c.talk(t, func() {
			time.Sleep(3 * time.Second)
			c.fault("killed", func() {
				in.everybody[0].kill()
				in.everybody[0].start()
			})
		})
		c.judge(t)
	})
}

// crowd is people with a device each, in rooms.
type crowd struct {
	in     *installation
	people []*crowdPerson
	rooms  []string
	nobody *client.Client
	driver *history.Recorder
	folder string // of the histories

	mu   sync.Mutex
	sent map[string]client.Message // by client id: what the answer said
}

type crowdPerson struct {
	id       int64
	client   *client.Client
	rooms    []string
	recorder client.Recorded
	device   *client.Device

	mu   sync.Mutex
	seen map[string][]client.Event // by uri, in the order they came
}

// newCrowd signs people up and has each join some rooms.
func newCrowd(t *testing.T, in *installation) *crowd {
	t.Helper()
	ctx := withTimeout(t)
	c := &crowd{in: in, folder: os.Getenv("CHATIRE_TEST_HISTORY"), sent: map[string]client.Message{}}
	if c.folder == "" {
		c.folder = t.TempDir()
	} else {
		c.folder += "/" + fmt.Sprint(len(in.everybody), "-processes")
		if err := os.MkdirAll(c.folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	network := &badNetwork{apis: in.apis, next: &http.Transport{MaxIdleConnsPerHost: 64}, roll: rand.Float64}
	nobody, err := client.New("http://"+in.apis[0].listen, client.WithWebsockets(in.sockets()...), client.WithTransport(network))
	if err != nil {
		t.Fatal(err)
	}
	c.nobody = nobody
	t.Cleanup(func() { network.next.(*http.Transport).CloseIdleConnections() })
	if c.driver, err = history.CreateRecorder(c.folder, "nemesis"); err != nil {
		t.Fatal(err)
	}
	c.signUp(t, ctx)
	c.openRooms(t, ctx)
	return c
}

// again calls f until it succeeds: the network of the test loses one in twenty.
func again[T any](ctx context.Context, f func() (T, error)) (value T, err error) {
	for range 50 {
		if value, err = f(); err == nil || ctx.Err() != nil {
			return value, err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return value, err
}

func (c *crowd) signUp(t *testing.T, ctx context.Context) {
	t.Helper()
	store := c.in.openStore(t)
	c.people = make([]*crowdPerson, crowdPeople)
	var g errgroup.Group
	g.SetLimit(8)
	for i := range c.people {
		g.Go(func() error {
			// Straight into the database: what a password costs is not the point here.
			user, err := store.CreateUser(ctx, chat.User{Username: fmt.Sprintf("person%d", i)})
			if err != nil {
				return err
			}
			secret := fmt.Sprintf("%040x", rand.Uint64())
			if _, err := store.CreateToken(ctx, chat.Token{UserID: user.ID}, chat.DigestOf(chat.Secret(secret)), time.Hour); err != nil {
				return err
			}
			recorder, err := history.CreateRecorder(c.folder, fmt.Sprintf("c-%d", i))
			c.people[i] = &crowdPerson{
				id: user.ID, client: c.nobody.As(secret), recorder: client.Recorded{Recorder: recorder}, seen: map[string][]client.Event{},
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// openRooms opens the rooms; each person owns at most one and joins four others.
func (c *crowd) openRooms(t *testing.T, ctx context.Context) {
	t.Helper()
	for i := range crowdRooms {
		owner, began := c.people[i], c.driver.Now()
		uri, err := again(ctx, func() (string, error) { return owner.client.CreateSession(ctx, fmt.Sprintf("room%d", i)) })
		if err != nil {
			t.Fatal(err)
		}
		c.rooms = append(c.rooms, uri)
		owner.rooms = append(owner.rooms, uri)
		owner.recorder.Member(uri, owner.id, "add", began)
	}
	var g errgroup.Group
	g.SetLimit(16)
	for i, p := range c.people {
		g.Go(func() error {
			for k := range 4 {
				uri, began := c.rooms[(i+1+k*7)%crowdRooms], c.driver.Now()
				if _, err := again(ctx, func() (any, error) { return nil, p.client.Join(ctx, uri) }); err != nil {
					return fmt.Errorf("join: %w", err)
				}
				p.rooms = append(p.rooms, uri)
				p.recorder.Member(uri, p.id, "add", began)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// fault runs a fault and notes when it begins and ends.
func (c *crowd) fault(name string, run func()) {
	c.driver.Fault(name, "begin")
	run()
	c.driver.Fault(name, "end")
}

// talk connects everybody and has them post, with the faults beside it, until all
// is sent, healed and delivered.
func (c *crowd) talk(t *testing.T, faults ...func()) {
	t.Helper()
	ctx, stop := context.WithCancel(withTimeout(t))
	defer stop()
	var devices, all sync.WaitGroup
	for i, p := range c.people {
		p.device = p.client.Device(client.DeviceOptions{
			Hooks: p.recorder.Watch(fmt.Sprintf("device-%d", i), p.id, client.Hooks{OnEvent: p.see}),
		})
		for _, uri := range p.rooms {
			p.device.Subscribe(client.Position{URI: uri})
		}
		devices.Go(func() { _ = p.device.Run(ctx) })
	}
	for _, fault := range faults {
		all.Go(fault)
	}
	for i, p := range c.people {
		all.Go(func() { c.post(t, ctx, i, p) })
	}
	all.Wait()
	c.driver.Stop()
	if !t.Failed() {
		c.awaitDelivery(t, ctx)
	}
	stop()
	devices.Wait()
}

func (p *crowdPerson) see(e client.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[e.URI] = append(p.seen[e.URI], e)
}

// post sends one person's share, some of it once more.
func (c *crowd) post(t *testing.T, ctx context.Context, i int, p *crowdPerson) {
	for n := range crowdMessages / crowdPeople {
		uri := p.rooms[rand.IntN(len(p.rooms))]
		id, text := fmt.Sprintf("p%d-m%d", i, n), fmt.Sprintf("message %d of person %d", n, i)
		first, err := p.recorder.PostReliably(ctx, p.client, p.id, uri, text, id)
		if err != nil {
			t.Errorf("post: %v", err)
			return // the others go on, so that the test ends
		}
		if rand.Float64() < crowdRetries {
			if second, err := p.recorder.PostReliably(ctx, p.client, p.id, uri, text, id); err != nil || second.Seq != first.Seq {
				t.Errorf("a retry got seq %d instead of %d, %v", second.Seq, first.Seq, err)
			}
		}
		c.mu.Lock()
		c.sent[id] = first
		c.mu.Unlock()
		time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
	}
}

// awaitDelivery waits until every device has as many events as the log.
func (c *crowd) awaitDelivery(t *testing.T, ctx context.Context) {
	t.Helper()
	heads := map[string]int{}
	for uri, log := range c.logs(t, ctx) {
		heads[uri] = len(log)
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if c.delivered(heads) {
			return
		}
	}
	t.Errorf("not everything was delivered in time; the workers say: %v", c.in.settled())
}

func (c *crowd) delivered(heads map[string]int) bool {
	for _, p := range c.people {
		p.mu.Lock()
		for _, uri := range p.rooms {
			if len(p.seen[uri]) < heads[uri] {
				p.mu.Unlock()
				return false
			}
		}
		p.mu.Unlock()
	}
	return true
}

// logs reads every room's log by REST.
func (c *crowd) logs(t *testing.T, ctx context.Context) map[string][]client.Event {
	t.Helper()
	logs := map[string][]client.Event{}
	for i, uri := range c.rooms {
		events, err := again(ctx, func() ([]client.Event, error) { return c.people[i].client.AllEvents(ctx, uri) })
		if err != nil {
			t.Fatal(err)
		}
		logs[uri] = events
	}
	return logs
}

// judge compares what the devices saw with the log, and the log with the answers.
func (c *crowd) judge(t *testing.T) {
	t.Helper()
	ctx := withTimeout(t)
	logs := c.logs(t, ctx)
	c.judgeLogs(t, ctx, logs)
	for i, p := range c.people {
		for _, uri := range p.rooms {
			if len(p.seen[uri]) != len(logs[uri]) {
				t.Errorf("device %d saw %d of %d events", i, len(p.seen[uri]), len(logs[uri]))
				continue
			}
			for n, e := range p.seen[uri] {
				if want := logs[uri][n]; e.Seq != want.Seq || e.Message != want.Message || e.User.ID != want.User.ID {
					t.Fatalf("device %d saw %+v where the log has %+v", i, e, want)
				}
			}
		}
	}
	c.keepHistories(t, logs)
}

// judgeLogs checks that seqs have no gaps, that each message is there once, and
// where its answer said, and that the sessions' heads are right.
func (c *crowd) judgeLogs(t *testing.T, ctx context.Context, logs map[string][]client.Event) {
	t.Helper()
	store := c.in.openStore(t)
	stored := 0
	for i, uri := range c.rooms {
		for n, e := range logs[uri] {
			if e.Seq != int64(n+1) {
				t.Fatalf("seq %d stands at place %d", e.Seq, n+1)
			}
			if e.Type != chat.EventMessage {
				continue
			}
			stored++
			if answer, ok := c.sent[*e.ClientID]; !ok || answer.Seq != e.Seq || answer.Text != e.Message {
				t.Errorf("the log has %+v, the answer was %+v", e, answer)
			}
		}
		m, err := store.Membership(ctx, uri, c.people[i].id)
		if err != nil {
			t.Fatal(err)
		}
		if m.Session.Head != int64(len(logs[uri])) {
			t.Errorf("last_seq is %d, the log has %d events", m.Session.Head, len(logs[uri]))
		}
	}
	if stored != crowdMessages || len(c.sent) != crowdMessages {
		t.Errorf("%d messages are stored and %d were answered, of %d", stored, len(c.sent), crowdMessages)
	}
}

// keepHistories completes the histories, for whoever wants to check them by other
// means: CHATIRE_TEST_HISTORY names the folder that keeps them.
func (c *crowd) keepHistories(t *testing.T, logs map[string][]client.Event) {
	t.Helper()
	final, err := history.CreateRecorder(c.folder, "final-api")
	if err != nil {
		t.Fatal(err)
	}
	for uri, events := range logs {
		final.Log("api", uri, client.RowsOf(events))
	}
	recorders := []*history.Recorder{final, c.driver}
	for _, p := range c.people {
		recorders = append(recorders, p.recorder.Recorder)
	}
	for _, r := range recorders {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
