package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
)

// TestLongLists asks in the sizes of a worker that watches 10,000 sessions.
func TestLongLists(t *testing.T) {
	const many = 10000
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ada := signUp(t, s, "ada")
		first, last := openSession(t, s, ada), openSession(t, s, ada)
		token, err := s.CreateToken(t.Context(), chat.Token{UserID: ada.ID}, chat.DigestOf("secret"), 3600e9)
		if err != nil {
			t.Fatal(err)
		}
		ids, uris, ranges := make([]int64, many), make([]string, many), make([]chat.Range, many/4)
		for i := range many {
			ids[i], uris[i] = int64(1e12)+int64(i), fmt.Sprintf("%015x", 1<<59+i)
		}
		for i := range ranges {
			ranges[i] = chat.Range{SessionID: ids[i], After: int64(i), Limit: 200}
		}

		t.Run("of heads", func(t *testing.T) {
			heads, err := s.Heads(t.Context(), append([]int64{first.ID, last.ID}, ids...))
			if err != nil || len(heads) != 2 || heads[last.ID] != 1 {
				t.Errorf("%v, %v", heads, err)
			}
		})
		t.Run("of tokens", func(t *testing.T) {
			live, err := s.LiveTokens(t.Context(), append([]int64{token.ID}, ids...))
			if err != nil || !slices.Equal(live, []int64{token.ID}) {
				t.Errorf("%v, %v", live, err)
			}
		})
		t.Run("of uris", func(t *testing.T) {
			found, err := s.Memberships(t.Context(), ada.ID, append([]string{first.URI}, uris...))
			if err != nil || len(found) != 1 || found[0].Role != chat.RoleOwner {
				t.Errorf("%+v, %v", found, err)
			}
		})
		t.Run("of ranges", func(t *testing.T) {
			wanted := append([]chat.Range{{SessionID: last.ID, Limit: 5}}, ranges...)
			wanted = append(wanted, chat.Range{SessionID: first.ID, Limit: 5})
			events, err := s.ReadLog(t.Context(), wanted, 1<<20)
			if err != nil || len(events) != 2 || events[0].SessionID != last.ID || events[1].SessionID != first.ID {
				t.Errorf("%+v, %v", events, err)
			}
		})
		t.Run("of nothing", func(t *testing.T) {
			heads, err1 := s.Heads(t.Context(), nil)
			live, err2 := s.LiveTokens(t.Context(), nil)
			found, err3 := s.Memberships(t.Context(), ada.ID, nil)
			events, err4 := s.ReadLog(t.Context(), nil, 1)
			if n := len(heads) + len(live) + len(found) + len(events); n != 0 || errors.Join(err1, err2, err3, err4) != nil {
				t.Errorf("%d answers, %v", n, errors.Join(err1, err2, err3, err4))
			}
		})
	})
}

func TestReadLogIsBounded(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ada := signUp(t, s, "ada")
		a, b := openSession(t, s, ada), openSession(t, s, ada)
		for _, room := range []chat.Session{a, b} {
			var drafts []chat.Draft
			for range 5 {
				drafts = append(drafts, draft(room, ada, "0123456789", nil))
			}
			if _, err := s.AppendMessages(t.Context(), drafts); err != nil {
				t.Fatal(err)
			}
		}
		for _, tt := range []struct {
			name   string
			ranges []chat.Range
			bytes  int
			want   []string
		}{
			{"by each range", []chat.Range{piece(b, 1, 2), piece(a, 3, 1)}, 1000, []string{"b2", "b3", "a4"}},
			{"by bytes over all ranges", []chat.Range{piece(a, 3, 10), piece(b, 1, 10)}, 45, []string{"a4", "a5", "a6", "b2"}},
			{"but has one event if there is one", []chat.Range{piece(b, 1, 10)}, 1, []string{"b2"}},
			{"and ranges of one session stay apart", []chat.Range{piece(a, 4, 1), piece(a, 1, 1)}, 1000, []string{"a5", "a2"}},
			{"and past the head there is nothing", []chat.Range{piece(a, 6, 10), piece(a, 1<<63-1, 10)}, 1000, nil},
		} {
			t.Run(tt.name, func(t *testing.T) {
				events, err := s.ReadLog(t.Context(), tt.ranges, tt.bytes)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, e := range events {
					name := "a"
					if e.SessionID == b.ID {
						name = "b"
					}
					got = append(got, fmt.Sprint(name, e.Seq))
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("got %v, want %v", got, tt.want)
				}
			})
		}
	})
}

func piece(room chat.Session, after int64, limit int) chat.Range {
	return chat.Range{SessionID: room.ID, After: after, Limit: limit}
}
