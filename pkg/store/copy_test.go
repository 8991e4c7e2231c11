package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// TestCopy moves an installation in which everything has happened, and goes on in the
// copy.
func TestCopy(t *testing.T) {
	there, here := storetest.SQLite(t), storetest.EmptyPostgres(t)
	old := startSite(t, there)
	w := old.live()
	old.stop()
	alter(t, there, `UPDATE tokens SET digest = CAST('' AS blob) WHERE label = 'phone of Бөб'`) // empty, which is not NULL

	copied, err := copyAll(t.Context(), t, there, here, store.CopyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, there, here, copied)
	for table, last := range lastIDs(t, there) {
		var next int64
		err := rawly(t, here).QueryRow(`SELECT nextval(pg_get_serial_sequence($1, 'id'))`, table).Scan(&next)
		if err != nil || next != last+1 {
			t.Errorf("after the last id of %s, %d, it gives %d: %v", table, last, next, err)
		}
	}

	site := startSite(t, here)
	defer site.stop()
	ada := &guest{Client: site.nosy.As(w.ada.token), name: "ada", id: w.ada.id}
	t.Run("lets people in by their tokens and passwords", func(t *testing.T) {
		if me, err := ada.Me(t.Context()); err != nil || me.Username != "ada" {
			t.Errorf("an old token is of %+v, %v", me, err)
		}
		if me, err := site.nosy.As(w.robot).Me(t.Context()); err != nil || me.Username != w.bob.name {
			t.Errorf("a robot's token is of %+v, %v", me, err)
		}
		site.returns("ada", ada.id)
	})
	t.Run("goes on in the log without a gap", func(t *testing.T) {
		again, err := ada.Post(t.Context(), w.room, "hello @Бөб", w.sent)
		if err != nil || again.Seq >= w.head {
			t.Errorf("a retry got %d, %v", again.Seq, err)
		}
		next, err := ada.Post(t.Context(), w.room, "said in the copy", "")
		if err != nil || next.Seq != w.head+1 {
			t.Errorf("the next message is %d, want %d: %v", next.Seq, w.head+1, err)
		}
		events, err := ada.AllEvents(t.Context(), w.room)
		if err != nil || int64(len(events)) != w.head+1 {
			t.Errorf("%d events, want %d: %v", len(events), w.head+1, err)
		}
	})
	t.Run("finds what was said before", func(t *testing.T) {
		found, err := ada.Search(t.Context(), client.Search{Text: "wörds"})
		if err != nil || len(found.Messages) != 1 || found.Messages[0].Text != w.seen {
			t.Errorf("found %+v, %v", found, err)
		}
	})
	t.Run("has an audit that holds", func(t *testing.T) {
		head, err := chat.VerifyAudit(t.Context(), ada.Admin())
		if err != nil || head.Seq < 4 {
			t.Errorf("the head is %s: %v", head, err)
		}
	})
}

// alter changes a database and closes it: as long as anybody has it open it is not copied.
func alter(t *testing.T, url chat.Secret, statements ...string) {
	t.Helper()
	db := rawly(t, url)
	defer db.Close()
	execute(t, db, statements...)
}

// copyAll copies, and closes both sides.
func copyAll(ctx context.Context, t *testing.T, from, to chat.Secret, o store.CopyOptions) ([]store.Copied, error) {
	t.Helper()
	target, err := store.Open(t.Context(), to, store.Options{Connections: 2})
	if err != nil {
		t.Fatal(err)
	}
	source, err := store.OpenSource(ctx, strings.TrimPrefix(string(from), "sqlite://"))
	if err != nil {
		return nil, errors.Join(err, target.Close())
	}
	copied, err := target.CopyFrom(ctx, source, o)
	return copied, errors.Join(err, source.Close(), target.Close())
}

// wantSame compares both databases by itself: it finds the tables of SQLite in another
// way than the copy does, and all of them must have rows.
func wantSame(t *testing.T, there, here chat.Secret, copied []store.Copied) {
	t.Helper()
	db := rawly(t, there)
	tables := lines(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'search%'
		AND name <> 'schema_version' ORDER BY name`)
	if len(tables) < 13 {
		t.Fatalf("there are only %v", tables)
	}
	var said []string
	for _, c := range copied {
		said = append(said, c.Table)
	}
	if !slices.Equal(said, tables) {
		t.Errorf("it says that it copied %v, and there are %v", said, tables)
	}
	for i, table := range tables {
		want, got := rowsOf(t, db, table), rowsOf(t, rawly(t, here), table)
		if len(want) == 0 {
			t.Errorf("%s is empty: the life before lacks something", table)
		}
		if !slices.Equal(want, got) {
			t.Errorf("%s:\n%s\nis there, and here\n%s", table, strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
		if copied[i].Rows != int64(len(want)) {
			t.Errorf("it says that %s has %d rows, and there are %d", table, copied[i].Rows, len(want))
		}
	}
}

// rowsOf returns all rows of a table in an order of their own.
func rowsOf(t *testing.T, db *sql.DB, table string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT * FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(types)), make([]any, len(types))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var parts []string
		for i, column := range types {
			value := fmt.Sprintf("%T(%v)", values[i], values[i])
			switch v := values[i].(type) {
			case time.Time:
				value = v.UTC().Format(time.RFC3339Nano)
			case int64:
				if strings.EqualFold(column.DatabaseTypeName(), "boolean") {
					value = fmt.Sprintf("bool(%t)", v == 1)
				}
			}
			parts = append(parts, column.Name()+"="+value)
		}
		slices.Sort(parts)
		all = append(all, strings.Join(parts, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// lastIDs returns the greatest id that each table ever gave.
func lastIDs(t *testing.T, there chat.Secret) map[string]int64 {
	t.Helper()
	ids := map[string]int64{}
	for _, line := range lines(t, rawly(t, there), `SELECT name || ' ' || seq FROM sqlite_sequence`) {
		var table string
		var id int64
		if _, err := fmt.Sscan(line, &table, &id); err != nil {
			t.Fatal(err)
		}
		ids[table] = id
	}
	var most int64
	if err := rawly(t, there).QueryRow(`SELECT max(id) FROM tokens`).Scan(&most); err != nil || most >= ids["tokens"] {
		t.Fatalf("the newest token %d was to be gone: %v", ids["tokens"], err)
	}
	return ids
}

// talkative is a SQLite with two people and a log of some messages.
func talkative(t *testing.T, messages int) chat.Secret {
	t.Helper()
	url := storetest.SQLite(t)
	s, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ada := signUp(t, s, "ada")
	room := openSession(t, s, ada, signUp(t, s, "bob"))
	for begin := 0; begin < messages; begin += 100 {
		var drafts []chat.Draft
		for i := begin; i < min(begin+100, messages); i++ {
			drafts = append(drafts, draft(room, ada, fmt.Sprint("message ", i), nil))
		}
		if _, err := s.AppendMessages(t.Context(), drafts); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return url
}

// TestCopyIsAllOrNothing ends copies in their middle, in every way and at every stage.
// Nothing is left, not even a schema, and the next one succeeds.
func TestCopyIsAllOrNothing(t *testing.T) {
	there, here := talkative(t, 5000), storetest.EmptyPostgres(t)
	const all = 5000 + 2 + 2 + 2 + 1 + 1 + 1 // messages, joins, users, members, session, installation, head of the audit
	ends := map[string]func(cancel context.CancelFunc){
		"by whom it was started": func(cancel context.CancelFunc) { cancel() },
		"by the database": func(context.CancelFunc) {
			execute(t, rawly(t, here), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND application_name = 'chatire' AND xact_start IS NOT NULL`)
		},
	}
	for name, end := range ends {
		for _, at := range []int{1, 7, all / 2, all, all + 1, all * 3 / 2, 2 * all} {
			t.Run(fmt.Sprintf("%s, at row %d", name, at), func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				passed := 0
				_, err := copyAll(ctx, t, there, here, store.CopyOptions{Passed: func() {
					if passed++; passed == at {
						end(cancel)
					}
				}})
				if err == nil || passed < at {
					t.Fatalf("it went on after row %d: %v", passed, err)
				}
				wantEmpty(t, here)
			})
		}
	}
	t.Run("and a dry run is taken back", func(t *testing.T) {
		copied, err := copyAll(t.Context(), t, there, here, store.CopyOptions{DryRun: true})
		if err != nil || len(copied) < 13 {
			t.Errorf("%v, %v", copied, err)
		}
		wantEmpty(t, here)
	})
	passes := map[string]int64{}
	copied, err := copyAll(t.Context(), t, there, here, store.CopyOptions{Began: func(done string, rows int64) { passes[done] = rows }})
	if err != nil {
		t.Fatal(err)
	}
	if passes["rows copied"] != all || passes["rows compared"] != all {
		t.Errorf("it passed %v, want %d", passes, all)
	}
	if i := slices.IndexFunc(copied, func(c store.Copied) bool { return c.Table == "events" }); copied[i].Rows != 5002 {
		t.Errorf("%+v", copied[i])
	}
}

func wantEmpty(t *testing.T, here chat.Secret) {
	t.Helper()
	if left := lines(t, rawly(t, here), `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

// TestCopyForgetsNoTable adds tables and columns, as a later migration may.
func TestCopyForgetsNoTable(t *testing.T) {
	prepared := func(t *testing.T) (there, here chat.Secret) { return talkative(t, 3), storetest.Postgres(t) }
	t.Run("and copies one that it has never heard of", func(t *testing.T) {
		there, here := prepared(t)
		for _, url := range []chat.Secret{there, here} {
			alter(t, url, `CREATE TABLE "A new one" (b text, a text, "order" boolean, PRIMARY KEY (a, b))`, `ALTER TABLE users ADD COLUMN born timestamp`)
		}
		alter(t, here, `ALTER TABLE users ALTER COLUMN born TYPE timestamptz`)
		alter(t, there, `INSERT INTO "A new one" (a, b, "order") VALUES ('z', 'a', true), ('Z', 'ä', NULL), ('é', 'b', false)`,
			`UPDATE users SET born = '1969-12-31T23:59:59.999Z' WHERE id = 1`)
		copied, err := copyAll(t.Context(), t, there, here, store.CopyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if copied[0].Table != "A new one" || copied[0].Rows != 3 {
			t.Errorf("%+v", copied[0])
		}
		for _, table := range []string{`"A new one"`, "users"} {
			if want, got := rowsOf(t, rawly(t, there), table), rowsOf(t, rawly(t, here), table); !slices.Equal(want, got) {
				t.Errorf("%v is there, %v here", want, got)
			}
		}
	})
	for name, c := range map[string]struct{ there, here, want string }{
		"a table of the source":    {`CREATE TABLE more (id bigint PRIMARY KEY)`, ``, "The source has more.id"},
		"a table of the target":    {``, `CREATE TABLE more (id bigint PRIMARY KEY)`, "The target has more.id"},
		"a column of the source":   {`ALTER TABLE users ADD COLUMN born text`, ``, "The source has users.born"},
		"a column of the target":   {``, `ALTER TABLE users ADD COLUMN born text`, "The target has users.born"},
		"a type that it knows not": {`ALTER TABLE users ADD COLUMN born text`, `ALTER TABLE users ADD COLUMN born date`, "users.born is a date"},
		"rows that have no key":    {`CREATE TABLE more (id bigint)`, `CREATE TABLE more (id bigint)`, "more has no primary key"},
	} {
		t.Run("nor "+name, func(t *testing.T) {
			there, here := prepared(t)
			alter(t, there, c.there)
			alter(t, here, c.here)
			if _, err := copyAll(t.Context(), t, there, here, store.CopyOptions{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it says %v, want %s", err, c.want)
			}
		})
	}
}

// TestCopyRefuses has a source or a target that will not do. The target stays as it was.
func TestCopyRefuses(t *testing.T) {
	for name, c := range map[string]struct{ there, here, want string }{
		"a NUL":                        {`UPDATE events SET body = 'a' || char(0) || 'b' WHERE seq = 4`, ``, "the row of events with session_id 1, seq 4: its body has a NUL"},
		"what is no UTF-8":             {`UPDATE users SET first_name = CAST(X'41FF42' AS text) WHERE id = 2`, ``, "the row of users with id 2: its first_name has a NUL, or is no UTF-8"},
		"bytes for a text":             {`UPDATE users SET first_name = X'41' WHERE id = 2`, ``, "the row of users with id 2: its first_name is no text"},
		"a text for a number":          {`UPDATE sessions SET last_seq = 'many' WHERE id = 1`, ``, "its last_seq is no bigint"},
		"a time that is none":          {`UPDATE users SET created_at = 'yesterday' WHERE id = 1`, ``, "its created_at is no timestamp with time zone"},
		"a time that is too fine":      {`UPDATE users SET created_at = '2020-01-01T00:00:00.0000001Z' WHERE id = 1`, ``, "its created_at is finer than a microsecond"},
		"a truth that is neither":      {`UPDATE users SET admin = 2 WHERE id = 1`, ``, "its admin is no boolean"},
		"a log with a hole":            {`DELETE FROM events WHERE seq = 3`, ``, "does not end where its head is"},
		"a log without its end":        {`DELETE FROM events WHERE seq = 5`, ``, "does not end where its head is"},
		"an older schema":              {`DELETE FROM schema_version WHERE version > 2`, ``, "has schema version 2 and this build needs"},
		"a newer schema":               {`INSERT INTO schema_version (version, oldest) VALUES (4711, 4711)`, ``, "has schema version 4711 and this build knows"},
		"no schema":                    {`DROP TABLE schema_version`, ``, "is no database of Chatire"},
		"a target with an account":     {``, `INSERT INTO users (username, email, email_key, password) VALUES ('', '', '', '')`, "has data already, in users"},
		"a target with a newer schema": {``, `INSERT INTO schema_version (version, oldest) VALUES (4711, 4711)`, "use a newer build"},
		"a target of others":           {``, `DROP TABLE schema_version`, "tables that are not Chatire's"},
	} {
		t.Run(name, func(t *testing.T) {
			there, here := talkative(t, 3), storetest.Postgres(t)
			alter(t, there, c.there)
			alter(t, here, c.here)
			before := rowsOf(t, rawly(t, here), "installation")
			if _, err := copyAll(t.Context(), t, there, here, store.CopyOptions{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it says %v, want %s", err, c.want)
			}
			if after := rowsOf(t, rawly(t, here), "installation"); !slices.Equal(before, after) || len(rowsOf(t, rawly(t, here), "sessions")) > 0 {
				t.Error("the target has changed")
			}
		})
	}
	t.Run("a source that is in use, and keeps it to itself", func(t *testing.T) {
		there := talkative(t, 3)
		file := strings.TrimPrefix(string(there), "sqlite://")
		s, err := store.Open(t.Context(), there, store.Options{}) // idle, as a server at night
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.OpenSource(t.Context(), file); chat.CodeOf(err) != chat.Conflict || !strings.Contains(err.Error(), "is in use") {
			t.Errorf("it says %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		source, err := store.OpenSource(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := store.Open(t.Context(), there, store.Options{}); err == nil {
			s.Close()
			t.Error("a server can begin meanwhile")
		}
		if err := source.Close(); err != nil {
			t.Fatal(err)
		}
		signUp(t, storetest.Open(t, there), "back")
	})
	t.Run("what is no file of SQLite", func(t *testing.T) {
		folder := t.TempDir()
		text := filepath.Join(folder, "text")
		if err := os.WriteFile(text, []byte(strings.Repeat("This is a text. ", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{
			text: "is no SQLite database", folder: "is a folder", filepath.Join(folder, "missing.db"): "There is no database",
		} {
			if _, err := store.OpenSource(t.Context(), path); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", path, err)
			}
		}
	})
	t.Run("a target that is SQLite", func(t *testing.T) {
		if _, err := copyAll(t.Context(), t, talkative(t, 3), storetest.SQLite(t), store.CopyOptions{}); err == nil {
			t.Error("it was copied to")
		}
	})
}

// TestCopyComparesBothSides copies into a database that does not keep what it is given.
func TestCopyComparesBothSides(t *testing.T) {
	for does, want := range map[string]string{
		`new.body = new.body || ' '; RETURN new`:                                       "the row of events with session_id 1, seq 4 and the row of events with session_id 1, seq 4 differ",
		`new.created_at = new.created_at + interval '1 microsecond'; RETURN new`:       "seq 4 differ",
		`new.client_id = ''; RETURN new`:                                               "seq 4 differ",
		`new.seq = 7; new.rev = 7; RETURN new`:                                         "the row of events with session_id 1, seq 4 and the row of events with session_id 1, seq 5 differ",
		`RETURN NULL`:                                                                  "4 of 5 rows were copied",
		`UPDATE sessions SET title = 'another'; RETURN new`:                            "the row of sessions with id 1 and the row of sessions with id 1 differ",
		`INSERT INTO mentions (user_id, session_id, seq) VALUES (1, 1, 1); RETURN new`: "the row of mentions with user_id 1, session_id 1, seq 1 is in the target only",
		`DELETE FROM members WHERE user_id = 2; RETURN new`:                            "the row of members with session_id 1, user_id 2 is missing in the target",
		`UPDATE installation SET epoch = 'another'; RETURN new`:                        "the row of installation with id 1 and the row of installation with id 1 differ",
	} {
		t.Run(want, func(t *testing.T) {
			there, here := talkative(t, 3), storetest.Postgres(t)
			table, when := "events", "new.seq = 4"
			if strings.HasPrefix(does, "UPDATE") || strings.HasPrefix(does, "DELETE") {
				table, when = "users", "new.id = 2" // the last to be copied
			}
			alter(t, here, `CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN `+does+`; END $$`,
				`CREATE TRIGGER spoil BEFORE INSERT ON `+table+` FOR EACH ROW WHEN (`+when+`) EXECUTE FUNCTION spoil()`)
			if _, err := copyAll(t.Context(), t, there, here, store.CopyOptions{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("it says %v, want %s", err, want)
			}
			if left := rowsOf(t, rawly(t, here), "users"); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

// TestCopyWaitsForItsCommit has a COMMIT that takes longer than other statements may.
func TestCopyWaitsForItsCommit(t *testing.T) {
	there, here := talkative(t, 3), storetest.Postgres(t)
	alter(t, here, `CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3); RETURN NULL; END $$`,
		`CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON sessions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION linger()`)
	if _, err := copyAll(t.Context(), t, there, here, store.CopyOptions{}); err != nil {
		t.Error(err)
	}
	if there := rowsOf(t, rawly(t, here), "users"); len(there) != 2 {
		t.Errorf("it has %v", there)
	}
}

// TestCopyTwiceAtOnce copies two sources into one target: one of them comes too late, and
// nothing of it is there.
func TestCopyTwiceAtOnce(t *testing.T) {
	here := storetest.EmptyPostgres(t)
	var ends [2]error
	var both sync.WaitGroup
	for i, there := range []chat.Secret{talkative(t, 700), talkative(t, 700)} {
		both.Go(func() { _, ends[i] = copyAll(t.Context(), t, there, here, store.CopyOptions{}) })
	}
	both.Wait()
	if (ends[0] == nil) == (ends[1] == nil) || chat.CodeOf(errors.Join(ends[:]...)) != chat.Conflict {
		t.Errorf("they end with %v and %v", ends[0], ends[1])
	}
	if bodies := lines(t, rawly(t, here), `SELECT body FROM events WHERE type = 'message'`); len(bodies) != 700 {
		t.Errorf("there are %d messages", len(bodies))
	}
}

// TestCopyAfterAPowerCut copies what a server has stored that was killed, so that it lies
// beside the database still.
func TestCopyAfterAPowerCut(t *testing.T) {
	there, here := storetest.SQLite(t), storetest.EmptyPostgres(t)
	s := storetest.Open(t, there)
	ada := signUp(t, s, "ada")
	post(t, s, openSession(t, s, ada), ada, "stored", nil)
	file := strings.TrimPrefix(string(there), "sqlite://")
	cut := filepath.Join(t.TempDir(), "cut.db")
	for _, end := range []string{"", "-wal"} {
		content, err := os.ReadFile(file + end)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(cut+end, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	copied, err := copyAll(t.Context(), t, chat.Secret("sqlite://"+cut), here, store.CopyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if bodies := lines(t, rawly(t, here), `SELECT body FROM events WHERE type = 'message'`); len(bodies) != 1 || bodies[0] != "stored" {
		t.Errorf("it has %q: %v", bodies, copied)
	}
}
