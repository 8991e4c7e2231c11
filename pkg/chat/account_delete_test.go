package chat_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
)

// open makes a session of the first of the members.
func open(t *testing.T, w *world, members ...chat.Identity) chat.Session {
	t.Helper()
	session, err := w.OpenSession(t.Context(), members[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members[1:] {
		if _, err := w.AddMember(t.Context(), m, session.URI, m.User.Username); err != nil {
			t.Fatal(err)
		}
	}
	return session
}

func TestDeleteAccount(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store).run(t)
		bob, carol := w.signUp(t, "bob"), w.signUp(t, "carol")
		w.signUp(t, "ada")
		ada, secret := w.signIn(t, "ada", password)
		shared, alone, visited := open(t, w, ada, carol, bob), open(t, w, ada), open(t, w, bob, ada)
		if _, err := w.PostMessage(t.Context(), ada, shared.URI, chat.Post{Text: "I was here"}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the message is published", func() bool {
			events, _ := w.told.take()
			return len(events) > 0 && events[len(events)-1].Type == chat.EventMessage
		})

		wantFields(t, w.DeleteAccount(t.Context(), ada, "nope"), map[string][]string{"current_password": {"Invalid password."}})
		if err := w.DeleteAccount(t.Context(), ada, password); err != nil {
			t.Fatal(err)
		}
		events, controls := w.told.take()

		t.Run("tells every session, the heir first", func(t *testing.T) {
			var got []string
			for _, e := range events {
				subject := ""
				if e.Member != nil {
					subject = e.Member.Username
				}
				got = append(got, fmt.Sprintf("%s %d %s %s", name(e.URI, shared, alone, visited), e.Seq, e.Type, subject))
			}
			want := []string{"shared 5 role carol", "shared 6 left ada", "alone 2 closed ", "alone 3 left ada", "visited 3 left ada"}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %q\nwant %q", got, want)
			}
		})

		t.Run("ends all tokens", func(t *testing.T) {
			w.wantDead(t, secret)
			if len(controls) != 1 || controls[0].UserID != ada.User.ID || len(controls[0].TokenIDs) > 0 {
				t.Errorf("workers were told %+v", controls)
			}
		})

		t.Run("hands over what was owned", func(t *testing.T) {
			d, err := w.Details(t.Context(), carol, shared.URI)
			if err != nil {
				t.Fatal(err)
			}
			if d.Role != chat.RoleOwner || d.Session.OwnerID != carol.User.ID || d.MemberCount != 2 {
				t.Errorf("got %+v", d)
			}
		})

		t.Run("closes what nobody is left in", func(t *testing.T) {
			m, err := store.Membership(t.Context(), alone.URI, ada.User.ID)
			if err != nil || m.Session.ClosedAt == nil || m.Role != "" {
				t.Errorf("got %+v, %v", m, err)
			}
		})

		t.Run("leaves the messages without a name", func(t *testing.T) {
			h, err := w.History(t.Context(), bob, shared.URI, chat.HistoryPage{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			if m := h.Messages[0]; m.Body != "I was here" || m.User.Username != "" || m.User.ID != ada.User.ID {
				t.Errorf("got %+v", m)
			}
		})

		t.Run("frees the name and lets nobody in", func(t *testing.T) {
			_, _, err := w.SignIn(t.Context(), "ada", password, "")
			wantCode(t, err, chat.Invalid)
			_, err = w.Me(t.Context(), ada)
			wantCode(t, err, chat.Unauthorized)
			wantCode(t, w.DeleteAccount(t.Context(), ada, password), chat.Unauthorized)
			if again := w.signUp(t, "Ada"); again.User.ID == ada.User.ID {
				t.Error("the account is the old one")
			}
		})
	})
}

// name returns which of the three sessions of the test has this uri.
func name(uri string, shared, alone, visited chat.Session) string {
	return map[string]string{shared.URI: "shared", alone.URI: "alone", visited.URI: "visited"}[uri]
}

func TestDeleteAccountWithManySessions(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		ada, bob := w.signUp(t, "ada"), w.signUp(t, "bob")
		const count = 205 // more than a page
		for range count {
			open(t, w, bob, ada)
		}
		w.told.take()
		if err := w.DeleteAccount(t.Context(), ada, password); err != nil {
			t.Fatal(err)
		}
		if events, _ := w.told.take(); len(events) != count {
			t.Errorf("%d of %d sessions were told", len(events), count)
		}
		if left, err := store.MemberSessions(t.Context(), ada.User.ID, 0, 10); err != nil || len(left) > 0 {
			t.Errorf("%d memberships are left, %v", len(left), err)
		}
	})
}

func TestDeleteAccountWhileOthersTalk(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store).run(t)
		ada, bob := w.signUp(t, "ada"), w.signUp(t, "bob")
		var sessions []chat.Session
		for range 10 {
			sessions = append(sessions, open(t, w, ada, bob))
		}
		var talking sync.WaitGroup
		for _, session := range sessions {
			talking.Go(func() {
				for range 20 {
					if _, err := w.PostMessage(t.Context(), bob, session.URI, chat.Post{Text: "go on"}); err != nil {
						t.Errorf("while the owner leaves: %v", err)
					}
				}
			})
		}
		if err := w.DeleteAccount(t.Context(), ada, password); err != nil {
			t.Fatal(err)
		}
		talking.Wait()
		for _, session := range sessions {
			log, err := w.EventLog(t.Context(), bob, session.URI, 0, chat.MaxPage)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(log.Events); n != 24 || log.Events[n-1].Seq != 24 { // two joins, the heir, the end
				t.Errorf("the log has %d events, the last is %d", n, log.Events[n-1].Seq)
			}
		}
	})
}
