package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),    // one for the process
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2")) // ends within ten seconds
}

// eachDialect runs a test on both databases.
func eachDialect(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, url chat.Secret) { test(t, storetest.Open(t, url)) })
}

func signUp(t *testing.T, s *store.Store, name string) chat.User {
	t.Helper()
	u, err := s.CreateUser(t.Context(), chat.User{Username: name, Email: name + "@example.com", Password: "digest"})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// openSession makes a session with an owner and members.
func openSession(t *testing.T, s *store.Store, owner chat.User, members ...chat.User) chat.Session {
	t.Helper()
	uri := fmt.Sprintf("%015x", time.Now().UnixNano()&(1<<60-1))
	err := s.InTx(t.Context(), func(tx chat.Store) error {
		session, err := tx.CreateSession(t.Context(), uri, owner.ID, nil)
		if err != nil {
			return err
		}
		for _, u := range append([]chat.User{owner}, members...) {
			role := chat.RoleMember
			if u.ID == owner.ID {
				role = chat.RoleOwner
			}
			e, err := tx.Append(t.Context(), chat.Event{SessionID: session.ID, Type: chat.EventJoined, User: u, Member: &u, Role: role})
			if err != nil {
				return err
			}
			if err := tx.AddMember(t.Context(), session.ID, u.ID, role, e.Seq); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Membership(t.Context(), uri, owner.ID)
	if err != nil {
		t.Fatal(err)
	}
	return m.Session
}

func post(t *testing.T, s *store.Store, session chat.Session, author chat.User, text string, clientID *string) chat.Outcome {
	t.Helper()
	outcomes, err := s.AppendMessages(t.Context(), []chat.Draft{draft(session, author, text, clientID)})
	if err != nil {
		t.Fatal(err)
	}
	return outcomes[0]
}

func draft(session chat.Session, author chat.User, text string, clientID *string) chat.Draft {
	return chat.Draft{SessionID: session.ID, UserID: author.ID, ClientID: clientID, Body: text, Sum: chat.SumOf(text)}
}

func TestUsers(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ada := signUp(t, s, "Ada")

		t.Run("are found by exactly their name", func(t *testing.T) {
			found, err := s.UserByName(t.Context(), "Ada")
			if err != nil || found.ID != ada.ID || found.Email != "Ada@example.com" || found.CreatedAt.IsZero() {
				t.Errorf("got %+v, %v", found, err)
			}
			if _, err := s.UserByName(t.Context(), "ada"); !errors.Is(err, chat.ErrNotFound) {
				t.Errorf("another spelling found her: %v", err)
			}
		})
		for _, name := range []string{"ada", "ADA", "Ａda"} {
			t.Run("refuse the look-alike "+name, func(t *testing.T) {
				_, err := s.CreateUser(t.Context(), chat.User{Username: name})
				if !errors.Is(err, chat.ErrUsernameTaken) {
					t.Errorf("got %v", err)
				}
			})
		}
		t.Run("take one name once, however many ask", func(t *testing.T) {
			var created, refused int
			var mu sync.Mutex
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					_, err := s.CreateUser(t.Context(), chat.User{Username: "popular"})
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						created++
					case errors.Is(err, chat.ErrUsernameTaken):
						refused++
					default:
						t.Error(err)
					}
				})
			}
			all.Wait()
			if created != 1 || refused != 99 {
				t.Errorf("%d created, %d refused", created, refused)
			}
		})
		t.Run("leave an empty row and a free name when they are deleted", func(t *testing.T) {
			bob := signUp(t, s, "bob")
			if err := s.DeleteUser(t.Context(), bob.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := s.User(t.Context(), bob.ID); !errors.Is(err, chat.ErrNotFound) {
				t.Errorf("still there: %v", err)
			}
			signUp(t, s, "bob")
		})
	})
}

func TestTokens(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ada := signUp(t, s, "ada")
		token, err := s.CreateToken(t.Context(), chat.Token{UserID: ada.ID, Label: "phone", Idle: time.Hour}, chat.DigestOf("secret"), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if left := token.ExpiresAt.Sub(token.CreatedAt); left < 59*time.Minute || left > 61*time.Minute {
			t.Errorf("the token lives %v", left)
		}
		found, user, err := s.TokenByDigest(t.Context(), chat.DigestOf("secret"))
		if err != nil || found.ID != token.ID || user.Username != "ada" || found.Idle != time.Hour {
			t.Errorf("got %+v %+v %v", found, user, err)
		}
		if err := s.TouchToken(t.Context(), token.ID); err != nil {
			t.Error(err)
		}
		expired, err := s.CreateToken(t.Context(), chat.Token{UserID: ada.ID}, chat.DigestOf("old"), -time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		live, err := s.LiveTokens(t.Context(), []int64{token.ID, expired.ID, 4711})
		if err != nil || len(live) != 1 || live[0] != token.ID {
			t.Errorf("live: %v, %v", live, err)
		}
		if _, _, err := s.TokenByDigest(t.Context(), chat.DigestOf("old")); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("an expired token is accepted: %v", err)
		}
		if err := s.SetDisabled(t.Context(), ada.ID, true); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.TokenByDigest(t.Context(), chat.DigestOf("secret")); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("a disabled user's token is accepted: %v", err)
		}
		ids, err := s.DeleteTokens(t.Context(), ada.ID, token.ID)
		if err != nil || len(ids) != 1 || ids[0] != expired.ID {
			t.Errorf("deleted: %v, %v", ids, err)
		}
	})
}

func TestLog(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ada, bob := signUp(t, s, "ada"), signUp(t, s, "bob")
		room := openSession(t, s, ada, bob)
		key := "key-1"
		first := post(t, s, room, bob, "hi", &key)
		if first.Verdict != chat.Stored || first.Seq != 3 || first.Ordinal != 1 || first.CreatedAt.IsZero() {
			t.Errorf("stored as %+v", first)
		}
		again := post(t, s, room, bob, "hi", &key)
		if again.Verdict != chat.Known || again.Seq != first.Seq || !again.CreatedAt.Equal(first.CreatedAt) {
			t.Errorf("a retry got %+v", again)
		}
		if other := post(t, s, room, bob, "ho", &key); other.Verdict != chat.Clashed {
			t.Errorf("another text got %+v", other)
		}
		stranger := signUp(t, s, "eve")
		if o := post(t, s, room, stranger, "hi", nil); o.Verdict != chat.Stranger {
			t.Errorf("a stranger got %+v", o)
		}
		if o := post(t, s, chat.Session{ID: 4711}, ada, "hi", nil); o.Verdict != chat.Stranger {
			t.Errorf("a post to no session got %+v", o)
		}
		for i := range 30 {
			post(t, s, room, ada, fmt.Sprint("text ", i), nil)
		}
		events, err := s.ReadLog(t.Context(), []chat.Range{{SessionID: room.ID, After: 0, Limit: 200}}, 1<<20)
		if err != nil || len(events) != 33 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		for i, e := range events {
			if e.Seq != int64(i+1) || e.URI != room.URI {
				t.Errorf("event %d is %+v", i, e)
			}
		}
		if m := events[1]; m.Type != chat.EventJoined || m.Member == nil || m.Member.Username != "bob" || m.Role != chat.RoleMember {
			t.Errorf("the join is %+v", m)
		}
		page, more, err := s.History(t.Context(), room.ID, chat.HistoryPage{Limit: 10}, 1<<20)
		if err != nil || len(page) != 10 || !more || page[9].Body != "text 29" {
			t.Errorf("newest page: %d %v %v", len(page), more, err)
		}
		before := int64(4)
		page, more, err = s.History(t.Context(), room.ID, chat.HistoryPage{Before: &before, Limit: 10}, 1<<20)
		if err != nil || len(page) != 1 || more || page[0].Body != "hi" {
			t.Errorf("oldest page: %+v %v %v", page, more, err)
		}
		page, more, err = s.History(t.Context(), room.ID, chat.HistoryPage{After: &before, Limit: 10}, 12)
		if err != nil || len(page) != 2 || !more || page[0].Seq != 5 {
			t.Errorf("a page bounded by bytes: %+v %v %v", page, more, err)
		}
		heads, err := s.Heads(t.Context(), []int64{room.ID, 4711})
		if err != nil || heads[room.ID] != 33 || len(heads) != 1 {
			t.Errorf("heads %v, %v", heads, err)
		}
		list, err := s.ListSessions(t.Context(), bob.ID, nil, 10)
		if err != nil || len(list) != 1 || list[0].Last.Body != "text 29" || list[0].Unread.Messages != 30 {
			t.Errorf("list %+v, %v", list, err)
		}
		cursor := &chat.SessionCursor{Active: list[0].Session.ActiveAt, ID: room.ID}
		if rest, err := s.ListSessions(t.Context(), bob.ID, cursor, 10); err != nil || len(rest) != 0 {
			t.Errorf("after the last: %+v, %v", rest, err)
		}
	})
}

func TestInTx(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		failure := errors.New("no")
		err := s.InTx(t.Context(), func(tx chat.Store) error {
			if _, err := tx.CreateUser(t.Context(), chat.User{Username: "ghost"}); err != nil {
				return err
			}
			return failure
		})
		if !errors.Is(err, failure) {
			t.Errorf("got %v", err)
		}
		if _, err := s.UserByName(t.Context(), "ghost"); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("what a failed transaction did is there: %v", err)
		}
	})
}
