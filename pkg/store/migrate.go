package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chatire/chatire/migrations"
)

const (
	// migrationAttempts is how often a migration is tried that could not get a lock.
	migrationAttempts = 10

	// migrationTimeout bounds one try.
	migrationTimeout = time.Hour
)

// SchemaVersion returns the version of the database's schema, 0 before the first
// migration.
func (s *Store) SchemaVersion(ctx context.Context) (version int, err error) {
	err = s.one(ctx, opSchema, &version, `SELECT coalesce(max(version), 0) FROM schema_version`)
	if isMissingTable(err) {
		return 0, nil
	}
	return version, err
}

// checkSchema says whether this build can work with the schema: a newer one is
// fine as long as it has kept what this build needs, since builds of two versions
// run during an upgrade.
func (s *Store) checkSchema(ctx context.Context) error {
	var at struct{ Version, Oldest int }
	err := s.one(ctx, opSchema, &at,
		`SELECT coalesce(max(version), 0) AS version, coalesce(max(oldest), 0) AS oldest FROM schema_version`)
	if err != nil && !isMissingTable(err) {
		return err
	}
	s.metrics.schema.Set(float64(at.Version))
	if latest := migrations.Latest(); at.Oldest <= latest && latest <= at.Version {
		return nil
	}
	return checkVersion(at.Version)
}

// ExactSchema returns nil only for the very schema of this build. It is for those
// who change things by hand: servers of two versions work side by side during an
// upgrade, see Ping, and a command can wait for the right build.
func (s *Store) ExactSchema(ctx context.Context) error {
	version, err := s.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	return checkVersion(version)
}

// SchemaError says that the schema of a database has another version than this build's.
type SchemaError struct{ At, Known int }

// Error implements error. It says what to do.
func (e SchemaError) Error() string {
	if e.Behind() {
		return fmt.Sprintf("the database has schema version %d and this build needs %d: run chatirectl migrate up", e.At, e.Known)
	}
	return fmt.Sprintf("the database has schema version %d and this build knows %d: use a newer build", e.At, e.Known)
}

// Behind says that the schema may become what this build needs, by a migration.
func (e SchemaError) Behind() bool { return e.At < e.Known }

// checkVersion returns nil for the schema version of this build.
func checkVersion(version int) error {
	if latest := migrations.Latest(); version != latest {
		return SchemaError{version, latest}
	}
	return nil
}

// Migrate brings the schema to the version of this build and returns the steps it
// took. Several that run at once wait for each other, and one that was stopped is
// taken up where it was. A newer schema is refused.
func (s *Store) Migrate(ctx context.Context) ([]migrations.Migration, error) {
	all, err := migrations.All(s.dialect.words)
	if err != nil {
		return nil, err
	}
	if err := s.createVersions(ctx); err != nil {
		return nil, fmt.Errorf("create the table of versions: %w", err)
	}
	var done []migrations.Migration
	for _, m := range all {
		applied, err := s.apply(ctx, m)
		if err != nil {
			return done, fmt.Errorf("apply migration %d %s: %w", m.Version, m.Name, err)
		}
		if applied {
			done = append(done, m)
		}
	}
	version, err := s.SchemaVersion(ctx)
	if err != nil {
		return done, err
	}
	return done, checkVersion(version)
}

// createVersions makes the table in which migrations note what they did.
func (s *Store) createVersions(ctx context.Context) error {
	return s.alone(ctx, migrationTimeout, func(tx *Store) error { return tx.createVersionsHere(ctx) })
}

func (s *Store) createVersionsHere(ctx context.Context) error {
	return s.step(ctx, `CREATE TABLE IF NOT EXISTS schema_version (
		version bigint PRIMARY KEY, oldest bigint NOT NULL, applied_at `+s.dialect.words.Time+` NOT NULL DEFAULT `+s.dialect.words.Now+`)`)
}

// apply runs m in one transaction, unless somebody did.
func (s *Store) apply(ctx context.Context, m migrations.Migration) (applied bool, err error) {
	err = s.alone(ctx, migrationTimeout, func(tx *Store) error {
		applied, err = tx.applyHere(ctx, m)
		return err
	})
	return applied && err == nil, err
}

// applyHere runs m in this transaction, unless somebody did.
func (s *Store) applyHere(ctx context.Context, m migrations.Migration) (applied bool, err error) {
	version, err := s.SchemaVersion(ctx)
	if err != nil || version >= m.Version {
		return false, err
	}
	for _, statement := range statements(m.SQL) {
		if err := s.step(ctx, statement); err != nil {
			return false, err
		}
	}
	_, err = s.change(ctx, opSchema, `INSERT INTO schema_version (version, oldest) VALUES (?, ?)`, m.Version, m.Oldest)
	return err == nil, err
}

// alone runs fn in a transaction while no other migrator is at work, and again
// while others hold the locks it needs. Each try has this long.
func (s *Store) alone(ctx context.Context, timeout time.Duration, fn func(tx *Store) error) error {
	var err error
	for range migrationAttempts {
		err = s.inTx(ctx, time.Now().Add(timeout), func(tx *Store) error {
			for _, statement := range s.dialect.alone {
				if err := tx.step(ctx, statement); err != nil {
					return err
				}
			}
			return fn(tx)
		})
		if !isRetry(err) {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return err
		}
	}
	return err
}

// step runs a statement of a migration. It has no deadline but the server's: an
// index on a large table takes its time.
func (s *Store) step(ctx context.Context, statement string) error {
	_, err := s.write.ExecContext(ctx, statement)
	return s.dialect.meaning(err)
}

// statements splits a migration at the semicolons that end a line and drops its
// comments.
func statements(sql string) (split []string) {
	var code strings.Builder
	for line := range strings.Lines(sql) {
		line, _, _ = strings.Cut(line, "--")
		line = strings.TrimSpace(line)
		rest, ends := strings.CutSuffix(line, ";")
		code.WriteString(rest + "\n")
		if ends {
			split = append(split, strings.TrimSpace(code.String()))
			code.Reset()
		}
	}
	split = append(split, strings.TrimSpace(code.String()))
	return slices.DeleteFunc(split, func(s string) bool { return s == "" })
}
