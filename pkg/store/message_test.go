package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

func TestAppendMessages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url chat.Secret) {
		s := storetest.Open(t, url)
		ada, bob, eve := signUp(t, s, "ada"), signUp(t, s, "bob"), signUp(t, s, "eve")
		room, other := openSession(t, s, ada, bob), openSession(t, s, ada)
		key := "key"

		t.Run("numbers a batch in its order, each session for itself", func(t *testing.T) {
			outcomes, err := s.AppendMessages(t.Context(), []chat.Draft{
				draft(room, ada, "one", nil), draft(other, ada, "uno", nil), draft(room, bob, "two", nil),
			})
			if err != nil {
				t.Fatal(err)
			}
			var seqs, ordinals []int64
			for _, o := range outcomes {
				seqs, ordinals = append(seqs, o.Seq), append(ordinals, o.Ordinal)
			}
			if !slices.Equal(seqs, []int64{3, 2, 4}) || !slices.Equal(ordinals, []int64{1, 1, 2}) {
				t.Errorf("seqs %v, ordinals %v", seqs, ordinals)
			}
		})
		t.Run("answers twins in a batch by the first of them", func(t *testing.T) {
			outcomes, err := s.AppendMessages(t.Context(), []chat.Draft{
				draft(room, ada, "hi", &key), draft(room, ada, "hi", &key), draft(room, ada, "ho", &key), draft(room, bob, "hi", &key),
			})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range outcomes {
				got = append(got, fmt.Sprint(o.Verdict, " ", o.Seq))
			}
			if want := []string{"stored 5", "known 5", "conflict 5", "stored 6"}; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
		t.Run("answers a retry of somebody who was removed since", func(t *testing.T) {
			post(t, s, room, bob, "before", ptr("bobs"))
			if err := s.RemoveMember(t.Context(), room.ID, bob.ID); err != nil {
				t.Fatal(err)
			}
			if o := post(t, s, room, bob, "before", ptr("bobs")); o.Verdict != chat.Known {
				t.Errorf("got %+v", o)
			}
			if o := post(t, s, room, bob, "after", nil); o.Verdict != chat.Stranger {
				t.Errorf("got %+v", o)
			}
		})
		t.Run("compares a retry with the text as first sent", func(t *testing.T) {
			o := post(t, s, room, ada, "first", ptr("edited"))
			edit := fmt.Sprintf(`UPDATE events SET body = 'second' WHERE session_id = %d AND seq = %d`, room.ID, o.Seq)
			if _, err := rawly(t, url).Exec(edit); err != nil {
				t.Fatal(err)
			}
			if again := post(t, s, room, ada, "first", ptr("edited")); again.Verdict != chat.Known || again.Seq != o.Seq {
				t.Errorf("got %+v", again)
			}
			if other := post(t, s, room, ada, "second", ptr("edited")); other.Verdict != chat.Clashed {
				t.Errorf("got %+v", other)
			}
		})
		t.Run("leaves no gap where a draft was refused", func(t *testing.T) {
			before := head(t, s, room)
			outcomes, err := s.AppendMessages(t.Context(), []chat.Draft{
				draft(room, eve, "no", nil), draft(room, ada, "yes", nil), draft(room, eve, "no", nil), draft(room, ada, "yes", nil),
			})
			if err != nil || outcomes[1].Seq != before+1 || outcomes[3].Seq != before+2 || head(t, s, room) != before+2 {
				t.Errorf("head was %d, is %d, %+v, %v", before, head(t, s, room), outcomes, err)
			}
			post(t, s, room, eve, "no", nil)
			if head(t, s, room) != before+2 {
				t.Errorf("a refused draft moved the head to %d", head(t, s, room))
			}
		})
		t.Run("refuses readers, and everybody once it is closed", func(t *testing.T) {
			if err := s.AddMember(t.Context(), room.ID, eve.ID, chat.RoleReader, 1); err != nil {
				t.Fatal(err)
			}
			if o := post(t, s, room, eve, "no", nil); o.Verdict != chat.Mute {
				t.Errorf("a reader got %+v", o)
			}
			if err := s.CloseSession(t.Context(), room.ID); err != nil {
				t.Fatal(err)
			}
			for _, drafts := range [][]chat.Draft{{draft(room, ada, "no", nil)}, {draft(room, ada, "no", nil), draft(other, ada, "yes", nil)}} {
				outcomes, err := s.AppendMessages(t.Context(), drafts)
				if err != nil || outcomes[0].Verdict != chat.Shut {
					t.Errorf("got %+v, %v", outcomes, err)
				}
			}
		})
		t.Run("keeps every text as it is", func(t *testing.T) {
			for _, text := range []string{"it's", `\'; DROP TABLE events; --`, "a?b ?0 $1", "\r\n\t\u202e\u200d", "😀é", strings.Repeat("𐍈", chat.MaxMessage)} {
				o := post(t, s, other, ada, text, nil)
				e, err := s.Event(t.Context(), other.ID, o.Seq)
				if err != nil || e.Body != text {
					t.Errorf("%q became %q, %v", text, e.Body, err)
				}
			}
		})
		t.Run("stores nothing of a batch with a text that is none", func(t *testing.T) {
			for _, bad := range []string{"a\x00b", "a\xffb"} {
				before := head(t, s, other)
				_, err := s.AppendMessages(t.Context(), []chat.Draft{draft(other, ada, "good", nil), draft(other, ada, bad, nil)})
				if _, aborted := errors.AsType[*chat.Aborted](err); !aborted || chat.CodeOf(err) != chat.Invalid {
					t.Errorf("%q got %v", bad, err)
				}
				if head(t, s, other) != before {
					t.Errorf("%q moved the head", bad)
				}
			}
		})
		t.Run("goes on when its caller has given up", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			outcomes, err := s.AppendMessages(ctx, []chat.Draft{draft(other, ada, "all the same", nil)})
			if err != nil || outcomes[0].Verdict != chat.Stored {
				t.Errorf("got %+v, %v", outcomes, err)
			}
		})
	})
}

// TestAppendWaitsForALockBriefly shows that who holds one session's row holds up
// an append for half a second, and that nothing of it is stored then.
func TestAppendWaitsForALockBriefly(t *testing.T) {
	url := storetest.Postgres(t)
	s := storetest.Open(t, url)
	ada := signUp(t, s, "ada")
	room, other := openSession(t, s, ada), openSession(t, s, ada)
	tx, err := rawly(t, url).Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE`, room.ID); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	_, err = s.AppendMessages(t.Context(), []chat.Draft{draft(other, ada, "one", nil), draft(room, ada, "two", nil)})
	_, aborted := errors.AsType[*chat.Aborted](err)
	if took := time.Since(begun); !aborted || !errors.Is(err, chat.ErrUnavailable) || took > time.Second {
		t.Errorf("after %v: %v", took, err)
	}
	if head(t, s, other) != 1 {
		t.Error("half of the batch is stored")
	}
	if o := post(t, s, other, ada, "one", nil); o.Verdict != chat.Stored {
		t.Errorf("the connection is of no use any more: %+v", o)
	}
}

// TestAppendIsOneWrite counts the writes to the socket: a process that is stopped
// between two of them would hold the sessions' locks.
func TestAppendIsOneWrite(t *testing.T) {
	s := storetest.Open(t, storetest.Postgres(t))
	writes := store.CountAppendWrites(t, s)
	ada := signUp(t, s, "ada")
	var rooms []chat.Session
	for range 8 {
		rooms = append(rooms, openSession(t, s, ada))
	}
	post(t, s, rooms[0], ada, "connects", nil)
	for _, n := range []int{1, 2, 64} {
		var drafts []chat.Draft
		for i := range n {
			drafts = append(drafts, draft(rooms[i%len(rooms)], ada, strings.Repeat("x", 900), ptr(fmt.Sprint(n, "-", i))))
		}
		before := writes.Load()
		if _, err := s.AppendMessages(t.Context(), drafts); err != nil {
			t.Fatal(err)
		}
		if taken := writes.Load() - before; taken != 1 {
			t.Errorf("a batch of %d took %d writes", n, taken)
		}
	}
}

// TestBothDatabasesAgree plays one random history on both.
func TestBothDatabasesAgree(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var histories [][]string
	eachDialect(t, func(t *testing.T, s *store.Store) {
		histories = append(histories, randomHistory(t, s, rand.New(rand.NewPCG(seed, 0))))
	})
	for i := range histories[0] {
		if a, b := histories[0][i], histories[1][i]; a != b {
			t.Fatalf("step %d: SQLite says %s\nPostgreSQL says %s", i, a, b)
		}
	}
}

// randomHistory returns what each of its steps led to.
func randomHistory(t *testing.T, s *store.Store, random *rand.Rand) []string {
	t.Helper()
	var people []chat.User
	for i := range 4 {
		people = append(people, signUp(t, s, fmt.Sprint("person", i)))
	}
	rooms := []chat.Session{openSession(t, s, people[0], people[1]), openSession(t, s, people[0]), openSession(t, s, people[0], people[2])}
	var steps []string
	for step := range 300 {
		room, user := rooms[random.IntN(len(rooms))], people[random.IntN(len(people))]
		switch kind := random.IntN(12); {
		case kind == 0:
			steps = append(steps, fmt.Sprint(s.AddMember(t.Context(), room.ID, user.ID, chat.RoleMember, int64(step))))
		case kind == 1:
			steps = append(steps, fmt.Sprint(s.RemoveMember(t.Context(), room.ID, user.ID)))
		case kind == 2 && step > 250:
			steps = append(steps, fmt.Sprint(s.CloseSession(t.Context(), room.ID)))
		default:
			var drafts []chat.Draft
			for range 1 + random.IntN(10) {
				text := fmt.Sprint("text ", random.IntN(3))
				d := draft(rooms[random.IntN(len(rooms))], people[random.IntN(len(people))], text, nil)
				if random.IntN(3) > 0 {
					d.ClientID = ptr(fmt.Sprint("key-", step/10, "-", random.IntN(10)))
				}
				drafts = append(drafts, d)
			}
			outcomes, err := s.AppendMessages(t.Context(), drafts)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range outcomes {
				if o.Verdict == chat.Stranger || o.Verdict == chat.Shut {
					o = chat.Outcome{Verdict: o.Verdict} // no numbers count
				}
				steps = append(steps, fmt.Sprint(o.Verdict, " ", o.Seq, " ", o.Ordinal, " ", o.Rev))
			}
		}
	}
	for _, room := range rooms {
		log, err := s.ReadLog(t.Context(), []chat.Range{{SessionID: room.ID, Limit: 10000}}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range log {
			steps = append(steps, fmt.Sprint(e.Seq, e.Type, e.User.Username, e.Body, e.Rev, e.Ordinal))
		}
	}
	return steps
}

func ptr[T any](v T) *T { return &v }

func head(t *testing.T, s *store.Store, room chat.Session) int64 {
	t.Helper()
	heads, err := s.Heads(t.Context(), []int64{room.ID})
	if err != nil {
		t.Fatal(err)
	}
	return heads[room.ID]
}
