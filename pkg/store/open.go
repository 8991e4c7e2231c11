package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver named "sqlite"

	"github.com/chatire/chatire/migrations"
	"github.com/chatire/chatire/pkg/chat"
)

// Options are what Open may be told. The zero value is right for production.
type Options struct {
	// Metrics is where the store's metrics go; nil: nowhere.
	Metrics prometheus.Registerer

	// Connections bounds the pool; 0 means 16.
	Connections int

	// AllowUnsafe opens a database that may forget what it has confirmed.
	AllowUnsafe bool
}

const defaultConnections = 16

// dialect is how one database differs from the other.
type dialect struct {
	words   migrations.Words
	begin   string // starts a transaction that may write
	lockRow string // ends a SELECT whose row is to stay locked

	// alone makes other migrators wait until the transaction ends. It lets this
	// one take its time, but wait for the locks of tables for a few seconds only:
	// who waits for one holds up all who come later.
	alone []string

	// later is an expression: the clock plus some seconds.
	later func(seconds string) string

	// stamp is a time in the form in which columns keep it.
	stamp func(time.Time) string

	// moment stands in a statement for a stamp, or for NULL.
	moment string

	// found says how to find the Messages that a Query is about.
	found func(q chat.Query) finding

	// explain gives an error of this database a meaning.
	explain func(error) error
}

var postgres = dialect{
	words:   migrations.Postgres,
	begin:   "BEGIN",
	lockRow: "FOR NO KEY UPDATE",
	alone: []string{
		"SET LOCAL statement_timeout = '1h'",
		"SET LOCAL lock_timeout = '1h'",
		"SELECT pg_advisory_xact_lock(7240817324601)",
		"SET LOCAL lock_timeout = '5s'",
	},
	later:   func(seconds string) string { return "clock_timestamp() + make_interval(secs => " + seconds + ")" },
	stamp:   func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	moment:  "?::timestamptz",
	found:   foundPostgres,
	explain: explainPostgres,
}

var sqliteDialect = dialect{
	words: migrations.SQLite,
	begin: "BEGIN IMMEDIATE",
	later: func(seconds string) string {
		return "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', printf('%+d seconds', " + seconds + "))"
	},
	stamp:   func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") },
	moment:  "?",
	found:   foundSQLite,
	explain: explainSQLite,
}

// Open opens the database that the URL names, postgres://... or sqlite://path. It
// refuses a PostgreSQL that confirms what it has not flushed.
func Open(ctx context.Context, rawURL chat.Secret, o Options) (*Store, error) {
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Connections == 0 {
		o.Connections = defaultConnections
	}
	var s *Store
	var err error
	switch scheme, rest, _ := strings.Cut(string(rawURL), "://"); scheme {
	case "postgres", "postgresql":
		s, err = openPostgres(ctx, string(rawURL), o)
	case "sqlite":
		s, err = openSQLite(ctx, rest, o)
	default:
		err = errors.New("the address must begin with postgres:// or sqlite://")
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := s.metrics.register(o.Metrics, s); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), s.Close())
	}
	return s, nil
}

// parseSQLite reads a time as SQLite keeps it.
func parseSQLite(text string) (time.Time, error) {
	return time.Parse("2006-01-02T15:04:05.000Z", text)
}

// settings are sent for each PostgreSQL connection. They bound what a statement,
// a lock and a forgotten transaction can hold up.
//
// bun writes values into the text of statements, so how the server reads a text is
// not left to it either. Nor is the isolation level: a second statement that sees
// what was committed before it, and not before the first, is what locks are good for.
var settings = map[string]string{
	"application_name":                    "chatire",
	"client_encoding":                     "UTF8",
	"standard_conforming_strings":         "on",
	"default_transaction_isolation":       "read committed",
	"enable_seqscan":                      "off", // with old statistics a page of the log read all of it
	"jit":                                 "off",
	"statement_timeout":                   "2500ms", // whoever asked has given up by then
	"lock_timeout":                        "1500ms",
	"idle_in_transaction_session_timeout": "3s",
	"tcp_keepalives_idle":                 "10",
	"tcp_keepalives_interval":             "5",
	"tcp_keepalives_count":                "3",
	"timezone":                            "UTC",
}

func openPostgres(ctx context.Context, rawURL string, o Options) (*Store, error) {
	config, err := parsePostgres(rawURL)
	if err != nil {
		return nil, err
	}
	// bun puts the values into the text itself, so a prepared statement would
	// serve one call only.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	maps.Copy(config.RuntimeParams, settings)
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(o.Connections)
	pool.SetMaxIdleConns(o.Connections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(30 * time.Minute) // a failover may have moved the server
	db := bun.NewDB(pool, pgdialect.New(), bun.WithDiscardUnknownColumns())
	s := &Store{dialect: &postgres, metrics: newMetrics(), read: db, write: db, pools: []*bun.DB{db}}
	if err := s.checkServer(ctx, o.AllowUnsafe); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	s.appender, err = newPostgresAppender(rawURL)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return s, nil
}

// parsePostgres reads an address. Its errors have nothing of the address in them:
// part of a password could be anywhere in one that is malformed.
func parsePostgres(rawURL string) (*pgx.ConnConfig, error) {
	if _, err := url.Parse(rawURL); err != nil {
		return nil, errors.New("the address is no URL: signs such as / @ : % in its password are written %2F %40 %3A %25")
	}
	config, err := pgx.ParseConfig(rawURL)
	if err != nil {
		if cause := errors.Unwrap(err); cause != nil {
			return nil, fmt.Errorf("read the address: %w", cause)
		}
		return nil, errors.New("the address has a part that is not understood")
	}
	config.ConnectTimeout = statementTimeout
	config.BuildContextWatcherHandler = watch
	return config, nil
}

// watch closes the socket of a connection whose call has run out of time. By
// default pgx goes on talking to it for up to 15 seconds; if the network took only
// half of a pipeline, its locks would be held as long.
func watch(conn *pgconn.PgConn) ctxwatch.Handler { return watchdog{conn} }

type watchdog struct{ conn *pgconn.PgConn }

// HandleCancel implements ctxwatch.Handler.
func (w watchdog) HandleCancel(context.Context) { _ = w.conn.Conn().Close() }

// HandleUnwatchAfterCancel implements ctxwatch.Handler.
func (watchdog) HandleUnwatchAfterCancel() {}

// checkServer refuses a server that would not keep texts as they are, and settings
// under which "accepted" would not mean "durable" unless those were asked for.
func (s *Store) checkServer(ctx context.Context, allowUnsafe bool) error {
	var durable struct{ Fsync, SynchronousCommit, ServerEncoding string }
	err := s.one(ctx, opConnect, &durable,
		`SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit,
		        current_setting('server_encoding') AS server_encoding`)
	switch {
	case err != nil:
		return err
	case durable.ServerEncoding != "UTF8":
		return fmt.Errorf("the database's encoding is %s: create it with ENCODING 'UTF8'", durable.ServerEncoding)
	case allowUnsafe:
		return nil
	case durable.Fsync != "on":
		return errors.New("fsync is off: a crash would lose messages that were accepted")
	case durable.SynchronousCommit == "off":
		return errors.New("synchronous_commit is off: a crash would lose messages that were accepted")
	}
	return nil
}

// openSQLite opens one connection that writes and several that read: SQLite has
// one writer at a time, and readers do not wait for it.
func openSQLite(ctx context.Context, path string, o Options) (*Store, error) {
	open := func(connections int, more string) (*bun.DB, error) {
		address := "file:" + (&url.URL{Path: path}).EscapedPath() +
			"?_pragma=busy_timeout(1500)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
			"&_pragma=foreign_keys(1)&_time_format=sqlite" + more
		pool, err := sql.Open("sqlite", address)
		if err != nil {
			return nil, err
		}
		pool.SetMaxOpenConns(connections)
		pool.SetMaxIdleConns(connections)
		return bun.NewDB(pool, sqlitedialect.New(), bun.WithDiscardUnknownColumns()), nil
	}
	writer, err := open(1, "")
	if err != nil {
		return nil, err
	}
	reader, err := open(max(2, runtime.GOMAXPROCS(0)), "&_pragma=query_only(1)")
	if err != nil {
		writer.Close()
		return nil, err
	}
	s := &Store{
		dialect: &sqliteDialect,
		metrics: newMetrics(),
		read:    reader,
		write:   writer,
		pools:   []*bun.DB{writer, reader},
	}
	s.appender = &sqliteAppender{pool: writer.DB}
	var mode string
	err = s.returning(ctx, opConnect, &mode, "PRAGMA journal_mode") // makes the file
	if err == nil && mode != "wal" {
		err = fmt.Errorf("the journal's mode is %s: the file must be on a disk of this machine", mode)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}
