package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/chatire/chatire/pkg/chat"
)

// plain stores each message in a transaction of its own, as one would write it
// with bun: the measure of the appender.
type plain struct {
	db   *bun.DB
	lock string
}

func openPlain(b *testing.B, url chat.Secret) *plain {
	b.Helper()
	if !isPostgres(url) {
		pool := rawly(b, url)
		pool.SetMaxOpenConns(1)
		return &plain{db: bun.NewDB(pool, sqlitedialect.New())}
	}
	pool := rawly(b, url+"&default_query_exec_mode=exec") // bun writes the values into the text
	pool.SetMaxOpenConns(benchWriters)
	pool.SetMaxIdleConns(benchWriters)
	return &plain{db: bun.NewDB(pool, pgdialect.New()), lock: " FOR NO KEY UPDATE"}
}

func (p *plain) post(ctx context.Context, d chat.Draft) error {
	return p.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var seq, ordinal int64
		var closed, member, known bool
		err := errors.Join(
			tx.NewRaw(`SELECT last_seq + 1, last_ordinal + 1, closed_at IS NOT NULL FROM sessions WHERE id = ?`+p.lock,
				d.SessionID).Scan(ctx, &seq, &ordinal, &closed),
			tx.NewRaw(`SELECT EXISTS (SELECT 1 FROM members WHERE session_id = ? AND user_id = ?)`,
				d.SessionID, d.UserID).Scan(ctx, &member),
			tx.NewRaw(`SELECT EXISTS (SELECT 1 FROM events WHERE session_id = ? AND user_id = ? AND client_id = ?)`,
				d.SessionID, d.UserID, d.ClientID).Scan(ctx, &known),
		)
		if err != nil || closed || !member || known {
			return errors.Join(errors.New("refused"), err)
		}
		_, err = tx.NewRaw(`UPDATE sessions SET last_seq = ?, last_ordinal = ? WHERE id = ?`, seq, ordinal, d.SessionID).Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewRaw(`UPDATE members SET read_ordinal = ? WHERE session_id = ? AND user_id = ?`,
			ordinal, d.SessionID, d.UserID).Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewRaw(
			`INSERT INTO events (session_id, seq, type, user_id, client_id, client_sum, body, ordinal, rev, created_at)
			 VALUES (?, ?, 'message', ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP)`,
			d.SessionID, seq, d.UserID, d.ClientID, d.Sum, d.Body, ordinal, seq).Exec(ctx)
		return err
	})
}
