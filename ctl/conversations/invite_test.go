package conversations_test

import (
	"sync"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

func TestInvites(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, mod, bob, eve := s.signUp("ada"), s.signUp("mod"), s.signUp("bob"), s.signUp("eve")
		room := ada.open(mod)
		_, err := ada.SetRole(t.Context(), room, "mod", chat.RoleModerator)
		must(t, err)
		_, err = ada.SetTitle(t.Context(), room, "Plans")
		must(t, err)
		adas, alsoAdas := ada.devices(room)

		t.Run("the link can be switched off", func(t *testing.T) {
			p, err := bob.PreviewLink(t.Context(), room)
			must(t, err)
			if p != (client.Preview{Title: "Plans", MemberCount: 2}) {
				t.Errorf("the link shows %+v", p)
			}
			_, err = bob.SetAccess(t.Context(), room, chat.AccessInvite)
			wantStatus(t, err, 404)
			d, err := mod.SetAccess(t.Context(), room, chat.AccessInvite)
			must(t, err)
			if d.Access != chat.AccessInvite {
				t.Errorf("answered %+v", d)
			}
			for _, device := range []*device{adas, alsoAdas} {
				device.until("links let nobody in", room, func(v *client.View) bool { return v.Access == chat.AccessInvite })
			}
			wantStatus(t, bob.Join(t.Context(), room), 404)
			_, err = bob.PreviewLink(t.Context(), room)
			wantStatus(t, err, 404)
			_, err = ada.SetAccess(t.Context(), room, "anybody")
			wantStatus(t, err, 400)
		})
		t.Run("an invite lets in as often as it says", func(t *testing.T) {
			invite, err := mod.CreateInvite(t.Context(), room, chat.NewInvite{Role: chat.RoleReader, MaxUses: 1})
			must(t, err)
			p, err := bob.PreviewInvite(t.Context(), invite.Code)
			must(t, err)
			if p != (client.Preview{Title: "Plans", MemberCount: 2}) {
				t.Errorf("the invite shows %+v", p)
			}
			d, err := bob.AcceptInvite(t.Context(), invite.Code)
			must(t, err)
			if d.URI != room || d.Role != chat.RoleReader {
				t.Errorf("bob is in %s as %s", d.URI, d.Role)
			}
			for _, device := range []*device{adas, alsoAdas} {
				device.until("bob is here", room, func(v *client.View) bool { return v.Members[bob.id].Role == chat.RoleReader })
			}
			_, err = bob.AcceptInvite(t.Context(), invite.Code) // a retry
			must(t, err)
			_, err = eve.AcceptInvite(t.Context(), invite.Code)
			wantStatus(t, err, 410)
			_, err = eve.PreviewInvite(t.Context(), invite.Code)
			wantStatus(t, err, 410)
		})
		t.Run("many at once use it up exactly", func(t *testing.T) {
			invite, err := ada.CreateInvite(t.Context(), room, chat.NewInvite{MaxUses: 3})
			must(t, err)
			var people []*person
			for _, name := range []string{"p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"} {
				people = append(people, s.signUp(name))
			}
			var all sync.WaitGroup
			var mu sync.Mutex
			in, gone := 0, 0
			for _, p := range people {
				all.Go(func() {
					_, err := p.AcceptInvite(t.Context(), invite.Code)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						in++
						return
					}
					gone++
					wantStatus(t, err, 410)
				})
			}
			all.Wait()
			if in != 3 || gone != 5 {
				t.Errorf("%d came in and %d did not", in, gone)
			}
		})
		t.Run("one expires, and one is revoked", func(t *testing.T) {
			short, err := ada.CreateInvite(t.Context(), room, chat.NewInvite{Life: time.Second})
			must(t, err)
			long, err := ada.CreateInvite(t.Context(), room, chat.NewInvite{Life: time.Hour})
			must(t, err)
			list, err := mod.Invites(t.Context(), room)
			must(t, err)
			if len(list) != 2 || list[0].Code != long.Code || list[0].User.ID != ada.id || list[0].Expires == nil {
				t.Errorf("there are %+v", list)
			}
			time.Sleep(1100 * time.Millisecond)
			_, err = eve.AcceptInvite(t.Context(), short.Code)
			wantStatus(t, err, 410)
			must(t, mod.RevokeInvite(t.Context(), room, long.ID))
			wantStatus(t, mod.RevokeInvite(t.Context(), room, long.ID), 404)
			_, err = eve.AcceptInvite(t.Context(), long.Code)
			wantStatus(t, err, 410)
		})
		t.Run("they are for those who may", func(t *testing.T) {
			_, err := bob.CreateInvite(t.Context(), room, chat.NewInvite{})
			wantStatus(t, err, 403)
			_, err = bob.Invites(t.Context(), room)
			wantStatus(t, err, 403)
			_, err = eve.Invites(t.Context(), room)
			wantStatus(t, err, 404)
			_, err = mod.CreateInvite(t.Context(), room, chat.NewInvite{Role: chat.RoleModerator})
			wantStatus(t, err, 403)
			_, err = ada.CreateInvite(t.Context(), room, chat.NewInvite{Role: chat.RoleModerator})
			must(t, err)
			for _, bad := range []chat.NewInvite{{Role: chat.RoleOwner}, {MaxUses: 1 << 40}, {Life: 400 * 24 * time.Hour}} {
				_, err := ada.CreateInvite(t.Context(), room, bad)
				wantStatus(t, err, 400)
			}
			for _, code := range []string{"x", "AAAAAAAAAAAAAAAAAAAAAAAAAA", "' OR 1=1--", "%00"} {
				_, err := eve.AcceptInvite(t.Context(), code)
				wantStatus(t, err, 404)
			}
			other := bob.open()
			wantStatus(t, bob.RevokeInvite(t.Context(), other, 1), 404) // of another session
		})
		t.Run("who is banned does not come in", func(t *testing.T) {
			invite, err := ada.CreateInvite(t.Context(), room, chat.NewInvite{})
			must(t, err)
			must(t, ada.Ban(t.Context(), room, "eve"))
			_, err = eve.AcceptInvite(t.Context(), invite.Code)
			wantStatus(t, err, 403)
			_, err = eve.PreviewInvite(t.Context(), invite.Code)
			wantStatus(t, err, 403)
			_, err = ada.SetAccess(t.Context(), room, chat.AccessLink)
			must(t, err)
			_, err = eve.PreviewLink(t.Context(), room)
			wantStatus(t, err, 403) // or they could watch how many stay
		})
	})
}

// TestLinksSwitchedOff is of an installation in which only invites let people in.
func TestLinksSwitchedOff(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob, eve := s.signUp("ada"), s.signUp("bob"), s.signUp("eve")
		room := ada.open()
		wantStatus(t, bob.Join(t.Context(), room), 404)
		_, err := bob.PreviewLink(t.Context(), room)
		wantStatus(t, err, 404)
		invite, err := ada.CreateInvite(t.Context(), room, chat.NewInvite{})
		must(t, err)
		_, err = bob.AcceptInvite(t.Context(), invite.Code)
		must(t, err)
		_, err = bob.Add(t.Context(), room, "eve") // members may add others
		must(t, err)
		must(t, eve.Join(t.Context(), room)) // a member already
	}, "CHATIRE_JOIN_LINKS=off")
}
