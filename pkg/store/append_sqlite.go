package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/chatire/chatire/pkg/chat"
)

// sqliteAppender stores a batch in one immediate transaction on the connection
// that writes. Nobody else writes meanwhile, so each draft is looked at, then
// inserted; a twin sees the row of its leader.
type sqliteAppender struct {
	pool *sql.DB // the writer's; the store closes it
}

func (*sqliteAppender) stats() poolStats { return poolStats{} }

func (*sqliteAppender) close() {}

const (
	lookSQLite = `
SELECT s.last_seq, s.last_ordinal, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
       coalesce(e.seq, 0), coalesce(e.ordinal, 0), coalesce(e.rev, 0), coalesce(e.created_at, ''),
       CASE WHEN e.client_sum = ?4       THEN 'known'
            WHEN e.seq IS NOT NULL       THEN 'conflict'
            WHEN m.user_id IS NULL       THEN 'stranger'
            WHEN m.role = 'reader'       THEN 'mute'
            WHEN s.closed_at IS NOT NULL THEN 'closed'
            ELSE 'stored' END
  FROM sessions s
  LEFT JOIN members m ON m.session_id = s.id AND m.user_id = ?2
  LEFT JOIN events e ON e.session_id = s.id AND e.user_id = ?2 AND e.client_id = ?3
 WHERE s.id = ?1`
	insertSQLite = `
INSERT INTO events (session_id, seq, type, user_id, client_id, client_sum, body, ordinal, rev, created_at, target, mentions)
VALUES (?1, ?2, 'message', ?3, ?4, ?5, ?6, ?7, ?2, ?8, ?9, ?10)`
	mentionSQLite = `INSERT INTO mentions (user_id, session_id, seq) VALUES (?1, ?2, ?3)`
	readSQLite    = `UPDATE members SET read_ordinal = ?3, read_seq = ?4 WHERE session_id = ?1 AND user_id = ?2`
	bumpSQLite    = `UPDATE sessions SET last_seq = last_seq + ?2, last_ordinal = last_ordinal + ?2 WHERE id = ?1`
)

func (a *sqliteAppender) append(ctx context.Context, drafts []chat.Draft) ([]chat.Outcome, error) {
	conn, err := a.pool.Conn(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		discardSQL(conn) // it may have begun, and been told too late
		return nil, &chat.Aborted{Err: sqliteUnavailable(err)}
	}
	outcomes, err := a.store(ctx, conn, drafts)
	if err != nil {
		rollBackSQLite(ctx, conn)
		return nil, &chat.Aborted{Err: sqliteUnavailable(err)}
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		rollBackSQLite(ctx, conn)
		return nil, commitError(err)
	}
	return outcomes, nil
}

// rollBackSQLite ends a transaction that failed, or the connection with it.
func rollBackSQLite(ctx context.Context, conn *sql.Conn) {
	if _, err := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); err != nil {
		discardSQL(conn)
	}
}

// commitError tells what is certain from what is not: a COMMIT that found the
// database busy did nothing, but one that failed to write may be found again after
// a crash.
func commitError(err error) error {
	if err := explainSQLite(err); isRetry(err) {
		return &chat.Aborted{Err: err}
	}
	return unavailable(fmt.Errorf("the outcome of the commit is not known: %w", err))
}

func sqliteUnavailable(err error) error {
	if err := explainSQLite(err); chat.CodeOf(err) != "" {
		return err
	}
	return unavailable(err)
}

// sqliteBatch is one transaction: its prepared statements, by how much each session
// has grown, and how far each author has read.
type sqliteBatch struct {
	look, insert, mention, bump, read *sql.Stmt
	grown                             map[int64]int64
	readTo                            map[reader]chat.Outcome // the last of each author's
}

type reader struct{ sessionID, userID int64 }

// prepare prepares the statements that run many times.
func (b *sqliteBatch) prepare(ctx context.Context, conn *sql.Conn) error {
	for _, s := range []struct {
		into **sql.Stmt
		text string
	}{{&b.look, lookSQLite}, {&b.insert, insertSQLite}, {&b.mention, mentionSQLite}, {&b.bump, bumpSQLite}, {&b.read, readSQLite}} {
		statement, err := conn.PrepareContext(ctx, s.text)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		*s.into = statement
	}
	return nil
}

func (b *sqliteBatch) close() {
	for _, statement := range []*sql.Stmt{b.look, b.insert, b.mention, b.bump, b.read} {
		if statement != nil {
			statement.Close()
		}
	}
}

func (a *sqliteAppender) store(ctx context.Context, conn *sql.Conn, drafts []chat.Draft) ([]chat.Outcome, error) {
	b := &sqliteBatch{grown: map[int64]int64{}, readTo: map[reader]chat.Outcome{}}
	defer b.close()
	if err := b.prepare(ctx, conn); err != nil {
		return nil, err
	}
	// The driver has a goroutine watch each statement that can be interrupted. These
	// are short, so it is enough to look in between.
	unwatched := context.WithoutCancel(ctx)
	outcomes := make([]chat.Outcome, len(drafts))
	for i, d := range drafts {
		outcome, err := b.store(unwatched, d)
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		outcomes[i] = outcome
	}
	return outcomes, b.finish(unwatched)
}

// finish moves the heads of the sessions and the read positions of the authors.
func (b *sqliteBatch) finish(ctx context.Context) error {
	for sessionID, by := range b.grown {
		if _, err := b.bump.ExecContext(ctx, sessionID, by); err != nil {
			return fmt.Errorf("move a head: %w", err)
		}
	}
	for author, last := range b.readTo {
		if _, err := b.read.ExecContext(ctx, author.sessionID, author.userID, last.Ordinal, last.Seq); err != nil {
			return fmt.Errorf("move a read position: %w", err)
		}
	}
	return nil
}

func (b *sqliteBatch) store(ctx context.Context, d chat.Draft) (chat.Outcome, error) {
	var (
		o                  chat.Outcome
		lastSeq, lastOrder int64
		now, verdict, old  string
	)
	err := b.look.QueryRowContext(ctx, d.SessionID, d.UserID, d.ClientID, d.Sum).
		Scan(&lastSeq, &lastOrder, &now, &o.Seq, &o.Ordinal, &o.Rev, &old, &verdict)
	if errors.Is(err, sql.ErrNoRows) {
		return chat.Outcome{Verdict: chat.Stranger}, nil
	}
	if err != nil {
		return chat.Outcome{}, fmt.Errorf("look at a draft: %w", err)
	}
	o.Verdict = chat.Verdict(verdict)
	if o.Verdict != chat.Stored {
		if old != "" {
			o.CreatedAt, err = parseSQLite(old)
		}
		return o, err
	}
	b.grown[d.SessionID]++
	k := b.grown[d.SessionID]
	o.Seq, o.Ordinal, o.Rev = lastSeq+k, lastOrder+k, lastSeq+k
	var sum *int64
	if d.ClientID != nil {
		sum = &d.Sum
	}
	_, err = b.insert.ExecContext(ctx, d.SessionID, o.Seq, d.UserID, d.ClientID, sum, d.Body, o.Ordinal, now,
		nilIfZero(d.ReplyTo), writeIDs(d.Mentions))
	if err != nil {
		return chat.Outcome{}, fmt.Errorf("insert a message: %w", err)
	}
	for _, userID := range d.Mentions {
		if _, err := b.mention.ExecContext(ctx, userID, d.SessionID, o.Seq); err != nil {
			return chat.Outcome{}, fmt.Errorf("insert a mention: %w", err)
		}
	}
	b.readTo[reader{d.SessionID, d.UserID}] = o
	o.CreatedAt, err = parseSQLite(now)
	return o, err
}
