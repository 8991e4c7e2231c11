package store_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
)

func TestMembers(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ada, bob, cyd := signUp(t, s, "ada"), signUp(t, s, "bob"), signUp(t, s, "cyd")
		room := openSession(t, s, ada, cyd)
		post(t, s, room, ada, "before he came", nil)
		if err := s.AddMember(ctx, room.ID, bob.ID, chat.RoleReader, 4); err != nil {
			t.Fatal(err)
		}

		t.Run("have read what came before them", func(t *testing.T) {
			m, err := s.Member(ctx, room.ID, bob.ID)
			if err != nil || m.User.Username != "bob" || m.Role != chat.RoleReader || m.ReadOrdinal != 1 || m.JoinedSeq != 4 || m.SessionID != room.ID {
				t.Errorf("got %+v, %v", m, err)
			}
		})
		t.Run("join once", func(t *testing.T) {
			if err := s.AddMember(ctx, room.ID, bob.ID, chat.RoleMember, 5); !errors.Is(err, chat.ErrDuplicate) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("are listed as they joined", func(t *testing.T) {
			members, err := s.Members(ctx, room.ID, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			var ids []int64
			for _, m := range members {
				ids = append(ids, m.User.ID)
			}
			if !slices.Equal(ids, []int64{ada.ID, cyd.ID, bob.ID}) {
				t.Errorf("listed %v", ids)
			}
			if first, err := s.Members(ctx, room.ID, 0, 1); err != nil || len(first) != 1 || first[0].User.ID != ada.ID {
				t.Errorf("the first is %+v, %v", first, err)
			}
			if n, err := s.CountMembers(ctx, room.ID); err != nil || n != 3 {
				t.Errorf("%d members, %v", n, err)
			}
		})
		t.Run("change their role", func(t *testing.T) {
			if err := s.SetRole(ctx, room.ID, bob.ID, chat.RoleModerator); err != nil {
				t.Fatal(err)
			}
			if m, err := s.Member(ctx, room.ID, bob.ID); err != nil || m.Role != chat.RoleModerator {
				t.Errorf("got %+v, %v", m, err)
			}
		})
		t.Run("leave once", func(t *testing.T) {
			if err := s.RemoveMember(ctx, room.ID, bob.ID); err != nil {
				t.Fatal(err)
			}
			_, gone := s.Member(ctx, room.ID, bob.ID)
			for name, err := range map[string]error{
				"member": gone,
				"remove": s.RemoveMember(ctx, room.ID, bob.ID),
				"role":   s.SetRole(ctx, room.ID, bob.ID, chat.RoleMember),
			} {
				if !errors.Is(err, chat.ErrNotFound) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	})
}
