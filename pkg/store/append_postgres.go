package store

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chatire/chatire/pkg/chat"
)

// postgresAppender sends each batch as one pipeline of two statements, without
// BEGIN and COMMIT: up to its end a pipeline is one transaction, and all of it
// leaves in one network write, so that a process that is stopped holds no locks.
//
// Under READ COMMITTED each statement has its own snapshot. The first takes the
// locks; the second checks, numbers and inserts under a snapshot taken after
// them. Both in one statement would be a race: the checks would see what was true
// before the wait.
//
// What a call that ran out of time did is not known, and its socket is closed at
// once (see watch), which ends the transaction if it was not committed.
type postgresAppender struct {
	pool *pgxpool.Pool
}

// appendSettings keep the plans right, and the order of snapshots, for which the
// isolation level must be this one. A generic plan that was made while a table
// was empty would scan it from end to end until the next ANALYZE.
var appendSettings = map[string]string{
	"application_name":                    "chatire-append",
	"client_encoding":                     "UTF8",
	"default_transaction_isolation":       "read committed",
	"statement_timeout":                   "1s",
	"lock_timeout":                        "500ms",
	"idle_in_transaction_session_timeout": "3s",
	"tcp_keepalives_idle":                 "10",
	"tcp_keepalives_interval":             "5",
	"tcp_keepalives_count":                "3",
	"enable_seqscan":                      "off",
	"plan_cache_mode":                     "force_generic_plan",
	"jit":                                 "off",
	"timezone":                            "UTC",
}

// appendConnections is one for each of the appender's two lanes and as many to spare.
const appendConnections = 4

func newPostgresAppender(rawURL string) (*postgresAppender, error) {
	connection, err := parsePostgres(rawURL)
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, fmt.Errorf("configure the appender's pool: %w", err)
	}
	maps.Copy(connection.RuntimeParams, appendSettings)
	config.ConnConfig = connection
	config.AfterConnect = prepareAppends
	config.MaxConns = appendConnections
	// The pool connects when it is first used, so there is nothing to wait for.
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("open the appender's pool: %w", err)
	}
	return &postgresAppender{pool: pool}, nil
}

// prepareAppends makes a new connection ready. Prepared on their first use, the
// statements would need a second network write.
func prepareAppends(ctx context.Context, conn *pgx.Conn) error {
	for _, statement := range []string{lockSessions, appendMany, bumpSession, appendOne} {
		if _, err := conn.Prepare(ctx, statement, statement); err != nil { // its text is its name
			return fmt.Errorf("prepare an append: %w", err)
		}
	}
	return nil
}

func (a *postgresAppender) stats() poolStats {
	s := a.pool.Stat()
	return poolStats{
		used:   int(s.AcquiredConns()),
		idle:   int(s.IdleConns()),
		waits:  s.EmptyAcquireCount(),
		waited: s.EmptyAcquireWaitTime(),
	}
}

func (a *postgresAppender) close() { a.pool.Close() }

// lockSessions sits above a sort, so rows are locked in the order of their ids and
// two batches cannot wait for each other. Foreign keys take KEY SHARE locks, which
// NO KEY UPDATE does not fight.
const lockSessions = `SELECT id FROM sessions WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE`

// appendMany stores drafts that come as arrays; the place in them is the order.
// A draft whose client_id stands earlier in the batch takes the number of that
// leader. Whoever posts has read what there is up to their message. The LATERAL
// parts are index lookups whatever the statistics say.
const appendMany = `
WITH draft AS (
  SELECT t.*,
         CASE WHEN client_id IS NULL THEN ord ELSE first_value(ord) OVER twins END AS lead,
         CASE WHEN client_id IS NULL THEN sum ELSE first_value(sum) OVER twins END AS lead_sum
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[])
         WITH ORDINALITY AS t(session_id, user_id, client_id, body, sum, target, mentions, ord)
  WINDOW twins AS (PARTITION BY session_id, user_id, client_id ORDER BY ord)
), checked AS (
  SELECT draft.*, s.last_seq, s.last_ordinal,
         e.seq AS old_seq, e.ordinal AS old_ordinal, e.rev AS old_rev, e.created_at AS old_at,
         CASE WHEN e.client_sum = draft.sum     THEN 'known'
              WHEN e.seq IS NOT NULL            THEN 'conflict'
              WHEN m.user_id IS NULL            THEN 'stranger'
              WHEN m.role = 'reader'            THEN 'mute'
              WHEN s.closed_at IS NOT NULL      THEN 'closed'
              WHEN draft.lead = draft.ord       THEN 'stored'
              WHEN draft.lead_sum = draft.sum   THEN 'known'
              ELSE 'conflict' END AS verdict
    FROM draft
    LEFT JOIN LATERAL (SELECT * FROM sessions WHERE id = draft.session_id LIMIT 1) s ON true
    LEFT JOIN LATERAL (SELECT user_id, role FROM members
                        WHERE session_id = draft.session_id AND user_id = draft.user_id LIMIT 1) m ON true
    LEFT JOIN LATERAL (SELECT * FROM events
                        WHERE session_id = draft.session_id AND user_id = draft.user_id
                          AND client_id = draft.client_id LIMIT 1) e ON true
), numbered AS MATERIALIZED (
  SELECT checked.*, (SELECT clock_timestamp()) AS at,
         count(*) FILTER (WHERE verdict = 'stored') OVER (PARTITION BY session_id ORDER BY lead) AS k
    FROM checked
), bumped AS (
  UPDATE sessions s SET last_seq = s.last_seq + grown.k, last_ordinal = s.last_ordinal + grown.k
    FROM (SELECT session_id, count(*) AS k FROM numbered WHERE verdict = 'stored' GROUP BY session_id) grown
   WHERE s.id = grown.session_id
), caught_up AS (
  UPDATE members m SET read_ordinal = posted.ordinal, read_seq = posted.seq
    FROM (SELECT session_id, user_id, max(last_ordinal + k) AS ordinal, max(last_seq + k) AS seq
            FROM numbered WHERE verdict = 'stored' GROUP BY session_id, user_id) posted
   WHERE m.session_id = posted.session_id AND m.user_id = posted.user_id
), mentioned AS (
  INSERT INTO mentions (user_id, session_id, seq)
  SELECT unnest(string_to_array(mentions, ','))::bigint, session_id, last_seq + k
    FROM numbered WHERE verdict = 'stored' AND mentions IS NOT NULL
), inserted AS (
  INSERT INTO events (session_id, seq, type, user_id, client_id, client_sum, body, target, mentions, ordinal, rev, created_at)
  SELECT session_id, last_seq + k, 'message', user_id, client_id, CASE WHEN client_id IS NOT NULL THEN sum END,
         body, target, mentions, last_ordinal + k, last_seq + k, at
    FROM numbered WHERE verdict = 'stored'
)
SELECT ord, verdict, coalesce(old_seq, last_seq + k, 0), coalesce(old_ordinal, last_ordinal + k, 0),
       coalesce(old_rev, last_seq + k, 0), coalesce(old_at, at)
  FROM numbered`

// bumpSession is the lock of a batch of one, and already the change that storing
// the draft needs. appendOne takes it back if the draft is not stored.
const bumpSession = `UPDATE sessions SET last_seq = last_seq + 1, last_ordinal = last_ordinal + 1 WHERE id = $1`

// appendOne returns no row if there is no such session.
const appendOne = `
WITH checked AS MATERIALIZED (
  SELECT s.id, s.last_seq AS seq, s.last_ordinal AS ordinal, clock_timestamp() AS at,
         e.seq AS old_seq, e.ordinal AS old_ordinal, e.rev AS old_rev, e.created_at AS old_at,
         CASE WHEN e.client_sum = $5       THEN 'known'
              WHEN e.seq IS NOT NULL       THEN 'conflict'
              WHEN m.user_id IS NULL       THEN 'stranger'
              WHEN m.role = 'reader'       THEN 'mute'
              WHEN s.closed_at IS NOT NULL THEN 'closed'
              ELSE 'stored' END AS verdict
    FROM sessions s
    LEFT JOIN members m ON m.session_id = s.id AND m.user_id = $2::bigint
    LEFT JOIN events e ON e.session_id = s.id AND e.user_id = $2::bigint AND e.client_id = $3::text
   WHERE s.id = $1::bigint
), inserted AS (
  INSERT INTO events (session_id, seq, type, user_id, client_id, client_sum, body, target, mentions, ordinal, rev, created_at)
  SELECT id, seq, 'message', $2, $3, CASE WHEN $3::text IS NOT NULL THEN $5::bigint END, $4::text, $6::bigint, $7::text, ordinal, seq, at
    FROM checked WHERE verdict = 'stored'
), mentioned AS (
  INSERT INTO mentions (user_id, session_id, seq)
  SELECT unnest(string_to_array($7::text, ','))::bigint, id, seq FROM checked WHERE verdict = 'stored' AND $7::text IS NOT NULL
), caught_up AS (
  UPDATE members m SET read_ordinal = checked.ordinal, read_seq = checked.seq
    FROM checked WHERE m.session_id = $1 AND m.user_id = $2 AND checked.verdict = 'stored'
), taken_back AS (
  UPDATE sessions s SET last_seq = s.last_seq - 1, last_ordinal = s.last_ordinal - 1
    FROM checked WHERE s.id = checked.id AND checked.verdict <> 'stored'
)
SELECT 1::bigint, verdict, coalesce(old_seq, seq), coalesce(old_ordinal, ordinal), coalesce(old_rev, seq), coalesce(old_at, at)
  FROM checked`

func (a *postgresAppender) append(ctx context.Context, drafts []chat.Draft) ([]chat.Outcome, error) {
	conn, err := a.pool.Acquire(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	defer conn.Release()
	results := conn.SendBatch(ctx, pipeline(drafts))
	outcomes, err := readOutcomes(results, len(drafts))
	// Close reports what COMMIT said, so it decides too.
	if err := errors.Join(err, results.Close()); err != nil {
		return nil, appendError(err)
	}
	return outcomes, nil
}

// pipeline returns the two statements for a batch: the form for one draft writes
// the session's row once, the other is made for many.
func pipeline(drafts []chat.Draft) *pgx.Batch {
	var batch pgx.Batch
	if len(drafts) == 1 {
		d := drafts[0]
		batch.Queue(bumpSession, d.SessionID)
		batch.Queue(appendOne, d.SessionID, d.UserID, d.ClientID, d.Body, d.Sum, nilIfZero(d.ReplyTo), writeIDs(d.Mentions))
		return &batch
	}
	n := len(drafts)
	sessions, users, sums := make([]int64, n), make([]int64, n), make([]int64, n)
	clientIDs, bodies := make([]*string, n), make([]string, n)
	targets, mentions := make([]*int64, n), make([]*string, n)
	for i, d := range drafts {
		sessions[i], users[i], clientIDs[i], bodies[i], sums[i] = d.SessionID, d.UserID, d.ClientID, d.Body, d.Sum
		targets[i], mentions[i] = nilIfZero(d.ReplyTo), writeIDs(d.Mentions)
	}
	batch.Queue(lockSessions, sessions)
	batch.Queue(appendMany, sessions, users, clientIDs, bodies, sums, targets, mentions)
	return &batch
}

// readOutcomes reads the answers to both statements. Rows come in any order.
func readOutcomes(results pgx.BatchResults, n int) ([]chat.Outcome, error) {
	if _, err := results.Exec(); err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	outcomes := make([]chat.Outcome, n)
	for i := range outcomes {
		outcomes[i].Verdict = chat.Stranger
	}
	for rows.Next() {
		var (
			place   int64
			verdict string
			o       chat.Outcome
		)
		if err := rows.Scan(&place, &verdict, &o.Seq, &o.Ordinal, &o.Rev, &o.CreatedAt); err != nil {
			return nil, err
		}
		o.Verdict = chat.Verdict(verdict)
		outcomes[place-1] = o
	}
	return outcomes, rows.Err()
}

// appendError tells what is certain from what is not. Only an ERROR of the server
// means that the transaction was aborted: a FATAL may come after the commit, and a
// lost connection or a deadline says nothing.
func appendError(err error) error {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if ok && pg.SeverityUnlocalized == "ERROR" {
		return &chat.Aborted{Err: unavailable(err)}
	}
	return unavailable(fmt.Errorf("the outcome of the commit is not known: %w", err))
}
