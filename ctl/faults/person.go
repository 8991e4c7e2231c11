package faults

import (
	"context"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chatire/chatire/pkg/client"
)

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
	return p.change(ctx, uri, first.Seq)
}

// change does one more thing to every fourth message of one's own.
func (p *Person) change(ctx context.Context, uri string, seq int64) error {
	err := again(ctx, func() error {
		var err error
		switch p.posts % 12 {
		case 0:
			_, err = p.Client.Edit(ctx, uri, seq, fmt.Sprintf("message %d of %s, in other words", p.posts, p.Name))
		case 4:
			err = p.Client.React(ctx, uri, seq, "👍")
		case 8:
			err = p.Client.Delete(ctx, uri, seq)
		}
		return unlessRefused(err)
	})
	if err != nil {
		return fmt.Errorf("change of %s: %w", p.Name, err)
	}
	return nil
}

// unlessRefused forgives what a change is told by a server to whom it makes no sense any
// more: its author was removed or signed out, or a backup without the message came back.
func unlessRefused(err error) error {
	answer, ok := errors.AsType[*client.Error](err)
	if ok && slices.Contains([]int{401, 403, 404, 409}, answer.Status) {
		return nil
	}
	return err
}

func anyRoom(p *Person) string {
	rooms := p.Rooms()
	return rooms[mrand.IntN(len(rooms))]
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
