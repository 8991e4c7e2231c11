package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chatire/chatire/pkg/chat"
)

// MoveToken implements [chat.MoveStore].
func (s *Store) MoveToken(ctx context.Context, t chat.Token, digest chat.Digest) (bool, error) {
	n, err := s.change(ctx, opToken,
		`INSERT INTO tokens (user_id, digest, label, idle_seconds, created_at, expires_at)
		 VALUES (?, ?, ?, ?, `+s.dialect.moment+`, `+s.dialect.later("?")+`) ON CONFLICT DO NOTHING`,
		t.UserID, digest[:], t.Label, int64(t.Idle.Seconds()), s.dialect.stamp(t.CreatedAt), int64(t.Idle.Seconds()))
	return n > 0, err
}

// MoveSession implements [chat.MoveStore].
func (s *Store) MoveSession(ctx context.Context, session chat.Session) (chat.Session, error) {
	var row sessionRow
	err := s.returning(ctx, opSession, &row,
		`INSERT INTO sessions (uri, owner_id, created_at) VALUES (?, ?, `+s.dialect.moment+`) RETURNING `+sessionColumns,
		session.URI, session.OwnerID, s.dialect.stamp(session.CreatedAt))
	return row.session(), err
}

// MoveEvents implements [chat.MoveStore].
func (s *Store) MoveEvents(ctx context.Context, session chat.Session, events []chat.Event) error {
	var args []any
	rows := ``
	for i, e := range events {
		var member, sum, role any
		if e.Member != nil {
			member, role = e.Member.ID, string(e.Role)
		}
		if e.ClientID != nil {
			sum = chat.SumOf(e.Body)
		}
		if i > 0 {
			rows += `, `
		}
		rows += `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ` + s.dialect.moment + `)`
		args = append(args, e.SessionID, e.Seq, string(e.Type), e.User.ID, member, role, e.ClientID, sum, e.Body, e.Rev, e.Ordinal, s.dialect.stamp(e.CreatedAt))
	}
	_, err := s.change(ctx, opEvent,
		`INSERT INTO events (session_id, seq, type, user_id, member_id, role, client_id, client_sum, body, rev, ordinal, created_at) VALUES `+rows, args...)
	if err != nil {
		return err
	}
	last := events[len(events)-1]
	return s.changeOne(ctx, opSession, `UPDATE sessions SET last_seq = ?, last_ordinal = ? WHERE id = ?`, last.Seq, last.Ordinal, session.ID)
}

// KnownMessages implements [chat.MoveStore].
func (s *Store) KnownMessages(ctx context.Context, sessionID int64, clientIDs []string) (known []string, err error) {
	if len(clientIDs) == 0 {
		return nil, nil
	}
	err = s.all(ctx, opEvent, &known,
		`SELECT client_id FROM events WHERE session_id = ? AND client_id IN (?)`, sessionID, bun.List(clientIDs))
	return known, err
}
