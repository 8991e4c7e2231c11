package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// BenchmarkScale asks a PostgreSQL with 1 million events in 10,000 sessions (or as many
// events as CHATIRE_BENCH_EVENTS says) what apps ask most. The first session has 1,000
// members and a tenth of all events; the first user is in 1,000 sessions. Each question
// prints its plan (with -v, all of it), and none may read a whole table.
func BenchmarkScale(b *testing.B) {
	address := storetest.Postgres(b)
	s := storetest.Open(b, address)
	db := rawly(b, address)
	fillInstallation(b, db, benchEvents(b))
	planner := alike(b, address, store.Settings())
	const big, user = int64(1), int64(1)
	newest, middle := int64(1<<40), benchEvents(b)/20
	for _, question := range []struct {
		name string
		ask  func(ctx context.Context, s *store.Store) error
	}{
		{"list", func(ctx context.Context, s *store.Store) error {
			list, err := s.ListSessions(ctx, user, nil, 100)
			return atLeast(100, len(list), err)
		}},
		{"unread", func(ctx context.Context, s *store.Store) error {
			list, err := s.Unread(ctx, user, 10_000)
			return atLeast(900, len(list), err)
		}},
		{"history newest", func(ctx context.Context, s *store.Store) error {
			page, _, err := s.History(ctx, big, chat.HistoryPage{Before: &newest, Limit: 50}, 1<<20)
			return atLeast(50, len(page), err)
		}},
		{"history middle", func(ctx context.Context, s *store.Store) error {
			page, _, err := s.History(ctx, big, chat.HistoryPage{Before: &middle, Limit: 50}, 1<<20)
			return atLeast(50, len(page), err)
		}},
		{"log", func(ctx context.Context, s *store.Store) error {
			page, err := s.ReadLog(ctx, []chat.Range{{SessionID: big, After: middle, Limit: 200}}, 1<<20)
			return atLeast(200, len(page), err)
		}},
		{"members", func(ctx context.Context, s *store.Store) error {
			members, err := s.Members(ctx, big, 0, 200)
			return atLeast(200, len(members), err)
		}},
		{"mentioned members", func(ctx context.Context, s *store.Store) error {
			members, err := s.MembersByName(ctx, big, []string{"person7", "person8", "nobody"})
			return atLeast(2, len(members), err)
		}},
		{"search in one, rare", search(1, chat.Query{UserID: user, SessionID: big, Words: []string{"rare1"}, Limit: 51})},
		{"search in one, common", search(51, chat.Query{UserID: user, SessionID: big, Words: []string{"common"}, Limit: 51})},
		{"search in one, two words", search(51, chat.Query{UserID: user, SessionID: big, Words: []string{"common", "word7"}, Limit: 51})},
		{"search in one, prefix", search(51, chat.Query{UserID: user, SessionID: big, Words: []string{"word1"}, Prefix: true, Limit: 51})},
		{"search in mine, rare", search(1, chat.Query{UserID: user, Words: []string{"rare1"}, Limit: 51})},
		{"search in mine, common", search(51, chat.Query{UserID: user, Words: []string{"common"}, Limit: 51})},
		{"search in mine, two words", search(51, chat.Query{UserID: user, Words: []string{"common", "word7"}, Limit: 51})},
	} {
		b.Run(question.name, func(b *testing.B) {
			recorded, queries := store.Recorded(s)
			if err := question.ask(b.Context(), recorded); err != nil {
				b.Fatal(err)
			}
			for _, q := range *queries {
				plan := strings.Join(lines(b, planner, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "+q), "\n")
				b.Log("\n" + plan)
				if strings.Contains(plan, "Seq Scan on") {
					b.Error("reads a whole table")
				}
			}
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if err := question.ask(b.Context(), s); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}

func search(least int, q chat.Query) func(ctx context.Context, s *store.Store) error {
	return func(ctx context.Context, s *store.Store) error {
		found, err := s.Search(ctx, q)
		return atLeast(least, len(found), err)
	}
}

func atLeast(want, got int, err error) error {
	if err == nil && got < want {
		err = fmt.Errorf("there are %d, not %d", got, want)
	}
	return err
}

// fillInstallation makes all of it with a few statements. A common word is in every
// tenth message, a rare one in one of ten thousand, and there are a thousand others.
func fillInstallation(b *testing.B, db *sql.DB, events int64) {
	b.Helper()
	const sessions, big = 10_000, 10 // the first one has a tenth
	small := (events - events/big) / (sessions - 1)
	for _, statement := range []string{
		`INSERT INTO users (id, username, username_key, email, email_key, password)
		 SELECT i, 'person' || i, 'person' || i, '', '', '' FROM generate_series(1, 2000) i`,
		fmt.Sprintf(`INSERT INTO sessions (id, uri, owner_id, last_seq, last_ordinal)
		 SELECT i, lpad(to_hex(i), 15, '0'), 1 + i %% 2000, n, n FROM generate_series(1, %d) i, LATERAL (SELECT CASE i WHEN 1 THEN %d ELSE %d END AS n) size`,
			sessions, events/big, small),
		`INSERT INTO members (session_id, user_id, role, joined_seq) SELECT 1, i, 'member', 1 FROM generate_series(1, 1000) i`,
		`INSERT INTO members (session_id, user_id, role, joined_seq) SELECT i, 1, 'member', 1 FROM generate_series(2, 1000) i`,
		fmt.Sprintf(`INSERT INTO members (session_id, user_id, role, joined_seq)
		 SELECT i, 2 + (i * 7 + j * 331) %% 1998, 'member', 1 FROM generate_series(2, %d) i, generate_series(1, 5) j ON CONFLICT DO NOTHING`, sessions),
		fmt.Sprintf(`INSERT INTO events (session_id, seq, type, user_id, body, rev, ordinal, created_at)
		 SELECT s.id, seq, 'message', 1 + (s.id + seq) %% 1000,
		        'some text with word' || (s.id * 31 + seq * 17) %% 1000 || ' and word' || (s.id * 7 + seq * 3) %% 100
		        || CASE WHEN (s.id + seq) %% 10 = 0 THEN ' common word7' ELSE '' END
		        || CASE WHEN (s.id + seq) %% 10000 = 1 THEN ' rare1' ELSE '' END,
		        seq, seq, timestamptz '2026-01-01' + (seq * 10 + s.id) * interval '1 second'
		   FROM sessions s, LATERAL generate_series(1, s.last_seq) seq WHERE s.id <= %d`, sessions),
		`INSERT INTO mentions (user_id, session_id, seq) SELECT 1, i, j FROM generate_series(1, 1000) i, generate_series(1, 20) j`,
		`VACUUM ANALYZE`,
	} {
		if _, err := db.ExecContext(b.Context(), statement); err != nil {
			b.Fatalf("%s: %v", statement, err)
		}
	}
}
