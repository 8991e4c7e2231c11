package conversations_test

import (
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

func (p *person) roleIn(uri string) chat.Role {
	p.t.Helper()
	d, err := p.Session(p.t.Context(), uri)
	must(p.t, err)
	return d.Role
}

func TestRoles(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, mod, bob, eve := s.signUp("ada"), s.signUp("mod"), s.signUp("bob"), s.signUp("eve")
		room := ada.open(mod, bob, eve)
		adas, alsoAdas := ada.devices(room)
		bobs, alsoBobs := bob.devices(room)

		t.Run("are given by the owner, and shown to all", func(t *testing.T) {
			_, err := ada.SetRole(t.Context(), room, "mod", chat.RoleModerator)
			must(t, err)
			_, err = ada.SetRole(t.Context(), room, "mod", chat.RoleModerator) // again
			must(t, err)
			for _, d := range []*device{adas, bobs} {
				d.until("mod moderates", room, func(v *client.View) bool { return v.Members[mod.id].Role == chat.RoleModerator })
			}
			_, err = mod.SetRole(t.Context(), room, "bob", chat.RoleModerator)
			wantStatus(t, err, 403)
			_, err = ada.SetRole(t.Context(), room, "bob", "king")
			wantStatus(t, err, 400)
			_, err = ada.SetRole(t.Context(), room, "nobody", chat.RoleReader)
			wantStatus(t, err, 404)
			_, err = ada.SetRole(t.Context(), room, "ada", chat.RoleMember)
			wantStatus(t, err, 409)
		})
		t.Run("a reader reads only", func(t *testing.T) {
			_, err := ada.SetRole(t.Context(), room, "eve", chat.RoleReader)
			must(t, err)
			_, err = eve.Post(t.Context(), room, "may I?", "")
			wantStatus(t, err, 403)
			wantStatus(t, eve.React(t.Context(), room, ada.say(room, "news"), "👍"), 403)
			_, err = eve.History(t.Context(), room, chat.HistoryPage{})
			must(t, err)
		})
		t.Run("a moderator removes members, and nobody above", func(t *testing.T) {
			wantStatus(t, mod.Remove(t.Context(), room, "ada"), 409)
			wantStatus(t, bob.Remove(t.Context(), room, "eve"), 403)
			wantStatus(t, mod.Ban(t.Context(), room, "ada"), 409)
			began := time.Now()
			must(t, mod.Remove(t.Context(), room, "bob"))
			bobs.ended(room, "removed")
			alsoBobs.ended(room, "removed")
			t.Logf("both devices of who was removed knew after %v", time.Since(began).Round(time.Millisecond))
			must(t, bob.Join(t.Context(), room)) // removed is not banned
		})
		t.Run("who is banned stays out", func(t *testing.T) {
			back, err := bob.Session(t.Context(), room)
			must(t, err)
			bobs.watch(room)
			bobs.until("bob is back", room, func(v *client.View) bool { return v.Head >= back.Head })
			must(t, mod.Ban(t.Context(), room, "bob"))
			must(t, mod.Ban(t.Context(), room, "bob")) // again
			bobs.ended(room, "removed")
			wantStatus(t, bob.Join(t.Context(), room), 403)
			_, err = ada.Add(t.Context(), room, "bob")
			wantStatus(t, err, 409)
			_, err = bob.Post(t.Context(), room, "still here?", "")
			wantStatus(t, err, 404)
			banned, err := mod.Bans(t.Context(), room)
			must(t, err)
			if len(banned) != 1 || banned[0].ID != bob.id {
				t.Errorf("banned are %+v", banned)
			}
			_, err = eve.Bans(t.Context(), room)
			wantStatus(t, err, 403)
			wantStatus(t, eve.Unban(t.Context(), room, "bob"), 403)
			must(t, mod.Unban(t.Context(), room, "bob"))
			must(t, bob.Join(t.Context(), room))
		})
		t.Run("moderators leave each other alone", func(t *testing.T) {
			_, err := ada.SetRole(t.Context(), room, "bob", chat.RoleModerator)
			must(t, err)
			wantStatus(t, mod.Remove(t.Context(), room, "bob"), 403)
			wantStatus(t, mod.Ban(t.Context(), room, "bob"), 403)
		})
		t.Run("the owner hands over", func(t *testing.T) {
			m, err := ada.SetRole(t.Context(), room, "mod", chat.RoleOwner)
			must(t, err)
			if m.Role != chat.RoleOwner || mod.roleIn(room) != chat.RoleOwner || ada.roleIn(room) != chat.RoleModerator {
				t.Errorf("now mod is %s and ada is %s", mod.roleIn(room), ada.roleIn(room))
			}
			for _, d := range []*device{adas, alsoAdas} {
				d.until("both roles are others", room, func(v *client.View) bool {
					return v.Members[mod.id].Role == chat.RoleOwner && v.Members[ada.id].Role == chat.RoleModerator
				})
			}
			must(t, ada.Leave(t.Context(), room)) // she could not before
			adas.ended(room, "left")
			alsoAdas.ended(room, "left")
		})
	})
}

func TestClose(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob := s.signUp("ada"), s.signUp("bob")
		room := ada.open(bob)
		bobs, alsoBobs := bob.devices(room)
		seq := bob.say(room, "last words")
		wantStatus(t, bob.CloseSession(t.Context(), room), 403)
		must(t, ada.CloseSession(t.Context(), room))
		must(t, ada.CloseSession(t.Context(), room)) // again
		bobs.ended(room, "closed")
		alsoBobs.ended(room, "closed")
		_, err := bob.Post(t.Context(), room, "one more thing", "")
		wantStatus(t, err, 409)
		_, err = bob.Edit(t.Context(), room, seq, "other words")
		wantStatus(t, err, 409)
		wantStatus(t, bob.React(t.Context(), room, seq, "👍"), 409)
		wantStatus(t, s.signUp("eve").Join(t.Context(), room), 409)
		_, err = ada.SetTitle(t.Context(), room, "closed")
		wantStatus(t, err, 409)
		must(t, bob.MarkRead(t.Context(), room, seq))
		must(t, bob.Delete(t.Context(), room, seq)) // what one said is still one's own
		late := bob.device(0, room)
		late.until("it is closed", room, func(v *client.View) bool { return v.Closed })
		d, err := bob.Session(t.Context(), room)
		must(t, err)
		if !d.Closed {
			t.Error("the session does not say that it is closed")
		}
	})
}

func TestErase(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob := s.signUp("ada"), s.signUp("bob")
		room := ada.open(bob)
		adas, _ := ada.devices(room)
		bobs, alsoBobs := bob.devices(room)
		bob.say(room, "@ada hello")
		bobs.until("it was said", room, func(v *client.View) bool { return len(v.Messages()) == 1 })
		wantStatus(t, bob.EraseSession(t.Context(), room), 403)
		must(t, ada.EraseSession(t.Context(), room))
		for _, d := range []*device{adas, bobs, alsoBobs} {
			d.ended(room, "deleted")
			d.noticed(chat.NoticeRemoved, room, 0)
		}
		for _, p := range []*person{ada, bob} {
			_, err := p.Session(t.Context(), room)
			wantStatus(t, err, 404)
			_, err = p.Post(t.Context(), room, "anybody?", "")
			wantStatus(t, err, 404)
			wantStatus(t, p.Join(t.Context(), room), 404)
			list, err := p.Sessions(t.Context(), "", 0)
			must(t, err)
			if len(list.Sessions) != 0 {
				t.Errorf("%s still has %+v", p.name, list.Sessions)
			}
		}
		wantStatus(t, ada.EraseSession(t.Context(), room), 404)
		store := s.processes[0].kit.Store
		for more := true; more; {
			var err error
			more, err = store.Purge(t.Context(), 2)
			must(t, err)
		}
		if heads, err := store.Heads(t.Context(), []int64{1}); err != nil || len(heads) != 0 {
			t.Errorf("there are heads %v, %v", heads, err)
		}
	})
}
