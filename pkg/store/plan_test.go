package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// TestHotQueriesReadNoWholeTable holds with statistics and without: SQLite has
// none unless somebody asks for them, and PostgreSQL has old ones at times.
func TestHotQueriesReadNoWholeTable(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url chat.Secret) {
		s, db := storetest.Open(t, url), alike(t, url, store.Settings())
		fillTables(t, db)
		for _, statistics := range []string{"without", "with"} {
			t.Run(statistics+" statistics", func(t *testing.T) {
				if statistics == "with" {
					execute(t, db, `ANALYZE`)
				}
				for name, query := range hotQueries {
					t.Run(name, func(t *testing.T) {
						recorded, queries := store.Recorded(s)
						if err := query(t.Context(), recorded); err != nil {
							t.Fatal(err)
						}
						for _, q := range *queries {
							wantNoScan(t, q, explain(t, db, url, q))
						}
					})
				}
			})
		}
	})
}

// hotQueries are those of each request, each connection and each probe. Person 7
// is in twenty of 2,000 sessions; each session has 25 events.
var hotQueries = map[string]func(ctx context.Context, s *store.Store) error{
	"history": func(ctx context.Context, s *store.Store) error {
		before := int64(20)
		_, _, err := s.History(ctx, 7, chat.HistoryPage{Before: &before, Limit: 10}, 1<<20)
		return err
	},
	"history after a seq": func(ctx context.Context, s *store.Store) error {
		after := int64(5)
		_, _, err := s.History(ctx, 7, chat.HistoryPage{After: &after, Limit: 10}, 1<<20)
		return err
	},
	"log": func(ctx context.Context, s *store.Store) error {
		_, err := s.ReadLog(ctx, []chat.Range{{SessionID: 9, After: 3, Limit: 10}}, 1<<20)
		return err
	},
	"log of many sessions": func(ctx context.Context, s *store.Store) error {
		var ranges []chat.Range
		for i := range int64(64) {
			ranges = append(ranges, chat.Range{SessionID: 1 + 7*i, After: i % 20, Limit: 5})
		}
		_, err := s.ReadLog(ctx, ranges, 1<<20)
		return err
	},
	"heads": func(ctx context.Context, s *store.Store) error {
		_, err := s.Heads(ctx, []int64{7, 77, 777})
		return err
	},
	"list": func(ctx context.Context, s *store.Store) error {
		_, err := s.ListSessions(ctx, 7, nil, 10)
		return err
	},
	"membership": func(ctx context.Context, s *store.Store) error {
		_, err := s.Membership(ctx, "uri-7", 7)
		return err
	},
	"memberships": func(ctx context.Context, s *store.Store) error {
		_, err := s.Memberships(ctx, 7, []string{"uri-7", "uri-107", "uri-8"})
		return err
	},
	"members": func(ctx context.Context, s *store.Store) error {
		_, err := s.Members(ctx, 7, 0, 10)
		return err
	},
	"sessions of a member": func(ctx context.Context, s *store.Store) error {
		_, err := s.MemberSessions(ctx, 7, 0, 10)
		return err
	},
	"members by name": func(ctx context.Context, s *store.Store) error {
		_, err := s.MembersByName(ctx, 7, []string{"person7", "person8"})
		return err
	},
	"message": func(ctx context.Context, s *store.Store) error {
		_, err := s.Event(ctx, 7, 20)
		return err
	},
	"reactions": func(ctx context.Context, s *store.Store) error {
		_, err := s.Reactions(ctx, 7, 20)
		return err
	},
	"unread": func(ctx context.Context, s *store.Store) error {
		_, err := s.Unread(ctx, 7, 100)
		return err
	},
	"unread in one session": func(ctx context.Context, s *store.Store) error {
		_, err := s.UnreadIn(ctx, 7, 7)
		if errors.Is(err, chat.ErrNotFound) {
			err = nil // person 7 need not be in session 7
		}
		return err
	},
	"read": func(ctx context.Context, s *store.Store) error {
		_, err := s.MoveRead(ctx, 7, 7, 20)
		return err
	},
	"search": func(ctx context.Context, s *store.Store) error {
		_, err := s.Search(ctx, chat.Query{UserID: 7, SessionID: 7, Words: []string{"rare"}, Limit: 10})
		return err
	},
	"search everywhere": func(ctx context.Context, s *store.Store) error {
		_, err := s.Search(ctx, chat.Query{UserID: 7, Words: []string{"rare"}, Prefix: true, Limit: 10})
		return err
	},
	"ban": func(ctx context.Context, s *store.Store) error {
		_, err := s.IsBanned(ctx, 7, 7)
		return err
	},
	"invite": func(ctx context.Context, s *store.Store) error {
		_, _, err := s.InviteByCode(ctx, "code-7")
		return err
	},
	"token": func(ctx context.Context, s *store.Store) error {
		if _, err := s.CreateToken(ctx, chat.Token{UserID: 7}, chat.DigestOf("secret"), 1e9); err != nil {
			return err
		}
		_, _, err := s.TokenByDigest(ctx, chat.DigestOf("secret"))
		_, deleteErr := s.DeleteTokens(ctx, 7, 0)
		if err != nil {
			return err
		}
		return deleteErr
	},
	"name": func(ctx context.Context, s *store.Store) error {
		_, err := s.UserByName(ctx, "person7")
		return err
	},
	"retried message": func(ctx context.Context, s *store.Store) error {
		_, _, err := s.MessageByClientID(ctx, 7, 7, "key-20")
		return err
	},
}

// TestAppendUsesIndexes holds for the plans that the appender makes once and keeps:
// on empty tables, when there is nothing to find, and on full ones.
func TestAppendUsesIndexes(t *testing.T) {
	url := storetest.Postgres(t)
	db := rawly(t, url)
	for _, tables := range []string{"empty", "full"} {
		t.Run("on "+tables+" tables", func(t *testing.T) {
			if tables == "full" {
				fillTables(t, db)
			}
			execute(t, db, `ANALYZE`)
			for name, plan := range appendPlans(t, url) {
				wantNoScan(t, name, plan)
			}
		})
	}
}

// appendPlans returns the plan of each statement of the appender, by its text.
func appendPlans(t *testing.T, url chat.Secret) map[string][]string {
	t.Helper()
	db := alike(t, url, store.AppendSettings())
	plans := map[string][]string{}
	for statement, values := range map[string]string{
		store.LockSessions: `'{1,2,3}'`,
		store.AppendMany:   `'{1,2,3}', '{1,2,3}', '{a,b,NULL}', '{x,y,z}', '{7,8,9}', '{1,NULL,NULL}', '{NULL,"1,2",NULL}'`,
		store.BumpSession:  `1`,
		store.AppendOne:    `1, 1, 'a', 'x', 7, 1, '1,2'`,
	} {
		execute(t, db, `PREPARE statement AS `+statement)
		plans[statement] = lines(t, db, `EXPLAIN (COSTS OFF) EXECUTE statement (`+values+`)`)
		execute(t, db, `DEALLOCATE statement`)
	}
	return plans
}
