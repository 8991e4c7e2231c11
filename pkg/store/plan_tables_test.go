package store_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
)

// fillTables has 2,000 people and sessions, 20 members and 25 events in each.
func fillTables(t *testing.T, db *sql.DB) {
	t.Helper()
	const (
		numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000), `
		twenty  = `k (j) AS (SELECT 1 UNION ALL SELECT j + 1 FROM k WHERE j < 20) `
		five    = `k (j) AS (SELECT 1 UNION ALL SELECT j + 1 FROM k WHERE j < 25) `
	)
	execute(t, db,
		numbers+twenty+`INSERT INTO users (id, username, username_key, email, email_key, password)
			SELECT i, 'person' || i, 'person' || i, '', '', '' FROM n`,
		numbers+twenty+`INSERT INTO tokens (user_id, digest, label, idle_seconds, expires_at)
			SELECT i, CAST('digest' || i AS `+bytesType(db)+`), '', 0, '2100-01-01T00:00:00.000Z' FROM n`,
		numbers+twenty+`INSERT INTO sessions (id, uri, owner_id, last_seq, last_ordinal) SELECT i, 'uri-' || i, i, 25, 19 FROM n`,
		numbers+twenty+`INSERT INTO members (session_id, user_id, role, joined_seq)
			SELECT i, 1 + (i + 100 * j - 1) % 2000, 'member', j FROM n CROSS JOIN k`,
		numbers+twenty+`INSERT INTO mentions (user_id, session_id, seq) SELECT 1 + (i + j) % 2000, i, j FROM n CROSS JOIN k`,
		numbers+twenty+`INSERT INTO reactions (session_id, seq, emoji, user_id, since) SELECT i, j, '+', 1 + (i + j) % 2000, j FROM n CROSS JOIN k`,
		numbers+twenty+`INSERT INTO bans (session_id, user_id) SELECT i, 1 + (i + j) % 2000 FROM n CROSS JOIN k WHERE j < 3`,
		numbers+twenty+`INSERT INTO invites (session_id, creator_id, code, role, max_uses) SELECT i, i, 'code-' || i, 'member', 0 FROM n`,
		numbers+five+`INSERT INTO events (session_id, seq, type, user_id, client_id, client_sum, body, rev, ordinal, created_at)
			SELECT i, j, CASE WHEN j % 4 = 1 THEN 'title' ELSE 'message' END, i, 'key-' || j, j, 'some text', j, j, '2020-01-01T00:00:00.000Z'
			  FROM n CROSS JOIN k`,
	)
}

func execute(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func bytesType(db *sql.DB) string {
	if strings.Contains(fmt.Sprintf("%T", db.Driver()), "sqlite") {
		return "blob"
	}
	return "bytea"
}

// alike opens the database as the store does, but around it.
func alike(t testing.TB, url chat.Secret, settings map[string]string) *sql.DB {
	t.Helper()
	db := rawly(t, url)
	if isPostgres(url) {
		db.SetMaxOpenConns(1) // settings are those of one connection
		delete(settings, "client_encoding")
		delete(settings, "statement_timeout")
		for name, value := range settings {
			execute(t, db, `SET `+name+` = '`+value+`'`)
		}
	}
	return db
}

// explain returns the lines of a statement's plan.
func explain(t *testing.T, db *sql.DB, url chat.Secret, query string) []string {
	t.Helper()
	verb := "EXPLAIN QUERY PLAN "
	if isPostgres(url) {
		verb = "EXPLAIN (COSTS OFF) "
	}
	return lines(t, db, verb+query)
}

// lines returns the last column of each row.
func lines(t testing.TB, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for rows.Next() {
		var line string
		place := make([]any, len(columns))
		for i := range place {
			place[i] = new(any)
		}
		place[len(place)-1] = &line
		if err := rows.Scan(place...); err != nil {
			t.Fatal(err)
		}
		found = append(found, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// logScan matches how PostgreSQL reads the log, be it all of an index.
var logScan = regexp.MustCompile(`Index( Only)? Scan .* on events`)

// wantNoScan fails if a plan reads all of a table. What SQLite scans may also be a
// part of the statement that it has built itself: each of those is scanned once.
func wantNoScan(t *testing.T, query string, plan []string) {
	t.Helper()
	scans, built := 0, 0
	for i, line := range plan {
		switch {
		case strings.Contains(line, " VIRTUAL TABLE INDEX 0:M"): // of words that are looked for
		case logScan.MatchString(line) && (i+1 == len(plan) || !strings.Contains(plan[i+1], "Index Cond:")):
			scans++
		case strings.Contains(line, "Seq Scan on "), strings.HasPrefix(line, "SCAN ") && !strings.Contains(line, "CONSTANT"):
			scans++
		case strings.HasPrefix(line, "CO-ROUTINE "), strings.HasPrefix(line, "MATERIALIZE "):
			built++
		}
	}
	if scans > built {
		t.Errorf("%s\n%s", query, strings.Join(plan, "\n"))
	}
}
