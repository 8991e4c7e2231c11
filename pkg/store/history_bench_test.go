package store_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// BenchmarkHistory reads pages of 50 messages out of one session with 1 million
// events, or as many as CHATIRE_BENCH_EVENTS says: the newest, out of the middle,
// and the oldest. The target is a millisecond, wherever the page is.
func BenchmarkHistory(b *testing.B) {
	size := benchEvents(b)
	for name, url := range map[string]func(testing.TB) chat.Secret{"postgres": storetest.Postgres, "sqlite": storetest.SQLite} {
		b.Run(name, func(b *testing.B) {
			address := url(b)
			s := storetest.Open(b, address)
			sessionID := fillLog(b, s, address, size)
			for _, before := range []int64{size + 1, size / 2, 100} {
				b.Run(fmt.Sprintf("before=%d", before), func(b *testing.B) {
					for b.Loop() {
						page, more, err := s.History(b.Context(), sessionID, chat.HistoryPage{Before: &before, Limit: 50}, 1<<20)
						if err != nil || len(page) != 50 || !more {
							b.Fatal(len(page), more, err)
						}
					}
				})
			}
		})
	}
}

func benchEvents(b *testing.B) int64 {
	b.Helper()
	text := os.Getenv("CHATIRE_BENCH_EVENTS")
	if text == "" {
		return 1_000_000
	}
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || size < 1000 {
		b.Fatal("CHATIRE_BENCH_EVENTS is a number from 1000")
	}
	return size
}

// fillLog makes a session with so many events, of which three in ten are no
// messages.
func fillLog(b *testing.B, s *store.Store, address chat.Secret, size int64) (sessionID int64) {
	b.Helper()
	ada, err := s.CreateUser(b.Context(), chat.User{Username: "ada"})
	if err != nil {
		b.Fatal(err)
	}
	session, err := s.CreateSession(b.Context(), "0123456789abcde", ada.ID, nil)
	if err != nil {
		b.Fatal(err)
	}
	fill := fmt.Sprintf(`
		WITH RECURSIVE n (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < %d)
		INSERT INTO events (session_id, seq, type, user_id, body, rev, ordinal, created_at)
		SELECT %d, seq, CASE WHEN seq %% 10 < 3 THEN 'title' ELSE 'message' END, %d,
		       'Texts in a chat are short, and now and then there is one of a line or two.', seq, seq,
		       (SELECT created_at FROM users WHERE id = %d)
		  FROM n`, size, session.ID, ada.ID, ada.ID)
	db := rawly(b, address)
	for _, statement := range []string{fill, "ANALYZE"} { // as after any bulk load
		if _, err := db.Exec(statement); err != nil {
			b.Fatal(err)
		}
	}
	return session.ID
}
