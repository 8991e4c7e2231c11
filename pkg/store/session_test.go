package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
)

func TestCreateSession(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ada, bob := signUp(t, s, "ada"), signUp(t, s, "bob")
		created, err := s.CreateSession(ctx, "00000000000000a", ada.ID, ptr("key"))
		if err != nil || created.ID == 0 || created.URI != "00000000000000a" || created.OwnerID != ada.ID ||
			created.Head != 0 || created.CreatedAt.IsZero() || created.ClosedAt != nil {
			t.Fatalf("got %+v, %v", created, err)
		}
		t.Run("is found by what its owner called it", func(t *testing.T) {
			if found, err := s.SessionByClientID(ctx, ada.ID, "key"); err != nil || found.ID != created.ID {
				t.Errorf("got %+v, %v", found, err)
			}
			if _, err := s.SessionByClientID(ctx, bob.ID, "key"); !errors.Is(err, chat.ErrNotFound) {
				t.Errorf("another owner: %v", err)
			}
		})
		t.Run("refuses a uri and a client id that are taken", func(t *testing.T) {
			if _, err := s.CreateSession(ctx, "00000000000000a", ada.ID, nil); !errors.Is(err, chat.ErrDuplicate) {
				t.Errorf("the uri: %v", err)
			}
			if _, err := s.CreateSession(ctx, "00000000000000b", ada.ID, ptr("key")); !errors.Is(err, chat.ErrDuplicate) {
				t.Errorf("the client id: %v", err)
			}
		})
		t.Run("lets another owner use the client id", func(t *testing.T) {
			if _, err := s.CreateSession(ctx, "00000000000000b", bob.ID, ptr("key")); err != nil {
				t.Error(err)
			}
		})
		t.Run("needs no client id", func(t *testing.T) {
			for i := range 2 {
				if _, err := s.CreateSession(ctx, fmt.Sprintf("%015x", 100+i), ada.ID, nil); err != nil {
					t.Error(err)
				}
			}
		})
	})
}

func TestSessionChanges(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ada, bob := signUp(t, s, "ada"), signUp(t, s, "bob")
		room := openSession(t, s, ada, bob)
		err := s.InTx(ctx, func(tx chat.Store) error {
			locked, err := tx.LockSession(ctx, room.URI)
			return errors.Join(err,
				tx.SetTitle(ctx, locked.ID, "Garden"),
				tx.SetOwner(ctx, locked.ID, bob.ID),
				tx.CloseSession(ctx, locked.ID))
		})
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.Membership(ctx, room.URI, bob.ID)
		if err != nil || m.Session.Title != "Garden" || m.Session.OwnerID != bob.ID || m.Session.ClosedAt == nil || m.Session.Head != 2 {
			t.Errorf("got %+v, %v", m.Session, err)
		}
		for name, err := range map[string]error{
			"title":       s.SetTitle(ctx, 4711, "x"),
			"owner":       s.SetOwner(ctx, 4711, bob.ID),
			"close":       s.CloseSession(ctx, 4711),
			"close again": s.CloseSession(ctx, room.ID),
		} {
			if !errors.Is(err, chat.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		err = s.InTx(ctx, func(tx chat.Store) error {
			_, err := tx.LockSession(ctx, "no such session")
			return err
		})
		if !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("lock: %v", err)
		}
	})
}

func TestMemberships(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ada, bob := signUp(t, s, "ada"), signUp(t, s, "bob")
		both, hers := openSession(t, s, ada, bob), openSession(t, s, ada)

		t.Run("tell members from strangers, and those from no session", func(t *testing.T) {
			for user, want := range map[int64]chat.Role{ada.ID: chat.RoleOwner, bob.ID: chat.RoleMember, 4711: ""} {
				if m, err := s.Membership(ctx, both.URI, user); err != nil || m.Role != want || m.Session.ID != both.ID {
					t.Errorf("user %d: %+v, %v", user, m, err)
				}
			}
			if _, err := s.Membership(ctx, "no such session", ada.ID); !errors.Is(err, chat.ErrNotFound) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("of many uris are those that are", func(t *testing.T) {
			found, err := s.Memberships(ctx, bob.ID, []string{both.URI, hers.URI, "no such session"})
			if err != nil || len(found) != 1 || found[0].Session.ID != both.ID || found[0].Role != chat.RoleMember {
				t.Errorf("got %+v, %v", found, err)
			}
		})
		t.Run("are listed in pages by id", func(t *testing.T) {
			var ids []int64
			for after := int64(0); ; after = ids[len(ids)-1] {
				page, err := s.MemberSessions(ctx, ada.ID, after, 1)
				if err != nil {
					t.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				ids = append(ids, page[0].ID)
			}
			if !slices.Equal(ids, []int64{both.ID, hers.ID}) {
				t.Errorf("listed %v", ids)
			}
			all, err := s.AllSessions(ctx, both.ID, 10)
			if err != nil || len(all) != 1 || all[0].URI != hers.URI {
				t.Errorf("after the first: %+v, %v", all, err)
			}
		})
	})
}

func TestEpoch(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		first, err := s.Epoch(t.Context())
		if err != nil || len(first) != 32 {
			t.Errorf("the epoch is %q, %v", first, err)
		}
		second, err := s.NewEpoch(t.Context())
		if err != nil || second == first || len(second) != 32 {
			t.Errorf("the new one is %q, %v", second, err)
		}
		if again, err := s.Epoch(t.Context()); err != nil || again != second {
			t.Errorf("then it is %q, %v", again, err)
		}
	})
}
