package faults

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/history"
	"github.com/chatire/chatire/pkg/store"
)

// CrowdPlan is how many talk how much.
type CrowdPlan struct {
	People int // each has one device
	Rooms  int
	Each   int // how many rooms each person is in

	// Pause is the longest pause between two posts of a person; the mean is half of it.
	// 0 has nobody post.
	Pause time.Duration

	// Loss is the share of requests that the network loses, and of answers.
	Loss float64

	// Messages is after how many a person has said enough; 0: when the crowd is stopped.
	Messages int
}

// Crowd is people with a device each who talk in rooms, and the history of what they
// see.
type Crowd struct {
	People []*Person
	Rooms  []string
	Driver *history.Recorder // notes faults
	Folder string            // of the histories

	in        *Installation
	plan      CrowdPlan
	transport *LossyTransport
	nobody    *client.Client
	posting   sync.WaitGroup
	connected sync.WaitGroup
	hushed    atomic.Bool        // nobody begins a post
	living    context.Context    // ends with the devices
	hangUp    context.CancelFunc // ends the devices
	chapter   int
	began     time.Time

	mu     sync.Mutex // guards all below
	acked  map[string]int64
	posts  int
	ends   []error
	guests []*Person       // whom nobody waits for
	back   []time.Duration // how long devices were without a connection
}

// Person is one user with one device.
type Person struct {
	ID       int64
	Name     string
	Token    string
	Client   *client.Client
	Recorder client.Recorded

	// Slow is how long the device takes over each event.
	Slow time.Duration

	disconnect context.CancelFunc
	crowd      *Crowd
	device     *client.Device
	posts      int
	asleep     atomic.Pointer[chan struct{}] // not nil: the device reads nothing until it is closed
	excused    atomic.Bool                   // nobody waits for the device

	mu     sync.Mutex // guards all below
	rooms  []string
	at     map[string]int64
	last   time.Time // when the last event came
	resets int
	lost   time.Time // when the connection was lost
}

// NewCrowd signs people up and has them open and join rooms.
func NewCrowd(ctx context.Context, in *Installation, folder string, plan CrowdPlan) (*Crowd, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("make folder of histories: %w", err)
	}
	c := &Crowd{in: in, plan: plan, Folder: folder, acked: map[string]int64{}, began: time.Now()}
	var apis []string
	for _, p := range in.APIs {
		apis = append(apis, p.Listen)
	}
	c.transport = NewLossyTransport(apis...)
	var err error
	c.nobody, err = client.New("http://"+apis[0], client.WithWebsockets(in.Sockets()...), client.WithTransport(c.transport))
	if err != nil {
		return nil, err
	}
	if c.Driver, err = history.CreateRecorder(folder, "nemesis"); err != nil {
		return nil, err
	}
	if err := c.signUp(ctx); err != nil {
		return nil, fmt.Errorf("sign up: %w", err)
	}
	if err := c.openRooms(ctx); err != nil {
		return nil, fmt.Errorf("open rooms: %w", err)
	}
	c.transport.Lose(plan.Loss)
	return c, nil
}

// signUp makes the accounts in the database itself: what a password costs is not the
// point here.
func (c *Crowd) signUp(ctx context.Context) error {
	s, err := store.Open(ctx, chat.Secret(c.in.Database), store.Options{Connections: 4})
	if err != nil {
		return err
	}
	defer s.Close()
	c.People = make([]*Person, c.plan.People)
	var g errgroup.Group
	g.SetLimit(4)
	for i := range c.People {
		g.Go(func() (err error) {
			c.People[i], err = c.newPerson(ctx, s, fmt.Sprintf("person%d", i))
			return err
		})
	}
	return g.Wait()
}

func (c *Crowd) newPerson(ctx context.Context, s *store.Store, name string) (*Person, error) {
	user, err := s.CreateUser(ctx, chat.User{Username: name})
	if err != nil {
		return nil, err
	}
	token := newToken()
	if _, err := s.CreateToken(ctx, chat.Token{UserID: user.ID}, chat.DigestOf(chat.Secret(token)), 30*24*time.Hour); err != nil {
		return nil, err
	}
	recorder, err := history.CreateRecorder(c.Folder, "c-"+name)
	if err != nil {
		return nil, err
	}
	return &Person{
		ID: user.ID, Name: name, Token: token, Client: c.nobody.As(token), Recorder: client.Recorded{Recorder: recorder},
		crowd: c, at: map[string]int64{},
	}, nil
}

func newToken() string {
	var random [20]byte
	rand.Read(random[:])
	return hex.EncodeToString(random[:])
}

// again calls f until it succeeds.
func again(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// openRooms opens the rooms, each by another person, and has everybody join some.
func (c *Crowd) openRooms(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for i := range c.plan.Rooms {
		owner := c.People[i%len(c.People)]
		began := owner.Recorder.Now()
		uri, err := owner.Client.CreateSession(ctx, fmt.Sprintf("room%d", i))
		if err != nil {
			return err
		}
		c.Rooms = append(c.Rooms, uri)
		owner.rooms = append(owner.rooms, uri)
		owner.Recorder.Member(uri, owner.ID, "add", began)
	}
	var g errgroup.Group
	g.SetLimit(8)
	for i, p := range c.People {
		g.Go(func() error {
			for k := 0; len(p.Rooms()) < c.plan.Each; k++ {
				if err := p.Join(ctx, c.Rooms[(i+1+k)%len(c.Rooms)]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// Join has a person join a room, unless they are in it.
func (p *Person) Join(ctx context.Context, uri string) error {
	if slices.Contains(p.Rooms(), uri) {
		return nil
	}
	began := p.Recorder.Now()
	if err := again(ctx, func() error { return p.Client.Join(ctx, uri) }); err != nil {
		return err
	}
	p.Recorder.Member(uri, p.ID, "add", began)
	p.mu.Lock()
	p.rooms = append(p.rooms, uri)
	p.mu.Unlock()
	if p.device != nil {
		p.device.Subscribe(client.Position{URI: uri})
	}
	return nil
}

// Leave has a person leave a room.
func (p *Person) Leave(ctx context.Context, uri string) error {
	began := p.Recorder.Now()
	if err := again(ctx, func() error { return unlessDone(p.Client.Leave(ctx, uri)) }); err != nil {
		return err
	}
	p.Recorder.Member(uri, p.ID, "remove", began)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rooms = slices.DeleteFunc(slices.Clone(p.rooms), func(room string) bool { return room == uri })
	delete(p.at, uri)
	return nil
}

// Rooms returns the rooms that the person is in. They are not changed any more.
func (p *Person) Rooms() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rooms[:len(p.rooms):len(p.rooms)]
}

// Start connects all devices and has everybody talk.
func (c *Crowd) Start(ctx context.Context) error {
	c.living, c.hangUp = context.WithCancel(context.WithoutCancel(ctx))
	for _, p := range c.People {
		p.Connect(c.living)
	}
	if err := c.await(ctx, patience, func() bool { return c.behind(nil) == 0 }); err != nil {
		return fmt.Errorf("connect all devices: %w", err)
	}
	if c.plan.Pause > 0 {
		c.Talk()
	}
	return nil
}

// Talk has everybody talk until Hush.
func (c *Crowd) Talk() {
	c.hushed.Store(false)
	for _, p := range c.People {
		c.posting.Go(func() { p.talk(c.living) })
	}
}

// Quiet has nobody talk, and waits until all that was said has come.
func (c *Crowd) Quiet(ctx context.Context) error {
	c.Hush()
	heads := c.heads()
	return c.await(ctx, deliveryPatience, func() bool { return c.behind(heads) == 0 })
}

// NextChapter completes the histories by the log as it is now, and has everybody go on
// with new ones. It is called while nobody talks.
func (c *Crowd) NextChapter(ctx context.Context) error {
	c.Driver.Stop()
	logs, err := c.readLogs(ctx)
	if err != nil {
		return err
	}
	if err := c.writeLogs(logs); err != nil {
		return err
	}
	c.chapter++
	c.Folder = fmt.Sprintf("%s-%d", strings.TrimSuffix(c.Folder, fmt.Sprintf("-%d", c.chapter-1)), c.chapter)
	if err := os.MkdirAll(c.Folder, 0o755); err != nil {
		return err
	}
	if err := c.Driver.Continue(c.Folder); err != nil {
		return err
	}
	for _, p := range c.People {
		if err := p.Recorder.Continue(c.Folder); err != nil {
			return err
		}
		for _, uri := range p.Rooms() {
			p.Recorder.Member(uri, p.ID, "add", p.Recorder.Now())
		}
	}
	c.transport.Lose(c.plan.Loss)
	return nil
}

// resets counts how often devices were told to begin anew, once for each time that all
// of a device's rooms were.
func (c *Crowd) resets() int {
	n := 0
	for _, p := range c.People {
		p.mu.Lock()
		n += p.resets / len(p.rooms)
		p.mu.Unlock()
	}
	return n
}

// forgetHeads forgets what was accepted by a log that is gone.
func (c *Crowd) forgetHeads() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.acked)
}

// adopt takes in somebody whom nobody waits for.
func (c *Crowd) adopt(p *Person) {
	p.excused.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.guests = append(c.guests, p)
}

// Connect runs the person's device until Disconnect or the end of the crowd.
func (p *Person) Connect(ctx context.Context) {
	ctx, p.disconnect = context.WithCancel(ctx)
	hooks := client.Hooks{OnEvent: p.see, OnOpen: p.opened, OnClose: p.closed, OnReset: p.reset}
	p.device = p.Client.Device(client.DeviceOptions{Hooks: p.Recorder.Watch("device-"+p.Name, p.ID, hooks)})
	for _, uri := range p.Rooms() {
		p.device.Subscribe(client.Position{URI: uri})
	}
	device := p.device
	p.crowd.connected.Go(func() {
		if err := device.Run(ctx); err != nil && !p.excused.Load() {
			p.crowd.complain(fmt.Errorf("device of %s: %w", p.Name, err))
		}
	})
}

// Disconnect ends the person's device for good.
func (p *Person) Disconnect() { p.disconnect() }

func (p *Person) see(e client.Event) {
	time.Sleep(p.Slow)
	if gate := p.asleep.Load(); gate != nil {
		<-*gate
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[e.URI] = e.Seq
	p.last = time.Now()
}

// Sleep has the device read nothing until wake is called.
func (p *Person) Sleep() (wake func()) {
	gate := make(chan struct{})
	p.asleep.Store(&gate)
	return sync.OnceFunc(func() {
		p.asleep.Store(nil)
		close(gate)
	})
}

func (p *Person) reset(at client.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[at.URI] = at.After
	p.resets++
}

func (p *Person) opened(string) {
	p.mu.Lock()
	lost := p.lost
	p.lost = time.Time{}
	p.mu.Unlock()
	if !lost.IsZero() {
		p.crowd.mu.Lock()
		defer p.crowd.mu.Unlock()
		p.crowd.back = append(p.crowd.back, time.Since(lost))
	}
}

func (p *Person) closed(error, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost.IsZero() {
		p.lost = time.Now()
	}
}

// Back returns how long devices that lost their connection were without one, since it
// was last asked.
func (c *Crowd) Back() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	back := c.back
	c.back = nil
	return back
}

func (c *Crowd) complain(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends = append(c.ends, err)
}

// talk posts until the crowd is hushed. What was begun is finished.
func (p *Person) talk(ctx context.Context) {
	for !p.crowd.hushed.Load() && ctx.Err() == nil {
		if most := p.crowd.plan.Messages; most > 0 && p.posts == most {
			return
		}
		if err := p.Say(ctx, anyRoom(p)); err != nil {
			p.crowd.complain(err)
			return
		}
		select {
		case <-time.After(mrand.N(p.crowd.plan.Pause)):
		case <-ctx.Done():
		}
	}
}

// Say posts one message, now and then twice, until its outcome is known. Only the
// goroutine that talks calls it.
func (p *Person) Say(ctx context.Context, uri string) error {
	p.posts++
	id, text := fmt.Sprintf("%s-%d", p.Name, p.posts), fmt.Sprintf("message %d of %s", p.posts, p.Name)
	first, err := p.Recorder.PostReliably(ctx, p.Client, p.ID, uri, text, id)
	if err != nil {
		return fmt.Errorf("post of %s: %w", p.Name, err)
	}
	p.crowd.noteAck(uri, first.Seq)
	if mrand.IntN(20) == 0 {
		if _, err := p.Recorder.PostReliably(ctx, p.Client, p.ID, uri, text, id); err != nil {
			return fmt.Errorf("second post of %s: %w", p.Name, err)
		}
	}
	return nil
}

func anyRoom(p *Person) string {
	rooms := p.Rooms()
	return rooms[mrand.IntN(len(rooms))]
}

func (c *Crowd) noteAck(uri string, seq int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acked[uri] = max(c.acked[uri], seq)
	c.posts++
}

// Posts is how many messages were accepted so far.
func (c *Crowd) Posts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.posts
}

// heads returns the highest seq that was accepted in each room.
func (c *Crowd) heads() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	heads := make(map[string]int64, len(c.acked))
	for uri, seq := range c.acked {
		heads[uri] = seq
	}
	return heads
}

// behind counts the devices that have not come to these heads, or know nothing of a
// room of theirs yet.
func (c *Crowd) behind(heads map[string]int64) int {
	n := 0
	for _, p := range c.People {
		if p.isBehind(heads) {
			n++
		}
	}
	return n
}

func (p *Person) isBehind(heads map[string]int64) bool {
	if p.excused.Load() || p.asleep.Load() != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, uri := range p.rooms {
		if p.at[uri] == 0 || p.at[uri] < heads[uri] {
			return true
		}
	}
	return false
}

// await polls until something is so.
func (c *Crowd) await(ctx context.Context, patience time.Duration, is func() bool) error {
	for end := time.Now().Add(patience); ; {
		if is() {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within %v", patience)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Recovered waits until posts are accepted and reach every device within a second
// again, and returns how long that took.
func (c *Crowd) Recovered(ctx context.Context) (time.Duration, error) {
	began, posts := time.Now(), c.Posts()
	for time.Since(began) < patience {
		if err := c.await(ctx, patience, func() bool { return c.Posts() > posts+len(c.Rooms) }); err != nil {
			return 0, fmt.Errorf("posts are not accepted again: %w", err)
		}
		heads := c.heads()
		if c.await(ctx, time.Second, func() bool { return c.behind(heads) == 0 }) == nil {
			return time.Since(began), nil
		}
	}
	return 0, fmt.Errorf("%d devices are behind after %v", c.behind(c.heads()), patience)
}

// Finish ends the talk, waits until all is delivered, and completes the histories.
func (c *Crowd) Finish(ctx context.Context) error {
	c.Hush()
	c.Driver.Stop()
	logs, err := c.readLogs(ctx)
	if err == nil {
		err = c.awaitDelivery(ctx, logs)
	}
	c.hangUp()
	c.connected.Wait()
	c.transport.Close()
	closing := c.closeHistories(logs)
	if err == nil {
		err = closing
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && len(c.ends) > 0 {
		err = fmt.Errorf("%d of the crowd gave up, the first: %w", len(c.ends), c.ends[0])
	}
	return err
}

// AwaitSaid waits until everybody has said what they have to say.
func (c *Crowd) AwaitSaid() { c.posting.Wait() }

// Hush has nobody begin a post any more, and waits for those under way.
func (c *Crowd) Hush() {
	c.hushed.Store(true)
	c.posting.Wait()
}

func (c *Crowd) readLogs(ctx context.Context) (map[string][]client.Event, error) {
	c.transport.Lose(0)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	logs := map[string][]client.Event{}
	for i, uri := range c.Rooms {
		reader := c.People[i%len(c.People)] // its owner
		err := again(ctx, func() (err error) {
			logs[uri], err = reader.Client.AllEvents(ctx, uri)
			return err
		})
		if err != nil {
			return logs, fmt.Errorf("read the log of %s: %w", uri, err)
		}
	}
	return logs, nil
}

// deliveryPatience is a little more than what the checker allows, so that it is the
// checker that says no.
const deliveryPatience = 12 * time.Second

func (c *Crowd) awaitDelivery(ctx context.Context, logs map[string][]client.Event) error {
	heads := map[string]int64{}
	for uri, log := range logs {
		heads[uri] = int64(len(log))
	}
	_ = c.await(ctx, deliveryPatience, func() bool { return c.behind(heads) == 0 }) // the checker says what is missing
	return ctx.Err()
}

func (c *Crowd) closeHistories(logs map[string][]client.Event) error {
	err := c.writeLogs(logs)
	recorders := []*history.Recorder{c.Driver}
	for _, p := range slices.Concat(c.People, c.guests) {
		recorders = append(recorders, p.Recorder.Recorder)
	}
	for _, r := range recorders {
		if closing := r.Close(); err == nil {
			err = closing
		}
	}
	return err
}

// writeLogs notes what the log is at the end.
func (c *Crowd) writeLogs(logs map[string][]client.Event) error {
	final, err := history.CreateRecorder(c.Folder, "final-api")
	if err != nil {
		return err
	}
	for uri, events := range logs {
		final.Log("api", uri, client.RowsOf(events))
	}
	return final.Close()
}

// Judge has the histories checked.
func (c *Crowd) Judge(o history.Options) (history.Report, error) {
	lines, damaged, err := history.Read(c.Folder)
	if err != nil {
		return history.Report{}, err
	}
	o.Damaged = damaged
	return history.Check(lines, o), nil
}

// historyFolder is where a crowd of an installation in a folder writes.
func historyFolder(folder string) string { return filepath.Join(folder, "history") }
