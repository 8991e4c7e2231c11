package store_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

func TestOpen(t *testing.T) {
	t.Run("refuses a server that forgets what it confirmed", func(t *testing.T) {
		unsafe := with(t, storetest.Postgres(t), "synchronous_commit", "off")
		_, err := store.Open(t.Context(), unsafe, store.Options{})
		if err == nil || !strings.Contains(err.Error(), "synchronous_commit is off") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("opens it if told to", func(t *testing.T) {
		unsafe := with(t, storetest.Postgres(t), "synchronous_commit", "off")
		s, err := store.Open(t.Context(), unsafe, store.Options{AllowUnsafe: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("refuses addresses of nothing it knows", func(t *testing.T) {
		for _, address := range []chat.Secret{"", "mysql://host/db", "postgres", "/var/lib/chatire.db"} {
			if _, err := store.Open(t.Context(), address, store.Options{}); err == nil {
				t.Errorf("%q was opened", string(address))
			}
		}
	})
	t.Run("says unavailable where nobody listens", func(t *testing.T) {
		_, err := store.Open(t.Context(), "postgres://u:hunter2@127.0.0.1:1/db", store.Options{})
		if chat.CodeOf(err) != chat.Unavailable {
			t.Errorf("got %v", err)
		}
	})
}

// TestOpenHidesPasswords tries addresses that go wrong in every part of the way.
func TestOpenHidesPasswords(t *testing.T) {
	const password = "hunter2"
	server, err := url.Parse(string(storetest.Postgres(t)))
	if err != nil {
		t.Fatal(err)
	}
	addresses := []string{
		"postgres://u:hunter2@127.0.0.1:1/db",
		"postgres://u:hunter2@no-such-host.invalid/db",
		"postgres://u:hunter2@" + server.Host + server.Path + "?sslmode=disable", // refused
		"postgres://u:hunter2@" + server.Host + "/no_such_database?sslmode=disable",
		"postgres://u:hunter2@127.0.0.1/db?sslmode=nonsense",
		"postgres://u@127.0.0.1/db?password=hunter2&sslmode=nonsense",
		"postgres://u:hunter2%zz@127.0.0.1/db",
		"postgres://u:hunter2/x@127.0.0.1/db",
		"postgres://u:hunter2#x@127.0.0.1/db",
		"postgres://u:hunter2@127.0.0.1:port/db",
		"postgres://u:pa hunter2@127.0.0.1/db",
		"postgres://u:hunter2\x7f@127.0.0.1/db",
		"mysql://u:hunter2@127.0.0.1/db",
	}
	for _, address := range addresses {
		s, err := store.Open(t.Context(), chat.Secret(address), store.Options{})
		if err == nil {
			s.Close()
			t.Errorf("%q was opened", address)
			continue
		}
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			if strings.Contains(text, password) {
				t.Errorf("%q: the password is in %s", address, text)
			}
		}
	}
}

// TestConnectionsAreBounded asks the connections themselves what holds for them,
// whatever the role or the address says.
func TestConnectionsAreBounded(t *testing.T) {
	address := storetest.Postgres(t)
	for name, value := range map[string]string{
		"statement_timeout":             "0",
		"lock_timeout":                  "0",
		"standard_conforming_strings":   "off",
		"default_transaction_isolation": "repeatable read",
	} {
		address = with(t, address, name, value)
	}
	s := storetest.Open(t, address)
	ada := signUp(t, s, "ada")
	post(t, s, openSession(t, s, ada), ada, "opens the appender's connection", nil)

	t.Run("by timeouts", func(t *testing.T) {
		for _, kind := range []string{"chatire", "chatire-append"} {
			for _, name := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
				if got := store.Setting(t, s, kind, name); got == "0" {
					t.Errorf("%s: %s is off", kind, name)
				}
			}
		}
	})
	t.Run("and see in each statement what was committed before it", func(t *testing.T) {
		for _, kind := range []string{"chatire", "chatire-append"} {
			if got := store.Setting(t, s, kind, "transaction_isolation"); got != "read committed" {
				t.Errorf("%s: the level is %s", kind, got)
			}
		}
	})
	t.Run("and read texts in one way", func(t *testing.T) {
		name := `\'; DROP TABLE users; --`
		signUp(t, s, name)
		if u, err := s.UserByName(t.Context(), name); err != nil || u.Username != name {
			t.Errorf("got %+v, %v", u, err)
		}
	})
	t.Run("and have the plans of the appender", func(t *testing.T) {
		for name, want := range map[string]string{"enable_seqscan": "off", "plan_cache_mode": "force_generic_plan", "jit": "off"} {
			if got := store.Setting(t, s, "chatire-append", name); got != want {
				t.Errorf("%s is %s", name, got)
			}
		}
	})
}

func TestSQLiteIsDurable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a ? b # c%20.db")
	s, err := store.Open(t.Context(), chat.Secret("sqlite://"+file), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "1500"} {
		if got := store.Pragma(t, s, name); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
	// The file is where the address says, whatever signs its name has.
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var epoch string
	if err := db.QueryRow(`SELECT epoch FROM installation`).Scan(&epoch); err != nil || len(epoch) != 32 {
		t.Errorf("epoch %q, %v", epoch, err)
	}
}

// with adds a setting to an address.
func with(t *testing.T, address chat.Secret, name, value string) chat.Secret {
	t.Helper()
	u, err := url.Parse(string(address))
	if err != nil {
		t.Fatal(err)
	}
	values := u.Query()
	values.Set(name, value)
	u.RawQuery = values.Encode()
	return chat.Secret(u.String())
}
