// Package django reads a database of the original, a Django application, and brings what
// is in it into an installation of Chatire.
//
// The tables are those of Django's auth and of its REST framework's authtoken
// (docs.djangoproject.com, www.django-rest-framework.org), and the three of the original.
package django

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver named "pgx"
	_ "modernc.org/sqlite"             // the driver named "sqlite"
)

// Source is an open database of the original. It is only read.
type Source struct {
	db *sql.DB
}

// Open opens a database of the original: postgres://... or sqlite:///path.
func Open(ctx context.Context, address string) (*Source, error) {
	driver, name := "pgx", address
	switch scheme, path, _ := strings.Cut(address, "://"); scheme {
	case "postgres", "postgresql":
	case "sqlite":
		driver = "sqlite"
		name = "file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=ro"
	default:
		return nil, errors.New("the address must begin with postgres:// or sqlite://")
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		return nil, errors.New("the address of the database cannot be read") // the error may have the password
	}
	db.SetMaxOpenConns(2)
	s := &Source{db}
	if err := s.look(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// tables are what the original has, with the columns that are read.
var tables = map[string]string{
	"auth_user":               "id, password, last_login, is_superuser, username, first_name, last_name, email, is_active, date_joined",
	"authtoken_token":         "key, created, user_id",
	"chat_chatsession":        "id, create_date, uri, owner_id",
	"chat_chatsessionmember":  "id, create_date, chat_session_id, user_id",
	"chat_chatsessionmessage": "id, create_date, chat_session_id, user_id, message",
}

// look makes sure that the tables are there.
func (s *Source) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := s.db.PingContext(ctx); err != nil {
		return fmt.Errorf("open the database of the original: %w", err)
	}
	for table, columns := range tables {
		rows, err := s.db.QueryContext(ctx, "SELECT "+columns+" FROM "+table+" LIMIT 0")
		if err != nil {
			return fmt.Errorf("this is no database of the original: %w", err)
		}
		if err := errors.Join(rows.Close(), rows.Err()); err != nil {
			return fmt.Errorf("look at %s: %w", table, err)
		}
	}
	return nil
}

// Close closes the database.
func (s *Source) Close() error { return s.db.Close() }

// user is a row of auth_user.
type user struct {
	id                                     int64
	password, username, first, last, email string
	superuser, active                      bool
	joined                                 moment
	lastLogin                              moment
}

// moment is a time, as both databases give it; zero for none.
type moment struct{ time.Time }

// Scan implements sql.Scanner.
func (m *moment) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		return nil
	case time.Time:
		m.Time = v.UTC()
		return nil
	case string:
		for _, layout := range []string{"2006-01-02 15:04:05.999999999-07:00", "2006-01-02 15:04:05.999999999", time.RFC3339Nano} {
			if t, err := time.Parse(layout, v); err == nil {
				m.Time = t.UTC()
				return nil
			}
		}
	}
	return fmt.Errorf("%v is no time", value)
}

func (s *Source) users(ctx context.Context, each func(user) error) error {
	return s.rows(ctx, "auth_user", "", func(rows *sql.Rows) error {
		var u user
		err := rows.Scan(&u.id, &u.password, &u.lastLogin, &u.superuser, &u.username, &u.first, &u.last, &u.email, &u.active, &u.joined)
		if err != nil {
			return err
		}
		return each(u)
	})
}

// token is a row of authtoken_token.
type token struct {
	key     string
	created moment
	user    int64
}

func (s *Source) tokens(ctx context.Context, each func(token) error) error {
	return s.rows(ctx, "authtoken_token", "", func(rows *sql.Rows) error {
		var t token
		if err := rows.Scan(&t.key, &t.created, &t.user); err != nil {
			return err
		}
		return each(t)
	})
}

// session is a row of chat_chatsession.
type session struct {
	id      int64
	created moment
	uri     string
	owner   int64
}

// sessions returns all of them: about a hundred bytes each.
func (s *Source) sessions(ctx context.Context) (all []session, err error) {
	err = s.rows(ctx, "chat_chatsession", "", func(rows *sql.Rows) error {
		var c session
		if err := rows.Scan(&c.id, &c.created, &c.uri, &c.owner); err != nil {
			return err
		}
		all = append(all, c)
		return nil
	})
	return all, err
}

// member is a row of chat_chatsessionmember.
type member struct {
	joined moment
	user   int64
}

func (s *Source) members(ctx context.Context, sessionID int64) (all []member, err error) {
	err = s.rows(ctx, "chat_chatsessionmember", fmt.Sprintf("chat_session_id = %d", sessionID), func(rows *sql.Rows) error {
		var m member
		var id, session int64
		if err := rows.Scan(&id, &m.joined, &session, &m.user); err != nil {
			return err
		}
		all = append(all, m)
		return nil
	})
	return all, err
}

// message is a row of chat_chatsessionmessage.
type message struct {
	id   int64
	sent moment
	user int64
	text string
}

// messages gives the messages of a session in the order of their ids, which is the order
// in which the original shows them.
func (s *Source) messages(ctx context.Context, sessionID int64, each func(message) error) error {
	return s.rows(ctx, "chat_chatsessionmessage", fmt.Sprintf("chat_session_id = %d", sessionID), func(rows *sql.Rows) error {
		var m message
		var session int64
		if err := rows.Scan(&m.id, &m.sent, &session, &m.user, &m.text); err != nil {
			return err
		}
		return each(m)
	})
}

// rows gives the rows of a table in the order of their key.
func (s *Source) rows(ctx context.Context, table, where string, each func(*sql.Rows) error) error {
	columns := tables[table]
	query := "SELECT " + columns + " FROM " + table
	if where != "" {
		query += " WHERE " + where
	}
	key, _, _ := strings.Cut(columns, ",")
	rows, err := s.db.QueryContext(ctx, query+" ORDER BY "+key)
	if err != nil {
		return fmt.Errorf("read %s: %w", table, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return fmt.Errorf("read %s: %w", table, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", table, err)
	}
	return nil
}

// Counts is how much there is of what is moved over.
type Counts struct {
	Users, Tokens, Sessions, Members, Messages int64
}

// Count counts what the original has. Whoever is a member twice, or is listed beside
// owning the session, counts once; a message without a text is none.
func (s *Source) Count(ctx context.Context) (c Counts, err error) {
	for _, q := range []struct {
		into  *int64
		query string
	}{
		{&c.Users, "SELECT count(*) FROM auth_user"},
		{&c.Tokens, "SELECT count(*) FROM authtoken_token"},
		{&c.Sessions, "SELECT count(*) FROM chat_chatsession"},
		{&c.Members, `SELECT count(*) FROM (SELECT id AS session_id, owner_id AS user_id FROM chat_chatsession
			UNION SELECT chat_session_id, user_id FROM chat_chatsessionmember) AS m`},
		{&c.Messages, "SELECT count(*) FROM chat_chatsessionmessage WHERE message <> ''"},
	} {
		if err := s.db.QueryRowContext(ctx, q.query).Scan(q.into); err != nil {
			return c, fmt.Errorf("count what there is: %w", err)
		}
	}
	return c, nil
}
