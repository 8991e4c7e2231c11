package store_test

import (
	"testing"
	"time"

	"github.com/chatire/chatire/api"
	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/boot/boottest"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/store"
)

// site is an API process on a database.
type site struct {
	t     *testing.T
	store *store.Store
	nosy  *client.Client // nobody
	stop  func()
}

func startSite(t *testing.T, database chat.Secret) *site {
	t.Helper()
	s := &site{t: t}
	p := boottest.Start(t, boottest.Options{
		Database: database,
		Settings: []string{"CHATIRE_RATE_LIMIT=off"},
		Programs: []boot.New{func(k *boot.Kit) (boot.Program, error) {
			s.store = k.Store
			return api.New(k)
		}},
	})
	var err error
	s.nosy, err = client.New(p.URL)
	s.must(err)
	s.stop = func() {
		s.nosy.Close()
		p.Stop()
	}
	return s
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

const lifePassword = "correct-horse-9"

// guest signs up and in.
func (s *site) guest(name, email string) *guest {
	s.t.Helper()
	account, err := s.nosy.SignUp(s.t.Context(), name, lifePassword, email)
	s.must(err)
	return s.returns(name, account.ID)
}

// returns signs somebody in who has an account.
func (s *site) returns(name string, id int64) *guest {
	s.t.Helper()
	token, err := s.nosy.SignIn(s.t.Context(), name, lifePassword, "phone of "+name)
	s.must(err)
	return &guest{Client: s.nosy.As(token), name: name, token: token, id: id}
}

// guest is somebody with an account, signed in.
type guest struct {
	*client.Client
	name, token string
	id          int64
}

// life is what an installation has after everything has happened in it.
type life struct {
	ada, bob   *guest
	room       string
	head       int64
	robot      string // a token that a document has made
	seen, sent string // a message that was edited, and the client id of one
}

// live has everything happen that leaves a trace in some table.
func (s *site) live() *life {
	t, ctx := s.t, s.t.Context()
	w := &life{ada: s.guest("ada", "ada@example.com"), bob: s.guest("Бөб", ""), seen: "the second wording, with wörds 🎉", sent: "sent-once"}
	eve, gone := s.guest("eve", "EVE@example.com"), s.guest("gone", "gone@example.com")
	s.must(s.store.SetAdmin(ctx, w.ada.id, true))
	admin := w.ada.Admin()

	room, err := w.ada.CreateSession(ctx, "my-room")
	s.must(err)
	w.room = room
	_, err = w.ada.SetTitle(ctx, room, "A \\ title with 'signs' and \"quotes\"")
	s.must(err)
	invite, err := w.ada.CreateInvite(ctx, room, chat.NewInvite{Role: chat.RoleMember, MaxUses: 5, Life: time.Hour})
	s.must(err)
	void, err := w.ada.CreateInvite(ctx, room, chat.NewInvite{})
	s.must(err)
	s.must(w.ada.RevokeInvite(ctx, room, void.ID))
	_, err = w.bob.AcceptInvite(ctx, invite.Code)
	s.must(err)
	for _, g := range []*guest{eve, gone} {
		s.must(g.Join(ctx, room))
	}
	first := w.say(s, w.ada, "hello @Бөб", w.sent)
	reply, err := w.bob.Reply(ctx, room, "line\nafter\r\nline \\N \\. , \"", "", first)
	s.must(err)
	second := w.say(s, w.ada, "the first wording", "")
	_, err = w.ada.Edit(ctx, room, second, w.seen)
	s.must(err)
	s.must(w.bob.Delete(ctx, room, w.say(s, w.bob, "taken back", "")))
	s.must(w.ada.React(ctx, room, reply.Seq, "👍"))
	s.must(w.bob.React(ctx, room, reply.Seq, "👍"))
	s.must(w.bob.React(ctx, room, first, "❤️"))
	s.must(w.bob.Unreact(ctx, room, first, "❤️"))
	s.must(w.ada.Ban(ctx, room, "eve"))
	_, err = w.ada.SetRole(ctx, room, w.bob.name, chat.RoleModerator)
	s.must(err)
	s.must(w.bob.SetNotify(ctx, room, chat.NotifyMentions))
	s.must(w.bob.MarkRead(ctx, room, second))
	w.say(s, gone, "said by somebody who will be gone", "")
	s.must(gone.DeleteAccount(ctx, lifePassword))

	closed, err := w.bob.CreateSession(ctx, "")
	s.must(err)
	s.must(w.bob.CloseSession(ctx, closed))
	erased, err := w.bob.CreateSession(ctx, "")
	s.must(err)
	_, err = w.bob.Post(ctx, erased, "soon erased", "")
	s.must(err)
	s.must(w.bob.EraseSession(ctx, erased))
	purge(t, s.store)

	s.must(admin.DisableUser(ctx, "eve"))
	robot, err := admin.CreateToken(ctx, w.bob.name, "robot", time.Hour)
	s.must(err)
	w.robot = string(robot.AuthToken)
	_, err = admin.CreateToken(ctx, w.bob.name, "the last one", time.Hour)
	s.must(err)
	s.lastTokenEnds(w.bob)
	password := chat.Secret(lifePassword)
	_, err = admin.Apply(ctx, "team", []chat.Document{
		{Kind: chat.KindUser, Name: "bot", User: &chat.UserSpec{Password: &password}},
	}, false)
	s.must(err)

	page, err := w.ada.AllEvents(ctx, room)
	s.must(err)
	w.head = page[len(page)-1].Seq
	return w
}

// say posts in the room.
func (w *life) say(s *site, g *guest, text, clientID string) int64 {
	s.t.Helper()
	m, err := g.Post(s.t.Context(), w.room, text, clientID)
	s.must(err)
	return m.Seq
}

// lastTokenEnds revokes a user's newest token, whose id is the greatest that there is.
func (s *site) lastTokenEnds(g *guest) {
	s.t.Helper()
	tokens, err := g.Tokens(s.t.Context())
	s.must(err)
	s.must(g.RevokeToken(s.t.Context(), tokens[0].ID))
}

// purge clears erased sessions away.
func purge(t *testing.T, s *store.Store) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = s.Purge(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
	}
}
