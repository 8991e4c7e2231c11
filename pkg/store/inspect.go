package store

import (
	"context"
	"fmt"
	"time"
)

// Inspection is what a database says of itself, for whoever looks after it.
type Inspection struct {
	Dialect string // PostgreSQL or SQLite
	Version string

	// Settings are those that matter, as this Store's connections have them; the
	// appender's own begin with "append.".
	Settings map[string]string

	// ClockOffset is how far the database's clock is ahead of ours.
	ClockOffset time.Duration

	// Of PostgreSQL only.
	Superuser         bool          // this role is one, or owns the tables and may drop them
	Connections       int           // that the server has in all
	OldestTransaction time.Duration // since it began; 0 if there is none
}

// inspected are the settings of PostgreSQL that are looked at.
var inspected = []string{
	"fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names", "data_checksums",
	"default_transaction_isolation", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
	"server_encoding", "server_version",
}

// Inspect asks the database about itself.
func (s *Store) Inspect(ctx context.Context) (Inspection, error) {
	if s.dialect == &sqliteDialect {
		return s.inspectSQLite(ctx)
	}
	return s.inspectPostgres(ctx)
}

func (s *Store) inspectSQLite(ctx context.Context) (Inspection, error) {
	i := Inspection{Dialect: "SQLite", Settings: map[string]string{}}
	if err := s.one(ctx, opConnect, &i.Version, "SELECT sqlite_version()"); err != nil {
		return i, err
	}
	for _, name := range []string{"journal_mode", "synchronous", "foreign_keys", "busy_timeout"} {
		var value string
		if err := s.returning(ctx, opConnect, &value, "PRAGMA "+name); err != nil {
			return i, fmt.Errorf("read %s: %w", name, err)
		}
		i.Settings[name] = value
	}
	return i, s.inspectClock(ctx, &i)
}

func (s *Store) inspectPostgres(ctx context.Context) (Inspection, error) {
	i := Inspection{Dialect: "PostgreSQL", Settings: map[string]string{}}
	a, isPostgres := s.appender.(*postgresAppender)
	for _, name := range inspected {
		var value string
		if err := s.one(ctx, opConnect, &value, "SELECT current_setting(?)", name); err != nil {
			return i, fmt.Errorf("read %s: %w", name, err)
		}
		i.Settings[name] = value
		if isPostgres {
			if err := a.pool.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value); err != nil {
				return i, unavailable(err)
			}
			i.Settings["append."+name] = value
		}
	}
	i.Version = i.Settings["server_version"]
	var row struct {
		Superuser   bool
		Connections int
		Oldest      float64
	}
	err := s.one(ctx, opConnect, &row, `SELECT
		(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
		  OR EXISTS (SELECT 1 FROM pg_tables WHERE tablename = 'events' AND tableowner = current_user) AS superuser,
		current_setting('max_connections')::int AS connections,
		coalesce((SELECT extract(epoch FROM clock_timestamp() - min(xact_start)) FROM pg_stat_activity
		           WHERE datname = current_database() AND pid <> pg_backend_pid()), 0)::float8 AS oldest`)
	if err != nil {
		return i, err
	}
	i.Superuser, i.Connections = row.Superuser, row.Connections
	i.OldestTransaction = time.Duration(row.Oldest * float64(time.Second))
	return i, s.inspectClock(ctx, &i)
}

// inspectClock compares the clocks, at the middle of a question.
func (s *Store) inspectClock(ctx context.Context, i *Inspection) error {
	began := time.Now()
	theirs, err := s.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	i.ClockOffset = theirs.Sub(began.Add(time.Since(began) / 2))
	return nil
}
