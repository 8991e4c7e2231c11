package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/store"
)

// accessCases end what people may see, during a burst of messages.
func accessCases() []Case {
	return []Case{
		{
			Name: "access-ended", What: "People are removed, revoked, signed out and disabled, with the broker up: nothing comes after 1 s.",
			Crowd: busyCrowd(), Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error { return endAccess(ctx, r, time.Second) },
			End:   noteLongest,
		},
		{
			Name: "access-ended-without-broker", What: "The same without a broker: nothing comes after 2 s.",
			Crowd: busyCrowd(), Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				r.APIToBroker.Refuse()
				r.WorkerToBroker.Refuse()
				err := endAccess(ctx, r, 2*time.Second)
				r.APIToBroker.Heal()
				r.WorkerToBroker.Heal()
				return err
			},
			End: noteLongest,
		},
	}
}

func busyCrowd() CrowdPlan {
	plan := usualCrowd
	plan.Pause = 250 * time.Millisecond
	return plan
}

// victim is somebody whose access to a room ends.
type victim struct {
	*Person
	name   string
	owner  *Person // of the room
	other  string  // another token of the same user
	room   string
	device int64 // the id of the device's token
}

// endAccess ends the access of four people in four ways, and measures until when
// events reach them.
func endAccess(ctx context.Context, r *Run, allowed time.Duration) error {
	s, err := store.Open(ctx, chat.Secret(r.Database), store.Options{Connections: 2})
	if err != nil {
		return err
	}
	defer s.Close()
	ways := map[string]func(v *victim) error{
		"removed":    func(v *victim) error { return v.owner.Client.Remove(ctx, v.room, v.Name) },
		"revoked":    func(v *victim) error { return r.Crowd.nobody.As(v.other).RevokeToken(ctx, v.device) },
		"signed out": func(v *victim) error { return v.Client.SignOut(ctx) },
		"disabled":   func(v *victim) error { return r.Ctl(ctx, "user", "disable", v.Name, "--local", "--yes") },
	}
	var all errgroup.Group
	for name, way := range ways {
		all.Go(func() error {
			v, err := newVictim(ctx, r, s, name)
			if err != nil {
				return fmt.Errorf("prepare one to be %s: %w", name, err)
			}
			return v.endBy(ctx, r, way, allowed)
		})
	}
	return all.Wait()
}

// victims counts them, so that each has another name.
var victims struct {
	sync.Mutex
	n int
}

func newVictim(ctx context.Context, r *Run, s *store.Store, name string) (*victim, error) {
	victims.Lock()
	victims.n++
	username := fmt.Sprintf("victim%d", victims.n)
	victims.Unlock()
	p, err := r.Crowd.newPerson(ctx, s, username)
	if err != nil {
		return nil, err
	}
	room := r.Crowd.Rooms[victims.n%len(r.Crowd.Rooms)]
	v := &victim{Person: p, name: name, room: room, other: newToken(), owner: r.Crowd.People[victims.n%len(r.Crowd.Rooms)]}
	if err := p.Join(ctx, room); err != nil {
		return nil, err
	}
	who, err := s.CreateToken(ctx, chat.Token{UserID: p.ID}, chat.DigestOf(chat.Secret(v.other)), time.Hour)
	if err != nil {
		return nil, err
	}
	var tokens []client.Token
	err = again(ctx, func() (err error) {
		tokens, err = r.Crowd.nobody.As(v.other).Tokens(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, t := range tokens {
		if t.ID != who.ID {
			v.device = t.ID
		}
	}
	r.Crowd.adopt(p)
	p.Connect(r.Crowd.living)
	return v, r.Crowd.await(ctx, 10*time.Second, func() bool { return p.seen(room) > 1 })
}

// endBy ends the access and watches what still comes.
func (v *victim) endBy(ctx context.Context, r *Run, way func(v *victim) error, allowed time.Duration) error {
	began := v.Recorder.Now()
	if err := again(ctx, func() error { return unlessDone(way(v)) }); err != nil {
		return fmt.Errorf("have one %s: %w", v.name, err)
	}
	answered := time.Now()
	v.Recorder.Member(v.room, v.ID, "remove", began)
	sleep(ctx, allowed+500*time.Millisecond)
	last := v.lastSeen().Sub(answered)
	r.atMost("until the last event to one who was "+v.name, last)
	if last > allowed {
		return fmt.Errorf("an event came %v after one was %s", last, v.name)
	}
	if last < -5*time.Second {
		return errors.New("nothing came before that either")
	}
	return nil
}

// unlessDone takes the answer that there is nothing to end for success: an earlier try
// did it, and its answer was lost.
func unlessDone(err error) error {
	answer, ok := errors.AsType[*client.Error](err)
	if ok && (answer.Status == http.StatusNotFound || answer.Status == http.StatusUnauthorized) {
		return nil
	}
	return err
}

func (p *Person) seen(uri string) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at[uri]
}

func (p *Person) lastSeen() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}
