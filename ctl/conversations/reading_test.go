package conversations_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

// unread returns what the list of sessions says of one.
func (p *person) unread(uri string) client.Unread {
	p.t.Helper()
	list, err := p.Sessions(p.t.Context(), "", 0)
	must(p.t, err)
	for _, s := range list.Sessions {
		if s.URI == uri {
			d, err := p.Session(p.t.Context(), uri)
			must(p.t, err)
			if d.Unread != s.Unread {
				p.t.Errorf("the list says %+v and the session %+v", s.Unread, d.Unread)
			}
			return s.Unread
		}
	}
	p.t.Fatalf("%s is in no session %s", p.name, uri)
	return client.Unread{}
}

func (p *person) wantUnread(uri string, messages, mentions int64) {
	p.t.Helper()
	if u := p.unread(uri); u.Messages != messages || u.Mentions != mentions {
		p.t.Errorf("%s has %d unread and %d mentions, not %d and %d", p.name, u.Messages, u.Mentions, messages, mentions)
	}
}

func TestUnread(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob, eve := s.signUp("ada"), s.signUp("bob"), s.signUp("eve")
		room, other := ada.open(bob), ada.open(bob)
		phone, laptop := bob.devices(room)
		bob.wantUnread(room, 0, 0)
		first := ada.say(room, "one")
		ada.say(room, "@bob two")
		last := ada.say(room, "@Bob three")
		ada.say(other, "elsewhere")
		ada.wantUnread(room, 0, 0) // who posts has read

		t.Run("is counted, with mentions", func(t *testing.T) {
			bob.wantUnread(room, 3, 2)
			all, err := bob.UnreadCounts(t.Context())
			must(t, err)
			if all.Messages != 4 || all.Mentions != 2 || len(all.Sessions) != 2 || all.Sessions[0].URI != other {
				t.Errorf("in all there are %+v", all)
			}
		})
		t.Run("goes as one reads, and all devices are told", func(t *testing.T) {
			must(t, bob.MarkRead(t.Context(), room, first+1))
			phone.noticed(chat.NoticeRead, room, first+1)
			laptop.noticed(chat.NoticeRead, room, first+1)
			bob.wantUnread(room, 1, 1)
			must(t, bob.MarkRead(t.Context(), room, last))
			laptop.noticed(chat.NoticeRead, room, last)
			bob.wantUnread(room, 0, 0)
		})
		t.Run("never comes back", func(t *testing.T) {
			must(t, bob.MarkRead(t.Context(), room, first))
			if u := bob.unread(room); u.Messages != 0 || u.Read != last {
				t.Errorf("now it is %+v", u)
			}
		})
		t.Run("of others can be seen", func(t *testing.T) {
			positions, err := ada.ReadPositions(t.Context(), room)
			must(t, err)
			if positions[bob.id] != last || positions[ada.id] != last {
				t.Errorf("they have read %v", positions)
			}
		})
		t.Run("is moved only to what there is", func(t *testing.T) {
			wantStatus(t, bob.MarkRead(t.Context(), room, last+100), 400)
			wantStatus(t, eve.MarkRead(t.Context(), room, first), 404)
			_, err := eve.ReadPositions(t.Context(), room)
			wantStatus(t, err, 404)
		})
		t.Run("has no mention of what was edited or deleted", func(t *testing.T) {
			edited, deleted := ada.say(room, "@bob"), ada.say(room, "@bob")
			bob.wantUnread(room, 2, 2)
			_, err := ada.Edit(t.Context(), room, edited, "nobody")
			must(t, err)
			must(t, ada.Delete(t.Context(), room, deleted))
			bob.wantUnread(room, 2, 0)
		})
		t.Run("begins anew for who joins", func(t *testing.T) {
			must(t, eve.Join(t.Context(), room))
			eve.wantUnread(room, 0, 0)
		})
	})
}

func TestNotify(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob := s.signUp("ada"), s.signUp("bob")
		room := ada.open(bob)
		phone, laptop := bob.devices(room)
		ada.say(room, "one")
		ada.say(room, "@bob two")
		bob.wantUnread(room, 2, 1)
		for _, step := range []struct {
			notify             chat.Notify
			messages, mentions int64
		}{{chat.NotifyMentions, 1, 1}, {chat.NotifyNone, 0, 0}, {chat.NotifyAll, 2, 1}} {
			must(t, bob.SetNotify(t.Context(), room, step.notify))
			must(t, bob.SetNotify(t.Context(), room, step.notify)) // again
			bob.wantUnread(room, step.messages, step.mentions)
			all, err := bob.UnreadCounts(t.Context())
			must(t, err)
			if all.Messages != step.messages || all.Mentions != step.mentions {
				t.Errorf("%s: in all there are %+v", step.notify, all)
			}
			if u := bob.unread(room); u.Notify != step.notify {
				t.Errorf("the choice is %q", u.Notify)
			}
		}
		phone.noticed(chat.NoticeSettings, room, 0)
		laptop.noticed(chat.NoticeSettings, room, 0)
		settings := 0
		phone.mu.Lock()
		for _, n := range phone.notices {
			if strings.HasPrefix(n, string(chat.NoticeSettings)) {
				settings++
			}
		}
		phone.mu.Unlock()
		if settings > 3 {
			t.Errorf("%d notices for three changes", settings)
		}
		wantStatus(t, bob.SetNotify(t.Context(), room, "loud"), 400)
		wantStatus(t, s.signUp("eve").SetNotify(t.Context(), room, chat.NotifyAll), 404)
		if got := fmt.Sprint(ada.unread(room).Notify); got != "all" {
			t.Errorf("another's choice is %s", got)
		}
	})
}
