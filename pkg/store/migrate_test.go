package store_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatire/chatire/migrations"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// eachEmpty runs a test on both databases before there is a schema.
func eachEmpty(t *testing.T, test func(t *testing.T, url chat.Secret)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		test(t, chat.Secret("sqlite://"+filepath.Join(t.TempDir(), "chatire.db")))
	})
	t.Run("postgres", func(t *testing.T) { test(t, storetest.EmptyPostgres(t)) })
}

func TestMigrate(t *testing.T) {
	eachEmpty(t, func(t *testing.T, url chat.Secret) {
		s := storetest.Open(t, url)
		if version, err := s.SchemaVersion(t.Context()); version != 0 || err != nil {
			t.Errorf("an empty database has version %d, %v", version, err)
		}
		if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "chatirectl migrate up") {
			t.Errorf("an empty database will do: %v", err)
		}
		done, err := s.Migrate(t.Context())
		if err != nil || len(done) != migrations.Latest() {
			t.Errorf("took %d steps, %v", len(done), err)
		}
		if done, err := s.Migrate(t.Context()); err != nil || len(done) != 0 {
			t.Errorf("took %d steps a second time, %v", len(done), err)
		}
		if version, err := s.SchemaVersion(t.Context()); version != migrations.Latest() || err != nil {
			t.Errorf("the database has version %d, %v", version, err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestMigratorsWaitForEachOther(t *testing.T) {
	eachEmpty(t, func(t *testing.T, url chat.Secret) {
		var steps int
		var mu sync.Mutex // guards steps
		var all sync.WaitGroup
		for range 4 {
			s := storetest.Open(t, url)
			all.Go(func() {
				done, err := s.Migrate(t.Context())
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				steps += len(done)
			})
		}
		all.Wait()
		if steps != migrations.Latest() {
			t.Errorf("all of them took %d steps", steps)
		}
	})
}

// TestMigrateWaitsForALongStep outlasts the time that other statements have.
func TestMigrateWaitsForALongStep(t *testing.T) {
	url := storetest.Postgres(t)
	slow, patient, db := storetest.Open(t, url), storetest.Open(t, url), rawly(t, url)
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		if _, err := store.Apply(t.Context(), slow, step(`SELECT pg_sleep(3)`)); err != nil {
			t.Error(err)
		}
	})
	const busy = `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT pg_sleep(3)')`
	for begun := false; !begun; {
		if err := db.QueryRowContext(t.Context(), busy).Scan(&begun); err != nil {
			t.Fatal(err)
		}
	}
	if applied, err := store.Apply(t.Context(), patient, step(`SELECT 1`)); applied || err != nil {
		t.Errorf("the step that somebody else took: %v, %v", applied, err)
	}
}

// TestMigrateGoesOnWhereItStopped fails in the middle of a step.
func TestMigrateGoesOnWhereItStopped(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url chat.Secret) {
		s := storetest.Open(t, url)
		broken := step("CREATE TABLE half (id bigint);\nCREATE INDEX half_id ON half (id);\nINSERT INTO nowhere VALUES (1)")
		if applied, err := store.Apply(t.Context(), s, broken); applied || err == nil {
			t.Fatalf("a broken step: %v, %v", applied, err)
		}
		if version, err := s.SchemaVersion(t.Context()); version != migrations.Latest() || err != nil {
			t.Errorf("version %d, %v", version, err)
		}
		mended := step("CREATE TABLE half (id bigint);\nCREATE INDEX half_id ON half (id)")
		if applied, err := store.Apply(t.Context(), s, mended); !applied || err != nil {
			t.Errorf("the mended step: %v, %v", applied, err)
		}
	})
}

// TestMigrateIsTriedAgainAfterALock has a step wait for a table that is in use.
func TestMigrateIsTriedAgainAfterALock(t *testing.T) {
	url := storetest.Postgres(t)
	s, db := storetest.Open(t, url), rawly(t, url)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), `LOCK TABLE mentions`); err != nil {
		t.Fatal(err)
	}
	free := time.AfterFunc(6*time.Second, func() { _ = tx.Rollback() }) // it waits five seconds at a time
	defer free.Stop()
	if applied, err := store.Apply(t.Context(), s, step(`ALTER TABLE mentions ADD COLUMN note text`)); !applied || err != nil {
		t.Errorf("the step: %v, %v", applied, err)
	}
}

// TestNewerSchema is what a build meets that runs while a newer one is put in its
// place, or that was put back.
func TestNewerSchema(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url chat.Secret) {
		s := storetest.Open(t, url)
		newer := migrations.Latest() + 1

		expanded := step(`CREATE TABLE more (id bigint)`)
		expanded.Oldest = migrations.Latest()
		if _, err := store.Apply(t.Context(), s, expanded); err != nil {
			t.Fatal(err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("a build is not ready for a schema that it can work with: %v", err)
		}
		if _, err := s.Migrate(t.Context()); !namesVersions(err, newer, migrations.Latest()) {
			t.Errorf("it migrates: %v", err)
		}

		contracted := expanded
		contracted.Version, contracted.SQL, contracted.Oldest = newer+1, `DROP TABLE more`, newer
		if _, err := store.Apply(t.Context(), s, contracted); err != nil {
			t.Fatal(err)
		}
		if err := s.Ping(t.Context()); !namesVersions(err, newer+1, migrations.Latest()) {
			t.Errorf("a build is ready for a schema that lost what it needs: %v", err)
		}
	})
}

func namesVersions(err error, theirs, ours int) bool {
	return err != nil && strings.Contains(err.Error(), fmt.Sprintf("version %d and this build knows %d", theirs, ours))
}

// step is the next one after those of this build.
func step(sql string) migrations.Migration {
	next := migrations.Latest() + 1
	return migrations.Migration{Version: next, Oldest: next, Name: "next", SQL: sql}
}

func TestStatements(t *testing.T) {
	got := store.Statements(`-- A comment; with a semicolon.
		CREATE TABLE a (
			id bigint, -- another; one
			text text DEFAULT '?'
		);

		;
		-- The last has no semicolon.
		INSERT INTO a VALUES (1, 'x')`)
	for i := range got {
		got[i] = strings.Join(strings.Fields(got[i]), " ")
	}
	want := []string{`CREATE TABLE a ( id bigint, text text DEFAULT '?' )`, `INSERT INTO a VALUES (1, 'x')`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
