// Package storetest gives tests real databases: a fresh one for each test, with
// the schema in place, on SQLite and on the PostgreSQL that
// CHATIRE_TEST_POSTGRES_URL names.
package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatire/chatire/migrations"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
)

// Each runs a test once on each database. The URL is that of a fresh one.
func Each(t *testing.T, test func(t *testing.T, url chat.Secret)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// Open opens a database and closes it when the test ends.
func Open(t testing.TB, url chat.Secret) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// SQLite returns the URL of a fresh SQLite database.
func SQLite(t testing.TB) chat.Secret {
	t.Helper()
	u := chat.Secret("sqlite://" + filepath.Join(t.TempDir(), "chatire.db"))
	if err := migrate(u); err != nil {
		t.Fatal(err)
	}
	return u
}

func migrate(u chat.Secret) error {
	s, err := store.Open(context.Background(), u, store.Options{Connections: 2})
	if err != nil {
		return err
	}
	_, err = s.Migrate(context.Background())
	return errors.Join(err, s.Close())
}

// Postgres returns the URL of a fresh PostgreSQL database, which is dropped when
// the test ends.
func Postgres(t testing.TB) chat.Secret {
	t.Helper()
	server(t)
	name, err := template()
	if err != nil {
		t.Fatal(err)
	}
	return create(t, name)
}

// EmptyPostgres returns the URL of a fresh PostgreSQL database without a schema.
func EmptyPostgres(t testing.TB) chat.Secret {
	t.Helper()
	return create(t, "template0")
}

// variable names the server; the databases of tests are made on it.
const variable = "CHATIRE_TEST_POSTGRES_URL"

// server returns the address of the PostgreSQL for tests.
func server(t testing.TB) string {
	t.Helper()
	address := os.Getenv(variable)
	if address == "" {
		t.Fatal(variable + " is not set: make test starts a PostgreSQL and sets it.")
	}
	return address
}

// template returns the name of a database with the schema of this build: copying
// one is much faster than migrating one. It is made by whichever process first
// needs it and stays, one for each state of the schema.
var template = sync.OnceValues(func() (string, error) {
	all, err := migrations.All(migrations.Postgres)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Append(nil, all))
	name := fmt.Sprintf("chatire_template_%x", sum[:8])
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, os.Getenv(variable))
	if err != nil {
		return "", fmt.Errorf("connect to the PostgreSQL for tests: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(811724)"); err != nil { // until the connection ends
		return "", err
	}
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil || there {
		return name, err
	}
	draft := newName("draft")
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+draft+" TEMPLATE template0"); err != nil {
		return "", err
	}
	if err := migrate(withDatabase(os.Getenv(variable), draft)); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+draft+" RENAME TO "+name)
	return name, err
})

// create makes a database as a copy of another.
func create(t testing.TB, from string) chat.Secret {
	t.Helper()
	name := newName("test")
	execute(t, "CREATE DATABASE "+name+" TEMPLATE "+from)
	t.Cleanup(func() { execute(t, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	return withDatabase(server(t), name)
}

func newName(kind string) string {
	return "chatire_" + kind + "_" + strings.ToLower(rand.Text())[:16]
}

func withDatabase(address, name string) chat.Secret {
	u, err := url.Parse(address)
	if err != nil {
		panic("CHATIRE_TEST_POSTGRES_URL is not a URL")
	}
	u.Path = "/" + name
	return chat.Secret(u.String())
}

// execute runs a statement on the server itself.
func execute(t testing.TB, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server(t))
	if err != nil {
		t.Fatalf("connect to the PostgreSQL for tests: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
