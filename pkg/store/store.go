// Package store keeps Chatire's data in PostgreSQL or SQLite, through bun. It
// implements [chat.Store]; what the methods promise is written there.
//
// open.go and errors.go know which database it is, and so do the statements of
// append_postgres.go and append_sqlite.go, and of copy_postgres.go and copy_sqlite.go,
// between which everything is copied. Everything else is SQL that both accept.
package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/uptrace/bun"

	"github.com/chatire/chatire/pkg/chat"
)

// statementTimeout bounds one statement, so that a database that hangs is noticed
// within the two seconds that everybody is promised an answer in.
const statementTimeout = 1900 * time.Millisecond

// txAttempts is how often a transaction is run if others' transactions are in its
// way.
const txAttempts = 5

// Store is an open database. It is safe for concurrent use; inside a transaction
// another Store stands for it, which is not.
type Store struct {
	dialect *dialect
	metrics *metrics

	// read and write are the same pool on PostgreSQL. SQLite has one connection
	// that writes, and others that read. Inside a transaction both are its
	// connection.
	read, write bun.IDB

	pools    []*bun.DB    // nil inside a transaction
	appender appender     // nil inside a transaction
	tx       *transaction // nil outside one
}

// transaction is what the statements of one transaction share.
type transaction struct {
	until time.Time // when all of it must be over

	// failed is the first thing that the database refused. PostgreSQL voids the
	// whole transaction then, and would answer a COMMIT by a silent rollback; so
	// nothing is committed after it on either database.
	failed error
}

var _ chat.Store = (*Store)(nil)

// appender is the hot transaction as each database does it best.
type appender interface {
	append(ctx context.Context, drafts []chat.Draft) ([]chat.Outcome, error)
	stats() poolStats
	close()
}

// Close ends all connections.
func (s *Store) Close() error {
	s.appender.close()
	var errs []error
	for _, pool := range s.pools {
		if err := pool.Close(); !errors.Is(err, net.ErrClosed) { // of one that was given up already
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// do runs one operation with a deadline, measures it and gives its error a meaning.
func (s *Store) do(ctx context.Context, op operation, fn func(ctx context.Context) error) error {
	ctx, cancel := context.WithDeadline(ctx, s.deadline(op))
	defer cancel()
	begin := time.Now()
	err := s.dialect.meaning(fn(ctx))
	s.metrics.observe(op, time.Since(begin), err)
	if s.tx != nil && s.tx.failed == nil && !errors.Is(err, chat.ErrNotFound) {
		s.tx.failed = err
	}
	if err != nil && chat.CodeOf(err) == "" {
		return fmt.Errorf("%s: %w", op, err)
	}
	return err
}

// deadline is when a statement that begins now must be over. What a long transaction
// did may take long to flush, so its COMMIT has all the time that it has.
func (s *Store) deadline(op operation) time.Time {
	deadline := time.Now().Add(statementTimeout)
	if s.tx != nil && (op == opCommit || s.tx.until.Before(deadline)) {
		return s.tx.until
	}
	return deadline
}

// all scans the rows of a query into dest, a pointer to a slice of structs.
func (s *Store) all(ctx context.Context, op operation, dest any, query string, args ...any) error {
	if err := checkTexts(args); err != nil {
		return err
	}
	return s.do(ctx, op, func(ctx context.Context) error {
		return s.read.NewRaw(query, args...).Scan(ctx, dest)
	})
}

// one scans the only row of a query into dest; none is ErrNotFound.
func (s *Store) one(ctx context.Context, op operation, dest any, query string, args ...any) error {
	return s.all(ctx, op, dest, query, args...)
}

// change runs a statement that changes rows, and returns how many.
func (s *Store) change(ctx context.Context, op operation, query string, args ...any) (n int64, err error) {
	if err := checkTexts(args); err != nil {
		return 0, err
	}
	err = s.do(ctx, op, func(ctx context.Context) error {
		result, err := s.write.NewRaw(query, args...).Exec(ctx)
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	return n, err
}

// changeOne is change of a row that must be there.
func (s *Store) changeOne(ctx context.Context, op operation, query string, args ...any) error {
	n, err := s.change(ctx, op, query, args...)
	if err == nil && n == 0 {
		return chat.ErrNotFound
	}
	return err
}

// returning runs a statement that changes a row and scans what it returns.
func (s *Store) returning(ctx context.Context, op operation, dest any, query string, args ...any) error {
	if err := checkTexts(args); err != nil {
		return err
	}
	return s.do(ctx, op, func(ctx context.Context) error {
		return s.write.NewRaw(query, args...).Scan(ctx, dest)
	})
}

// InTx implements [chat.Store]. With all its tries it takes no longer than one
// statement may.
func (s *Store) InTx(ctx context.Context, fn func(tx chat.Store) error) error {
	until := time.Now().Add(statementTimeout)
	return s.inTx(ctx, until, func(tx *Store) error { return fn(tx) })
}

func (s *Store) inTx(ctx context.Context, until time.Time, fn func(tx *Store) error) error {
	if s.tx != nil {
		return errors.New("a transaction inside a transaction")
	}
	var err error
	for attempt := range txAttempts {
		if attempt > 0 {
			s.metrics.retried.Inc()
		}
		err = s.tryTx(ctx, until, fn)
		if !isRetry(err) || time.Now().After(until) {
			return err
		}
	}
	return err
}

// tryTx runs one transaction on a connection of its own. BEGIN and COMMIT are
// statements like others, so that each has its deadline.
func (s *Store) tryTx(ctx context.Context, until time.Time, fn func(tx *Store) error) error {
	conn, err := s.connection(ctx, until)
	if err != nil {
		return err
	}
	ended := false // if not, by a panic too, nobody may use the connection again
	defer func() {
		if !ended {
			discard(conn)
		}
		conn.Close()
	}()
	tx := &Store{dialect: s.dialect, metrics: s.metrics, read: conn, write: conn, tx: &transaction{until: until}}
	if _, err := tx.change(ctx, opBegin, s.dialect.begin); err != nil {
		return err
	}
	err = fn(tx)
	if err == nil {
		err = tx.tx.failed
	}
	if err == nil {
		_, err = tx.change(context.WithoutCancel(ctx), opCommit, "COMMIT")
	}
	if err == nil {
		ended = true
		return nil
	}
	_, unclear := tx.change(context.Background(), opRollback, "ROLLBACK")
	ended = unclear == nil
	return err
}

// connection takes a connection that may write out of its pool.
func (s *Store) connection(ctx context.Context, until time.Time) (conn bun.Conn, err error) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	err = s.do(ctx, opConnect, func(ctx context.Context) error {
		conn, err = s.pools[0].Conn(ctx)
		return err
	})
	return conn, err
}

// Epoch implements [chat.Store].
func (s *Store) Epoch(ctx context.Context) (epoch string, err error) {
	err = s.one(ctx, opEpoch, &epoch, `SELECT epoch FROM installation WHERE id = 1`)
	return epoch, err
}

// NewEpoch gives the log a new life and returns its name. It is for after a
// restore from a backup: clients then drop what they have.
func (s *Store) NewEpoch(ctx context.Context) (epoch string, err error) {
	err = s.returning(ctx, opEpoch, &epoch,
		`UPDATE installation SET epoch = `+s.dialect.words.Random+` WHERE id = 1 RETURNING epoch`)
	return epoch, err
}

// Now implements [chat.Store].
func (s *Store) Now(ctx context.Context) (now time.Time, err error) {
	err = s.one(ctx, opNow, &now, `SELECT `+s.dialect.words.Now)
	return now, err
}

// Ping implements [chat.Store]. A newer schema that this build can work with will
// do.
func (s *Store) Ping(ctx context.Context) error {
	return s.checkSchema(ctx)
}
