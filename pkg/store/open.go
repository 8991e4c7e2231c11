package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
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
	upgrade string // makes other migrators wait until the transaction ends
	patient string // lets a migration wait for locks longer than others may

	// later is an expression: the clock plus as many seconds as its placeholder.
	later string

	// stamp is a time in the form in which columns keep it.
	stamp func(time.Time) string

	// explain gives an error of this database a meaning.
	explain func(error) error
}

var postgres = dialect{
	words:   migrations.Postgres,
	begin:   "BEGIN",
	lockRow: "FOR NO KEY UPDATE",
	upgrade: "SELECT pg_advisory_xact_lock(7240817324601)",
	patient: "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '10min'",
	later:   "clock_timestamp() + make_interval(secs => ?)",
	stamp:   func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	explain: explainPostgres,
}

var sqliteDialect = dialect{
	words:   migrations.SQLite,
	begin:   "BEGIN IMMEDIATE",
	upgrade: "SELECT 1", // an immediate transaction excludes all other writers
	patient: "SELECT 1",
	later:   "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', printf('%+d seconds', ?))",
	stamp:   func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") },
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
	o.Metrics.MustRegister(poolCollector{s})
	return s, nil
}

// parseSQLite reads a time as SQLite keeps it.
func parseSQLite(text string) (time.Time, error) {
	return time.Parse("2006-01-02T15:04:05.000Z", text)
}

// settings are sent for each PostgreSQL connection. They bound what a statement,
// a lock and a forgotten transaction can hold up.
var settings = map[string]string{
	"application_name":                    "chatire",
	"statement_timeout":                   "10s",
	"lock_timeout":                        "1500ms",
	"idle_in_transaction_session_timeout": "10s",
	"timezone":                            "UTC",
}

func openPostgres(ctx context.Context, rawURL string, o Options) (*Store, error) {
	config, err := pgx.ParseConfig(rawURL)
	if err != nil {
		return nil, err // pgx leaves the password out
	}
	config.ConnectTimeout = statementTimeout
	// bun puts the values into the text itself, so a prepared statement would
	// serve one call only.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	for name, value := range settings {
		config.RuntimeParams[name] = value
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(o.Connections)
	pool.SetMaxIdleConns(o.Connections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	db := bun.NewDB(pool, pgdialect.New(), bun.WithDiscardUnknownColumns())
	s := &Store{dialect: &postgres, metrics: newMetrics(o.Metrics), read: db, write: db, pools: []*bun.DB{db}}
	if err := s.checkDurable(ctx); err != nil && !o.AllowUnsafe {
		pool.Close()
		return nil, err
	}
	s.appender, err = newPostgresAppender(rawURL, s.metrics)
	return s, err
}

// checkDurable refuses settings under which "accepted" would not mean "durable".
func (s *Store) checkDurable(ctx context.Context) error {
	var durable struct{ Fsync, SynchronousCommit string }
	err := s.one(ctx, opConnect, &durable,
		`SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit`)
	switch {
	case err != nil:
		return err
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
		metrics: newMetrics(o.Metrics),
		read:    reader,
		write:   writer,
		pools:   []*bun.DB{writer, reader},
	}
	s.appender = &sqliteAppender{pool: writer.DB, metrics: s.metrics}
	if _, err := s.change(ctx, opConnect, "SELECT 1"); err != nil { // makes the file
		s.Close()
		return nil, err
	}
	return s, nil
}
