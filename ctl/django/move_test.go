package django_test

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite"

	"github.com/chatire/chatire/ctl/django"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// size is how much an installation of the original has.
type size struct{ users, sessions, members, messages int }

// TestMove moves an installation over, signs everybody in with their old passwords, and
// compares what people see with what the original has.
func TestMove(t *testing.T) {
	t.Run("from postgres to postgres", func(t *testing.T) {
		o := newOriginal(t, "pgx", string(storetest.EmptyPostgres(t)), "postgres.sql")
		testMove(t, o, storetest.Postgres(t), large)
	})
	t.Run("from sqlite to sqlite", func(t *testing.T) {
		o := newOriginal(t, "sqlite", filepath.Join(t.TempDir(), "db.sqlite3"), "sqlite.sql")
		testMove(t, o, storetest.SQLite(t), size{20, 5, 4, 700})
	})
}

func testMove(t *testing.T, o *original, here chat.Secret, s size) {
	o.fill(s)
	service := serve(t, here)
	want := o.counts()

	first := move(t, o, service)
	if first.There != want || first.Here != want || first.New != want {
		t.Fatalf("moved %+v, want all of %+v", first, want)
	}
	everybodySignsIn(t, service, s.users)
	o.compare(service)

	again := move(t, o, service)
	if again.Here != want || again.New != (django.Counts{}) {
		t.Errorf("moved again: %+v, want nothing new and all of %+v", again, want)
	}

	// What comes after the first move comes with the next one.
	o.say(1, 2, "one more", time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	later := move(t, o, service)
	if later.New != (django.Counts{Messages: 1}) || later.Here.Messages != want.Messages+1 {
		t.Errorf("moved later: %+v, want one message more than %+v", later, want)
	}
	o.compare(service)
}

// serve runs the service on a database.
func serve(t *testing.T, here chat.Secret) *chat.Service {
	t.Helper()
	return chat.New(chat.Options{
		Store:     storetest.Open(t, here),
		Publisher: silent{},
		Metrics:   prometheus.NewRegistry(),
		Log:       slog.New(slog.DiscardHandler),
	})
}

type silent struct{}

func (silent) PublishEvents([]chat.Event, []chat.Cause) {}

func (silent) PublishControl(chat.Control) {}

func admin(ctx context.Context) context.Context {
	return chat.WithAdmin(ctx, chat.Admin{Actor: "local:root", Origin: "here"})
}

func move(t *testing.T, o *original, service *chat.Service) django.Result {
	t.Helper()
	source, err := django.Open(t.Context(), o.address)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	m := &django.Mover{Source: source, Chat: service, Note: t.Logf}
	result, err := m.Run(admin(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// everybodySignsIn with the old password, and is not let in with another one.
func everybodySignsIn(t *testing.T, service *chat.Service, users int) {
	t.Helper()
	signing, ctx := errgroup.WithContext(t.Context())
	signing.SetLimit(4)
	for i := 1; i <= users; i++ {
		signing.Go(func() error {
			if _, _, err := service.SignIn(ctx, username(i), password(i), ""); err != nil {
				return fmt.Errorf("%s: %w", username(i), err)
			}
			if i > 5 {
				return nil
			}
			if _, _, err := service.SignIn(ctx, username(i), password(i)+"x", ""); !errors.Is(err, chat.ErrCredentials) {
				return fmt.Errorf("%s with a wrong password: %w", username(i), err)
			}
			return nil
		})
	}
	if err := signing.Wait(); err != nil {
		t.Fatal(err)
	}
	token := chat.Secret(key(1))
	if who, err := service.Authenticate(t.Context(), token); err != nil || who.User.Username != username(1) {
		t.Errorf("an old token is of %q: %v", who.User.Username, err)
	}
}

// original is a database of the original, with its own schema.
type original struct {
	t       *testing.T
	db      *sql.DB
	address string
	last    int // the id of the newest message
}

func newOriginal(t *testing.T, driver, address, schema string) *original {
	t.Helper()
	o := &original{t: t, address: address}
	name := address
	if driver == "sqlite" {
		o.address, name = "sqlite://"+address, "file:"+address
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	o.db = db
	text, err := os.ReadFile(filepath.Join("testdata", schema))
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range strings.Split(string(text), ";\n") {
		o.run(statement)
	}
	return o
}

func (o *original) run(statement string, args ...any) {
	o.t.Helper()
	if _, err := o.db.ExecContext(o.t.Context(), statement, args...); err != nil {
		o.t.Fatalf("%s: %v", statement[:min(200, len(statement))], err)
	}
}

func username(i int) string { return fmt.Sprintf("user%d@home", i) }

func password(i int) chat.Secret { return chat.Secret(fmt.Sprintf("old-password-%d", i)) }

// key is the token of a user.
func key(i int) string { return fmt.Sprintf("%040x", i) }

// digest is that of a password as Django keeps it, with fewer rounds.
func digest(i int) string {
	salt := fmt.Sprintf("salt%d", i)
	sum, err := pbkdf2.Key(sha256.New, string(password(i)), []byte(salt), 1000, sha256.Size)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("pbkdf2_sha256$1000$%s$%s", salt, base64.StdEncoding.EncodeToString(sum))
}

// insert puts many rows into a table.
func (o *original) insert(table, columns string, rows int, row func(i int) string) {
	o.t.Helper()
	for from := 1; from <= rows; from += 1000 {
		var values []string
		for i := from; i < from+1000 && i <= rows; i++ {
			values = append(values, "("+row(i)+")")
		}
		o.run("INSERT INTO " + table + " (" + columns + ") VALUES " + strings.Join(values, ", "))
	}
}

// began is when the original was first used.
var began = time.Date(2018, 1, 8, 11, 41, 0, 0, time.UTC)

func at(seconds int) string {
	return "'" + began.Add(time.Duration(seconds)*time.Second+123456*time.Microsecond).Format("2006-01-02 15:04:05.000000") + "+00:00'"
}

// fill fills the tables: everybody has a token, each session an owner and others, who are
// listed twice now and then, and messages are all over the sessions, by anybody.
func (o *original) fill(s size) {
	o.t.Helper()
	o.insert("auth_user", "id, password, last_login, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined", s.users, func(i int) string {
		return fmt.Sprintf("%d, '%s', NULL, %t, '%s', 'F%d', '', 'u%d@EXAMPLE.com', false, true, %s", i, digest(i), i == 1, username(i), i, i, at(i))
	})
	o.insert("authtoken_token", "key, created, user_id", s.users, func(i int) string {
		return fmt.Sprintf("'%s', %s, %d", key(i), at(i), i)
	})
	o.insert("chat_chatsession", "id, create_date, update_date, uri, owner_id", s.sessions, func(i int) string {
		return fmt.Sprintf("%d, %s, %s, '%015x', %d", i, at(i), at(i), i, 1+i%s.users)
	})
	o.insert("chat_chatsessionmember", "id, create_date, update_date, chat_session_id, user_id", s.sessions*s.members, func(i int) string {
		return fmt.Sprintf("%d, %s, %s, %d, %d", i, at(100*i), at(100*i), 1+i%s.sessions, 1+i*7%s.users)
	})
	o.insert("chat_chatsessionmessage", "id, create_date, update_date, message, chat_session_id, user_id", s.messages, func(i int) string {
		return fmt.Sprintf("%d, %s, %s, '%s', %d, %d", i, at(30*i), at(30*i), text(i), 1+i*13%s.sessions, 1+i*11%s.users)
	})
	o.last = s.messages
}

func text(i int) string {
	return fmt.Sprintf("message %d \u2603 \U0001f600 <b>&amp;</b>\n  %s", i, strings.Repeat("y", i%300))
}

// say adds a message.
func (o *original) say(session, user int, text string, when time.Time) {
	o.t.Helper()
	o.last++
	stamp := when.Format("2006-01-02 15:04:05.000000") + "+00:00"
	o.run(fmt.Sprintf("INSERT INTO chat_chatsessionmessage (id, create_date, update_date, message, chat_session_id, user_id) VALUES (%d, '%s', '%s', '%s', %d, %d)",
		o.last, stamp, stamp, text, session, user))
}

// counts counts what there is, each member once.
func (o *original) counts() (c django.Counts) {
	o.t.Helper()
	for table, into := range map[string]*int64{
		"auth_user": &c.Users, "authtoken_token": &c.Tokens, "chat_chatsession": &c.Sessions, "chat_chatsessionmessage": &c.Messages,
	} {
		if err := o.db.QueryRow("SELECT count(*) FROM " + table).Scan(into); err != nil {
			o.t.Fatal(err)
		}
	}
	members := map[[2]int64]bool{}
	for _, query := range []string{"SELECT id, owner_id FROM chat_chatsession", "SELECT chat_session_id, user_id FROM chat_chatsessionmember"} {
		rows, err := o.db.Query(query)
		if err != nil {
			o.t.Fatal(err)
		}
		for rows.Next() {
			var m [2]int64
			if err := rows.Scan(&m[0], &m[1]); err != nil {
				o.t.Fatal(err)
			}
			members[m] = true
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			o.t.Fatal(err)
		}
	}
	c.Members = int64(len(members))
	return c
}

// compare compares what the owner of each session sees with what the original has.
func (o *original) compare(service *chat.Service) {
	o.t.Helper()
	rows, err := o.db.Query(`SELECT s.uri, o.username, u.username, m.message FROM chat_chatsession s
		JOIN auth_user o ON o.id = s.owner_id JOIN chat_chatsessionmessage m ON m.chat_session_id = s.id
		JOIN auth_user u ON u.id = m.user_id ORDER BY s.id, m.id`)
	if err != nil {
		o.t.Fatal(err)
	}
	defer rows.Close()
	compared, at, seen := 0, "", []chat.Event(nil)
	for rows.Next() {
		var uri, owner, author, message string
		if err := rows.Scan(&uri, &owner, &author, &message); err != nil {
			o.t.Fatal(err)
		}
		if uri != at {
			if len(seen) > 0 {
				o.t.Fatalf("session %s has %d messages too many", at, len(seen))
			}
			at, seen = uri, o.seenBy(service, owner, uri)
		}
		if len(seen) == 0 || seen[0].Body != message || seen[0].User.Username != author {
			o.t.Fatalf("session %s: message %q of %s is not there in its place", uri, message, author)
		}
		seen = seen[1:]
		compared++
	}
	if compared == 0 || len(seen) > 0 {
		o.t.Fatalf("compared %d messages, %d are left", compared, len(seen))
	}
}

// seenBy returns the whole history of a session as its owner sees it, who finds nothing
// unread of what was there before the move.
func (o *original) seenBy(service *chat.Service, owner, uri string) (all []chat.Event) {
	o.t.Helper()
	user, err := service.UserNamed(o.t.Context(), owner)
	if err != nil {
		o.t.Fatal(err)
	}
	who := chat.Identity{User: user}
	details, err := service.Details(o.t.Context(), who, uri)
	if err != nil || details.Role != chat.RoleOwner || details.Unread.Messages > 1 {
		o.t.Fatalf("session %s of %s: %+v, %v", uri, owner, details, err)
	}
	after := int64(0)
	for more := true; more; {
		h, err := service.History(o.t.Context(), who, uri, chat.HistoryPage{After: &after, Limit: chat.MaxPage})
		if err != nil {
			o.t.Fatal(err)
		}
		all, more = append(all, h.Messages...), h.More
		if len(h.Messages) > 0 {
			after = h.Messages[len(h.Messages)-1].Seq
		}
	}
	return all
}

// TestMoveRefuses what it cannot bring over without losing something, before it does it.
func TestMoveRefuses(t *testing.T) {
	o := newOriginal(t, "sqlite", filepath.Join(t.TempDir(), "db.sqlite3"), "sqlite.sql")
	o.fill(size{3, 1, 1, 1})
	service := serve(t, storetest.SQLite(t))
	taken := chat.NewUser{Username: strings.ToUpper(username(2)), Password: "correct-horse-9"}
	if _, err := service.CreateUser(t.Context(), taken); err != nil {
		t.Fatal(err)
	}
	source, err := django.Open(t.Context(), o.address)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	m := &django.Mover{Source: source, Chat: service, Note: t.Logf}
	_, err = m.Run(admin(t.Context()))
	if chat.CodeOf(err) != chat.Conflict || !strings.Contains(err.Error(), username(2)) {
		t.Fatalf("a name that is taken: %v", err)
	}
	m.RenameClashes = true
	result, err := m.Run(admin(t.Context()))
	if err != nil || result.Here != result.There {
		t.Fatalf("%+v, %v", result, err)
	}
	if _, err := service.UserNamed(t.Context(), username(2)+"_2"); err != nil {
		t.Error(err)
	}

	if _, err := django.Open(t.Context(), string(storetest.SQLite(t))); err == nil {
		t.Error("a database of another kind was taken for one of the original")
	}
}
