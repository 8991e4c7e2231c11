package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/chatire/chatire/pkg/chat"
)

// errRetry marks a transaction that another one was in the way of. It is
// unavailable to whoever does not try again.
var errRetry = fmt.Errorf("%w: another transaction was in the way", chat.ErrUnavailable)

func isRetry(err error) bool { return errors.Is(err, errRetry) }

// meaning turns a driver's error into what a Store promises to return. It is
// called once for each statement; what has a meaning already keeps it.
func (d *dialect) meaning(err error) error {
	switch {
	case err == nil, chat.CodeOf(err) != "":
		return err
	case errors.Is(err, sql.ErrNoRows):
		return chat.ErrNotFound
	case isAway(err):
		return unavailable(err)
	}
	return d.explain(err)
}

// isAway says that there was no answer.
func isAway(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "conn closed")
}

func unavailable(cause error) error {
	return fmt.Errorf("%w (%w)", chat.ErrUnavailable, cause)
}

// taken returns the refusal for a unique key that is taken; where says which.
func taken(where string) error {
	if strings.Contains(where, "username") {
		return chat.ErrUsernameTaken
	}
	return chat.ErrDuplicate
}

// explainPostgres reads PostgreSQL's error codes:
// https://www.postgresql.org/docs/15/errcodes-appendix.html
func explainPostgres(err error) error {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	switch {
	case pg.SeverityUnlocalized != "ERROR":
		return unavailable(err) // the connection ended, for whatever reason
	case pg.Code == "23505": // unique_violation
		return taken(pg.ConstraintName)
	case pg.Code == "40001", pg.Code == "40P01", pg.Code == "55P03": // serialization, deadlock, lock_timeout
		return fmt.Errorf("%w (%w)", errRetry, err)
	case pg.Code[:2] == "08", pg.Code[:2] == "53", pg.Code[:2] == "57", pg.Code[:2] == "58", pg.Code == "25006":
		return unavailable(err) // connection, resources, shutdown, system, read-only
	}
	return err
}

// explainSQLite reads SQLite's result codes: https://www.sqlite.org/rescode.html
func explainSQLite(err error) error {
	lite, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch code := lite.Code(); {
	case code == sqlite3.SQLITE_CONSTRAINT_UNIQUE, code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return taken(lite.Error())
	case code&0xff == sqlite3.SQLITE_BUSY, code&0xff == sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w (%w)", errRetry, err)
	case code&0xff == sqlite3.SQLITE_FULL, code&0xff == sqlite3.SQLITE_IOERR,
		code&0xff == sqlite3.SQLITE_CANTOPEN, code&0xff == sqlite3.SQLITE_INTERRUPT,
		code&0xff == sqlite3.SQLITE_READONLY, code&0xff == sqlite3.SQLITE_PROTOCOL:
		return unavailable(err)
	}
	return err
}

// checkTexts refuses texts among the values of a statement that no database keeps
// as they are: PostgreSQL has no NUL, and bad UTF-8 would be stored as something
// else. Whoever asks the store has looked already; this is the last door.
func checkTexts(values []any) error {
	for _, value := range values {
		switch text := value.(type) {
		case string:
			if !isText(text) {
				return errNoText
			}
		case *string:
			if text != nil && !isText(*text) {
				return errNoText
			}
		}
	}
	return nil
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

var errNoText = chat.Errorf(chat.Invalid, "A text must be UTF-8 without NUL.")

// isMissingTable says that a statement failed because its table is not there.
func isMissingTable(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "42P01" // undefined_table
	}
	lite, ok := errors.AsType[*sqlite.Error](err)
	return ok && strings.Contains(lite.Error(), "no such table")
}

// discard makes the pool forget a connection whose state is not known.
func discard(conn bun.Conn) { discardSQL(conn.Conn) }

func discardSQL(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
