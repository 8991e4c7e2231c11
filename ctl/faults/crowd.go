package faults

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
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

// adopt takes in somebody whom nobody waits for.
func (c *Crowd) adopt(p *Person) {
	p.excused.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.guests = append(c.guests, p)
}

func (c *Crowd) complain(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends = append(c.ends, err)
}

// AwaitSaid waits until everybody has said what they have to say.
func (c *Crowd) AwaitSaid() { c.posting.Wait() }

// Hush has nobody begin a post any more, and waits for those under way.
func (c *Crowd) Hush() {
	c.hushed.Store(true)
	c.posting.Wait()
}
