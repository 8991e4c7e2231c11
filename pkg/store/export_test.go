package store

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

// CountAppendWrites counts the writes to the sockets of the PostgreSQL appender
// from here on.
func CountAppendWrites(t *testing.T, s *Store) *atomic.Int64 {
	t.Helper()
	var writes atomic.Int64
	a := s.appender.(*postgresAppender)
	config := a.pool.Config()
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return countingConn{conn, &writes}, err
	}
	a.pool.Close()
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	a.pool = pool
	return &writes
}

type countingConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// Setting returns what holds for the store's own connections of one kind, by the
// name that they give to PostgreSQL.
func Setting(t *testing.T, s *Store, kind, name string) (value string) {
	t.Helper()
	const query = "SELECT current_setting($1)"
	var err error
	if kind == appendSettings["application_name"] {
		err = s.appender.(*postgresAppender).pool.QueryRow(t.Context(), query, name).Scan(&value)
	} else {
		err = s.pools[0].DB.QueryRowContext(t.Context(), query, name).Scan(&value)
	}
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// Pragma returns what holds for the connection that writes to SQLite.
func Pragma(t *testing.T, s *Store, name string) (value string) {
	t.Helper()
	if err := s.pools[0].DB.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}
