package conversations_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

var (
	seed  = flag.Uint64("seed", rand.Uint64(), "of the random conversations")
	steps = flag.Int("steps", 60, "that each person takes in a random conversation")
)

// TestConvergence has people do at random whatever one can do, with devices that come
// and go. In the end each device, whether it heard of something live or later, must
// show what the server has, byte for byte.
func TestConvergence(t *testing.T) {
	t.Logf("-seed %d", *seed)
	eachSite(t, func(t *testing.T, s *site) {
		p := newParty(t, s, 6, 2)
		var busy sync.WaitGroup
		for i, g := range p.guests {
			busy.Go(func() { g.act(rand.New(rand.NewPCG(*seed, uint64(i)))) })
		}
		busy.Wait()
		p.reunite()
		for _, room := range p.rooms {
			want := p.truth(room)
			for _, g := range p.guests {
				for _, d := range g.devices {
					d.until("all is there", room, func(v *client.View) bool { return v.Head == want.head })
					d.mu.Lock()
					got := portrait(d.view(room))
					d.mu.Unlock()
					if got != want.portrait {
						t.Errorf("a device of %s shows\n%s\ninstead of\n%s", g.name, got, want.portrait)
					}
				}
			}
		}
		t.Logf("%d actions, %d refused; the rooms have %d events; devices were cut off %d times",
			p.done.Load(), p.refused.Load(), p.events(), p.cuts.Load())
	})
}

// party is people who do what comes to their mind.
type party struct {
	t       *testing.T
	s       *site
	guests  []*guest
	rooms   []string
	done    atomic.Int64
	refused atomic.Int64
	cuts    atomic.Int64
}

// guest is one of them.
type guest struct {
	*person
	p       *party
	devices []*device
	stop    []func() // of the devices
}

func newParty(t *testing.T, s *site, guests, rooms int) *party {
	t.Helper()
	p := &party{t: t, s: s}
	for i := range guests {
		p.guests = append(p.guests, &guest{person: s.signUp(fmt.Sprintf("guest%d", i)), p: p})
	}
	for i := range rooms {
		owner := p.guests[i]
		room := owner.open()
		for _, g := range p.guests {
			if g != owner {
				must(t, g.Join(t.Context(), room))
			}
		}
		p.rooms = append(p.rooms, room)
	}
	for _, g := range p.guests {
		for at := range 2 {
			ctx, cancel := context.WithCancel(context.Background())
			d, done := g.run(ctx, at, p.rooms...)
			g.devices = append(g.devices, d)
			g.stop = append(g.stop, func() { cancel(); <-done })
		}
	}
	t.Cleanup(func() {
		for _, g := range p.guests {
			for _, stop := range g.stop {
				stop()
			}
		}
	})
	return p
}

// act takes random steps. Much of what is tried is refused, as it should be.
func (g *guest) act(random *rand.Rand) {
	for range *steps {
		room := g.p.rooms[random.IntN(len(g.p.rooms))]
		if random.IntN(8) == 0 {
			g.cut(random.IntN(len(g.devices)))
		}
		err := g.step(random, room)
		g.p.done.Add(1)
		refused, ok := errors.AsType[*client.Error](err)
		switch {
		case err == nil:
		case ok && slices.Contains([]int{400, 403, 404, 409}, refused.Status):
			g.p.refused.Add(1)
		default:
			g.t.Errorf("%s: %v", g.name, err)
			return
		}
	}
}

// step does one thing.
func (g *guest) step(random *rand.Rand, room string) error {
	ctx := g.t.Context()
	other := g.p.guests[random.IntN(len(g.p.guests))]
	emoji := []string{"👍", "❤", "🎉", "😀"}[random.IntN(4)]
	details, err := g.Session(ctx, room)
	if err != nil {
		return g.Join(ctx, room)
	}
	seq := 1 + random.Int64N(details.Head)
	switch random.IntN(16) {
	case 0, 1, 2:
		_, err = g.Post(ctx, room, fmt.Sprintf("%s says %d to @%s", g.name, random.IntN(1000), other.name), "")
	case 3:
		_, err = g.Reply(ctx, room, "an answer", "", seq)
	case 4, 5:
		if mine := g.mine(random, room); mine != 0 {
			_, err = g.Edit(ctx, room, mine, fmt.Sprintf("%s means %d, @%s", g.name, random.IntN(1000), other.name))
		}
	case 6:
		if random.IntN(3) == 0 {
			seq = g.mine(random, room)
		}
		err = g.Delete(ctx, room, seq)
	case 7, 8, 9:
		err = g.React(ctx, room, seq, emoji)
	case 10:
		err = g.Unreact(ctx, room, seq, emoji)
	case 11:
		_, err = g.SetTitle(ctx, room, fmt.Sprintf("title %d", random.IntN(100)))
	case 12:
		roles := []chat.Role{chat.RoleModerator, chat.RoleMember, chat.RoleReader, chat.RoleOwner}
		_, err = g.SetRole(ctx, room, other.name, roles[random.IntN(len(roles))])
	case 13:
		err = g.Remove(ctx, room, other.name)
	case 14:
		if err = g.Ban(ctx, room, other.name); err == nil {
			err = g.Unban(ctx, room, other.name)
		}
	case 15:
		_, err = g.SetAccess(ctx, room, []chat.Access{chat.AccessLink, chat.AccessInvite}[random.IntN(2)])
		if err == nil {
			_, err = g.SetAccess(ctx, room, chat.AccessLink)
		}
	}
	return err
}

// mine returns a message of one's own, 0 if there is none.
func (g *guest) mine(random *rand.Rand, room string) int64 {
	history, err := g.History(g.t.Context(), room, chat.HistoryPage{})
	if err != nil {
		return 0
	}
	var own []int64
	for _, m := range history.Messages {
		if m.User.ID == g.id {
			own = append(own, m.Seq)
		}
	}
	if len(own) == 0 {
		return 0
	}
	return own[random.IntN(len(own))]
}

// cut ends a device's connection and has another device go on from where it stood, at
// the other process if there are two.
func (g *guest) cut(i int) {
	g.stop[i]()
	old := g.devices[i]
	ctx, cancel := context.WithCancel(context.Background())
	d, done := g.run(ctx, i+int(g.p.cuts.Add(1)))
	old.mu.Lock()
	views := maps.Clone(old.views)
	old.mu.Unlock()
	d.mu.Lock()
	d.views = views
	d.mu.Unlock()
	d.resume(g.p.rooms...)
	g.devices[i], g.stop[i] = d, func() { cancel(); <-done }
}

// resume subscribes from what is shown already.
func (d *device) resume(rooms ...string) {
	for _, room := range rooms {
		d.mu.Lock()
		head := d.view(room).Head
		d.mu.Unlock()
		d.Subscribe(client.Position{URI: room, After: head})
	}
}

// reunite has everybody join again, and watch.
func (p *party) reunite() {
	p.t.Helper()
	for _, room := range p.rooms {
		for _, g := range p.guests {
			owner := p.ownerOf(room)
			_, err := owner.SetAccess(p.t.Context(), room, chat.AccessLink)
			must(p.t, err)
			must(p.t, owner.Unban(p.t.Context(), room, g.name))
			must(p.t, g.Join(p.t.Context(), room))
		}
	}
	for _, g := range p.guests {
		for _, d := range g.devices {
			d.resume(p.rooms...)
		}
	}
}

func (p *party) ownerOf(room string) *guest {
	p.t.Helper()
	for _, g := range p.guests {
		if d, err := g.Session(p.t.Context(), room); err == nil && d.Role == chat.RoleOwner {
			return g
		}
	}
	p.t.Fatal("a session without an owner")
	return nil
}

func (p *party) events() (n int64) {
	for _, room := range p.rooms {
		n += p.truth(room).head
	}
	return n
}

// truth is what the server has of a room.
type truth struct {
	head     int64
	portrait string
}

// truth asks each process, and compares what they say.
func (p *party) truth(room string) truth {
	p.t.Helper()
	ctx := p.t.Context()
	var said []truth
	for _, process := range p.s.processes {
		c, err := client.New(process.url, client.WithToken(p.guests[0].token))
		must(p.t, err)
		d, err := c.Session(ctx, room)
		must(p.t, err)
		v := client.NewView()
		v.Head, v.Title, v.Access, v.Closed = d.Head, d.Title, d.Access, d.Closed
		for _, m := range d.Members {
			v.Members[m.User.ID] = m
		}
		messages := allMessages(ctx, p.t, c, room)
		c.Close()
		said = append(said, truth{d.Head, draw(v, messages)})
	}
	for _, t := range said {
		if t != said[0] {
			p.t.Errorf("two processes say\n%s\nand\n%s", t.portrait, said[0].portrait)
		}
	}
	return said[0]
}

func allMessages(ctx context.Context, t *testing.T, c *client.Client, room string) (all []client.Message) {
	t.Helper()
	for after := int64(0); ; {
		page, err := c.History(ctx, room, chat.HistoryPage{After: &after})
		must(t, err)
		all = append(all, page.Messages...)
		if !page.HasMore {
			return all
		}
		after = all[len(all)-1].Seq
	}
}

// portrait is all that a device shows of a session, as text.
func portrait(v *client.View) string { return draw(v, v.Messages()) }

func draw(v *client.View, messages []client.Message) string {
	type member struct {
		ID   int64
		Role chat.Role
	}
	type message struct {
		client.Message
		User int64
	}
	var picture struct {
		Head     int64
		Title    string
		Access   chat.Access
		Closed   bool
		Members  []member
		Messages []message
	}
	picture.Head, picture.Title, picture.Access, picture.Closed = v.Head, v.Title, v.Access, v.Closed
	for id, m := range v.Members {
		picture.Members = append(picture.Members, member{id, m.Role})
	}
	slices.SortFunc(picture.Members, func(a, b member) int { return cmp.Compare(a.ID, b.ID) })
	for _, m := range messages {
		if len(m.Mentions) == 0 {
			m.Mentions = nil
		}
		if len(m.Reactions) == 0 {
			m.Reactions = nil
		}
		m.CreatedDate = m.CreatedDate.Truncate(time.Microsecond)
		id := m.User.ID
		m.User = chat.PublicUser{}
		picture.Messages = append(picture.Messages, message{m, id})
	}
	text, err := json.MarshalIndent(picture, "", " ")
	if err != nil {
		panic(err) // numbers and strings always encode
	}
	return string(text)
}
