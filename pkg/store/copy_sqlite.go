package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/chatire/chatire/migrations"
	"github.com/chatire/chatire/pkg/chat"
)

// Source is a SQLite database that is copied from. While it is open nobody else can use
// it: who comes meanwhile is told that the database is locked.
type Source struct {
	pool *sql.DB
	conn *sql.Conn // the transaction
}

// OpenSource opens the database in a file. It refuses one that anybody has open, be it
// for reading: in its exclusive mode SQLite takes a lock that every open connection of
// others is in the way of, also an idle one.
func OpenSource(ctx context.Context, path string) (*Source, error) {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, chat.Errorf(chat.NotFound, "There is no database at %s.", path)
	case err != nil:
		return nil, fmt.Errorf("open the source: %w", err)
	case info.IsDir():
		return nil, chat.Errorf(chat.NotFound, "%s is a folder: name the file in it, such as %s.", path, filepath.Join(path, "chatire.db"))
	}
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+
		"?mode=rw&_pragma=busy_timeout(1500)&_pragma=locking_mode(EXCLUSIVE)")
	if err != nil {
		return nil, fmt.Errorf("open the source: %w", err)
	}
	s := &Source{pool: pool}
	if err := s.open(ctx, path); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Source) open(ctx context.Context, path string) (err error) {
	if s.conn, err = s.pool.Conn(ctx); err == nil {
		_, err = s.conn.ExecContext(ctx, "BEGIN EXCLUSIVE")
	}
	if err == nil {
		err = s.checkSchema(ctx, path)
	}
	lite, _ := errors.AsType[*sqlite.Error](err)
	switch {
	case err == nil, chat.CodeOf(err) != "":
		return err
	case lite != nil && lite.Code()&0xff == sqlite3.SQLITE_BUSY:
		return chat.Errorf(chat.Conflict, "%s is in use: stop the server that runs on it, and all else that has it open.", path)
	case lite != nil && lite.Code()&0xff == sqlite3.SQLITE_NOTADB:
		return chat.Errorf(chat.Conflict, "%s is no SQLite database.", path)
	}
	return fmt.Errorf("open the source: %w", err)
}

// checkSchema wants the schema of this build.
func (s *Source) checkSchema(ctx context.Context, path string) error {
	var version int
	err := s.conn.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM schema_version`).Scan(&version)
	if err != nil && !isMissingTable(err) {
		return err
	}
	switch latest := migrations.Latest(); {
	case version == 0:
		return chat.Errorf(chat.Conflict, "%s is no database of Chatire.", path)
	case version < latest:
		return chat.Errorf(chat.Conflict, "%s has schema version %d and this build needs %d: "+
			"set CHATIRE_DATABASE_URL to it, run chatirectl migrate up, and set it back.", path, version, latest)
	case version > latest:
		return chat.Errorf(chat.Conflict, "%s has schema version %d and this build knows %d: use a newer build.", path, version, latest)
	}
	return nil
}

// Close lets others use the database again.
func (s *Source) Close() error {
	if s.conn != nil {
		_, _ = s.conn.ExecContext(context.Background(), "ROLLBACK") // or it did not begin
		_ = s.conn.Close()
	}
	return s.pool.Close()
}

// columns returns what is to be copied: table.column. Words and numbers that SQLite keeps
// for itself are in tables of other kinds, or of names that it does not give away.
func (s *Source) columns(ctx context.Context) (all []string, err error) {
	rows, err := s.conn.QueryContext(ctx,
		`SELECT t.name || '.' || c.name FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c
		  WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT GLOB 'sqlite_*' AND t.name <> '`+versionsTable+`'
		  ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		all = append(all, name)
	}
	return all, rows.Err()
}

func (s *Source) count(ctx context.Context, t table) (n int64, err error) {
	err = s.conn.QueryRowContext(ctx, `SELECT count(*) FROM `+t.quoted()).Scan(&n)
	return n, err
}

// lastID returns the greatest id that a table ever gave, or has.
func (s *Source) lastID(ctx context.Context, t table, c tableColumn) (id int64, err error) {
	err = s.conn.QueryRowContext(ctx,
		`SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0), coalesce((SELECT max(`+identifier(c.Name)+`) FROM `+t.quoted()+`), 0))`,
		t.name).Scan(&id)
	return id, err
}

// read reads a table in the order of its key. passed is called for each row.
func (s *Source) read(ctx context.Context, t table, passed func()) (*sourceRows, error) {
	rows, err := s.conn.QueryContext(ctx, `SELECT `+t.list()+` FROM `+t.quoted()+` ORDER BY `+t.order(""))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", t.name, err)
	}
	r := &sourceRows{rows: rows, table: t, passed: passed, values: make([]any, len(t.columns))}
	for i := range r.values {
		r.into = append(r.into, &r.values[i])
	}
	return r, nil
}

// sourceRows are the rows of a table. They implement [pgx.CopyFromSource].
type sourceRows struct {
	rows   *sql.Rows
	table  table
	passed func()
	values []any // of the row at hand
	into   []any
	err    error
}

// Next moves to the next row. It is false at the end, and where err says why not.
func (r *sourceRows) Next() bool {
	if r.err != nil || !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			r.err = fmt.Errorf("read %s: %w", r.table.name, err)
		}
		return false
	}
	if r.err = r.rows.Scan(r.into...); r.err == nil {
		r.err = r.table.adopt(r.values)
	}
	r.passed()
	return r.err == nil
}

// Values returns the row at hand.
func (r *sourceRows) Values() ([]any, error) { return r.values, nil }

// Err says why there is no row.
func (r *sourceRows) Err() error { return r.err }

func (r *sourceRows) close() error { return r.rows.Close() }
