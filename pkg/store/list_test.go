package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// TestListSessionsInPages has sessions whose last events came at the same time,
// which a clock of milliseconds makes of many.
func TestListSessionsInPages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url chat.Secret) {
		s := storetest.Open(t, url)
		ada := signUp(t, s, "ada")
		var want []int64
		for range 12 {
			want = append(want, openSession(t, s, ada).ID)
		}
		slices.Reverse(want)
		atOnce := `UPDATE events SET created_at = (SELECT max(created_at) FROM events) WHERE session_id NOT IN (3, 4)`
		if _, err := rawly(t, url).ExecContext(t.Context(), atOnce); err != nil {
			t.Fatal(err)
		}
		want = slices.DeleteFunc(want, func(id int64) bool { return id == 3 || id == 4 })
		want = append(want, 4, 3) // they were active before

		for _, limit := range []int{1, 5, 100} {
			if got := listed(t, s, ada, limit); !slices.Equal(got, want) {
				t.Errorf("pages of %d list %v, want %v", limit, got, want)
			}
		}
	})
}

// listed reads all pages, with the cursor as the API keeps it.
func listed(t *testing.T, s *store.Store, user chat.User, limit int) (ids []int64) {
	t.Helper()
	var after *chat.SessionCursor
	for {
		page, err := s.ListSessions(t.Context(), user.ID, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return ids
		}
		for _, summary := range page {
			ids = append(ids, summary.Session.ID)
		}
		last := page[len(page)-1].Session
		after = &chat.SessionCursor{Active: time.UnixMicro(last.ActiveAt.UnixMicro()).UTC(), ID: last.ID}
	}
}

func TestListSessionsShows(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ada, bob := signUp(t, s, "ada"), signUp(t, s, "bob")
		quiet, busy := openSession(t, s, ada, bob), openSession(t, s, ada, bob)
		post(t, s, busy, ada, "zero", nil) // whoever posts has read what there is
		post(t, s, busy, bob, "one", nil)
		post(t, s, busy, bob, "two", nil)
		list, err := s.ListSessions(t.Context(), ada.ID, nil, 10)
		if err != nil || len(list) != 2 || list[0].Session.ID != busy.ID || list[1].Session.ID != quiet.ID {
			t.Fatalf("listed %+v, %v", list, err)
		}
		if first := list[0]; first.Role != chat.RoleOwner || first.Unread.Messages != 2 || first.Last.Body != "two" ||
			first.Last.User.Username != "bob" || !first.Session.ActiveAt.Equal(first.Last.CreatedAt) {
			t.Errorf("the busy one is %+v", first)
		}
		if people := list[0].People; len(people) != 1 || people[0].ID != bob.ID || people[0].Username != "bob" {
			t.Errorf("beside ada there are %+v", people)
		}
		if second := list[1]; second.Unread.Messages != 0 || second.Last != nil {
			t.Errorf("the quiet one is %+v", second)
		}
		if list, err := s.ListSessions(t.Context(), 4711, nil, 10); err != nil || len(list) != 0 {
			t.Errorf("nobody is in %+v, %v", list, err)
		}
	})
}

func TestListSessionsNamesThreeOthers(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ada, bob, cid, dan, eve := signUp(t, s, "ada"), signUp(t, s, "bob"), signUp(t, s, "cid"), signUp(t, s, "dan"), signUp(t, s, "eve")
		openSession(t, s, eve)
		openSession(t, s, eve, dan, cid, bob, ada)
		list, err := s.ListSessions(t.Context(), bob.ID, nil, 10)
		if err != nil || len(list) != 1 {
			t.Fatalf("listed %+v, %v", list, err)
		}
		var names []string
		for _, u := range list[0].People {
			names = append(names, u.Username)
		}
		if want := []string{"ada", "cid", "dan"}; !slices.Equal(names, want) {
			t.Errorf("names %v, want %v", names, want)
		}
		if list, err := s.ListSessions(t.Context(), eve.ID, nil, 10); err != nil || len(list) != 2 || len(list[1].People) != 0 {
			t.Errorf("an own one has %+v, %v", list, err)
		}
	})
}
