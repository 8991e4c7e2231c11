package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// TestPostgresFails ends, starts and hangs a server of its own. Every verb must say
// ErrUnavailable within two seconds, and all go on when the server is back.
func TestPostgresFails(t *testing.T) {
	server := startServer(t)
	s := storetest.Open(t, server.url)
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	ada := signUp(t, s, "ada")
	room := openSession(t, s, ada)
	post(t, s, room, ada, "before", ptr("before"))

	for _, fault := range []struct{ name, begin, end string }{
		{"is killed", "kill", "start"},
		{"hangs", "pause", "resume"},
	} {
		t.Run(fault.name, func(t *testing.T) {
			server.do(fault.begin)
			wantUnavailable(t, s, room, ada)
			server.do(fault.end)
			wantBack(t, s)
			if o := post(t, s, room, ada, "before", ptr("before")); o.Verdict != chat.Known {
				t.Errorf("what was accepted is %+v", o)
			}
			if o := post(t, s, room, ada, fault.name, nil); o.Verdict != chat.Stored {
				t.Errorf("afterwards a post is %+v", o)
			}
		})
	}
}

// wantUnavailable asks for one thing of each kind at once.
func wantUnavailable(t *testing.T, s *store.Store, room chat.Session, user chat.User) {
	t.Helper()
	ctx := t.Context()
	verbs := map[string]func() error{
		"append": func() error {
			_, err := s.AppendMessages(ctx, []chat.Draft{draft(room, user, "lost?", nil)})
			if _, aborted := errors.AsType[*chat.Aborted](err); aborted {
				return fmt.Errorf("it claims to know that nothing was stored: %w", err)
			}
			return err
		},
		"read": func() error { _, err := s.Membership(ctx, room.URI, user.ID); return err },
		"log": func() error {
			_, err := s.ReadLog(ctx, []chat.Range{{SessionID: room.ID, Limit: 1}}, 1)
			return err
		},
		"write": func() error { return s.Seen(ctx, user.ID) },
		"transaction": func() error {
			return s.InTx(ctx, func(tx chat.Store) error { return tx.SetTitle(ctx, room.ID, "a") })
		},
		"ping": func() error { return s.Ping(ctx) },
	}
	var all sync.WaitGroup
	for name, verb := range verbs {
		all.Go(func() {
			begun := time.Now()
			err := verb()
			if took := time.Since(begun); !errors.Is(err, chat.ErrUnavailable) || took > 2*time.Second {
				t.Errorf("%s: after %v: %v", name, took, err)
			}
		})
	}
	all.Wait()
}

// wantBack waits until the database answers again, at most for the promised five
// seconds.
func wantBack(t *testing.T, s *store.Store) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		err := s.Ping(t.Context())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestLostAnswer cuts the connection after a batch went out and before its answer
// came in. What became of it is not known, and asking again tells.
func TestLostAnswer(t *testing.T) {
	proxy := startProxy(t, storetest.Postgres(t))
	s := storetest.Open(t, proxy.url)
	ada := signUp(t, s, "ada")
	room := openSession(t, s, ada)
	post(t, s, room, ada, "connects", nil)

	drafts := []chat.Draft{draft(room, ada, "one", ptr("1")), draft(room, ada, "two", ptr("2"))}
	proxy.deaf.Store(true)
	_, err := s.AppendMessages(t.Context(), drafts)
	if _, aborted := errors.AsType[*chat.Aborted](err); aborted || !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	proxy.deaf.Store(false)
	wantBack(t, s)
	for tries := 0; ; tries++ {
		outcomes, err := s.AppendMessages(t.Context(), drafts)
		if err == nil {
			if outcomes[0].Verdict != chat.Known || outcomes[0].Seq != 3 || outcomes[1].Verdict != chat.Known || outcomes[1].Seq != 4 {
				t.Errorf("asked again: %+v", outcomes)
			}
			return
		}
		if tries == 10 {
			t.Fatal(err)
		}
	}
}

// TestHalfABatchHoldsNoLocks stops the network in the middle of a batch. The server
// then waits for the rest of it with the session locked, and no timeout of its own
// ends that: the appender must close the socket.
func TestHalfABatchHoldsNoLocks(t *testing.T) {
	proxy := startProxy(t, storetest.Postgres(t))
	s := storetest.Open(t, proxy.url)
	ada := signUp(t, s, "ada")
	room := openSession(t, s, ada)
	post(t, s, room, ada, "connects", nil)

	// The lock goes through, the second statement does not.
	proxy.upTo.Store(160)
	drafts := []chat.Draft{draft(room, ada, strings.Repeat("x", 2000), nil), draft(room, ada, "two", nil)}
	_, err := s.AppendMessages(t.Context(), drafts)
	if !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	proxy.upTo.Store(-1)
	deadline := time.Now().Add(time.Second)
	for {
		outcomes, err := s.AppendMessages(t.Context(), drafts)
		if err == nil && outcomes[0].Seq == 3 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the session is still locked: %+v, %v", outcomes, err)
		}
	}
}
