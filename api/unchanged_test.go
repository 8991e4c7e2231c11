package api_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/chat"
)

// openDatabase opens the database of a test beside the program.
func openDatabase(t *testing.T, url chat.Secret) *sql.DB {
	t.Helper()
	driver, source := "pgx", string(url)
	if path, ok := strings.CutPrefix(source, "sqlite://"); ok {
		driver, source = "sqlite", path
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// state says how much there is in the database, and of what can be changed in place.
func (s *server) state(t *testing.T) (state string) {
	t.Helper()
	for _, of := range []string{
		"users", "tokens", "members", "events", "reactions", "bans", "invites", "mentions",
		"sessions", "sessions, last_seq", "sessions, last_ordinal", "sessions, length(title)", "sessions, length(access)",
		"members, read_seq", "members, length(role)", "members, length(notify)", "invites, uses",
		"events, rev", "events, length(body)", "events, length(reactions)",
	} {
		table, sum, ok := strings.Cut(of, ", ")
		if sum = "coalesce(sum(" + sum + "), 0)"; !ok {
			sum = "count(*)"
		}
		var n int64
		if err := s.db.QueryRowContext(t.Context(), `SELECT `+sum+` FROM `+table).Scan(&n); err != nil {
			t.Fatalf("%s: %v", of, err)
		}
		state += fmt.Sprintf("%s %d; ", of, n)
	}
	return state
}

// unchanged runs what must leave the database as it is.
func (s *server) unchanged(t *testing.T, attack func()) {
	t.Helper()
	before := s.state(t)
	attack()
	if after := s.state(t); after != before {
		t.Errorf("it changed the database\nfrom %s\nto   %s", before, after)
	}
}

// hashes returns how many password hashes were computed.
func (s *server) hashes(t *testing.T) uint64 {
	t.Helper()
	families, err := prometheus.Gatherer(s.kit.Metrics).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "chatire_password_hash_seconds" {
			return family.GetMetric()[0].GetHistogram().GetSampleCount()
		}
	}
	t.Fatal("hashes are not counted")
	return 0
}

// want compares the whole of an answer.
func (a answer) want(t *testing.T, status int, body string) {
	t.Helper()
	if a.status != status || a.body != body {
		t.Errorf("answer %d %s, want %d %s", a.status, a.body, status, body)
	}
}

// wantStatus compares the status only.
func (a answer) wantStatus(t *testing.T, status int) {
	t.Helper()
	if a.status != status {
		t.Errorf("answer %d %s, want %d", a.status, a.body, status)
	}
}

const notFound = `{"detail":"Not found."}`

// wantThrottled checks a refusal by a limit of counts.
func (a answer) wantThrottled(t *testing.T) {
	t.Helper()
	seconds := a.header.Get("Retry-After")
	if a.status != 429 || seconds == "" || a.body != `{"detail":"Request was throttled. Expected available in `+seconds+` seconds."}` {
		t.Errorf("answer %d %s with Retry-After %q, want 429", a.status, a.body, seconds)
	}
}

// wantUnauthorized checks a refusal for want of a token.
func (a answer) wantUnauthorized(t *testing.T, detail string) {
	t.Helper()
	a.want(t, 401, `{"detail":"`+detail+`"}`)
	if got := a.header.Get("WWW-Authenticate"); got != "Token" {
		t.Errorf("WWW-Authenticate: %q", got)
	}
}

const (
	noCredentials = "Authentication credentials were not provided."
	invalidToken  = "Invalid token."
)
