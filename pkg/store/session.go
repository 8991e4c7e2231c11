package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chatire/chatire/pkg/chat"
)

// sessionRow is a row of sessions.
type sessionRow struct {
	ID          int64
	URI         string `bun:"uri"`
	OwnerID     int64
	Title       string
	LastSeq     int64
	LastOrdinal int64
	CreatedAt   time.Time
	ClosedAt    *time.Time
	Access      string
}

const sessionColumns = `id, uri, owner_id, title, last_seq, last_ordinal, created_at, closed_at, access`

func (r *sessionRow) session() chat.Session {
	return chat.Session{
		ID:          r.ID,
		URI:         r.URI,
		OwnerID:     r.OwnerID,
		Title:       r.Title,
		Head:        r.LastSeq,
		LastOrdinal: r.LastOrdinal,
		CreatedAt:   r.CreatedAt,
		ClosedAt:    r.ClosedAt,
		Access:      chat.Access(r.Access),
	}
}

// CreateSession implements [chat.SessionStore].
func (s *Store) CreateSession(ctx context.Context, uri string, ownerID int64, clientID *string) (chat.Session, error) {
	var row sessionRow
	err := s.returning(ctx, opSession, &row,
		`INSERT INTO sessions (uri, owner_id, client_id) VALUES (?, ?, ?) RETURNING `+sessionColumns, uri, ownerID, clientID)
	return row.session(), err
}

// SessionByClientID implements [chat.SessionStore].
func (s *Store) SessionByClientID(ctx context.Context, ownerID int64, clientID string) (chat.Session, error) {
	var row sessionRow
	err := s.one(ctx, opSession, &row,
		`SELECT `+sessionColumns+` FROM sessions WHERE owner_id = ? AND client_id = ? AND deleted_at IS NULL`, ownerID, clientID)
	return row.session(), err
}

// LockSession implements [chat.SessionStore].
func (s *Store) LockSession(ctx context.Context, uri string) (chat.Session, error) {
	var row sessionRow
	err := s.one(ctx, opSession, &row,
		`SELECT `+sessionColumns+` FROM sessions WHERE uri = ? AND deleted_at IS NULL `+s.dialect.lockRow, uri)
	return row.session(), err
}

// membershipRow is a Session as one User stands to it.
type membershipRow struct {
	sessionRow
	Role string
}

const membershipColumns = `s.id, s.uri, s.owner_id, s.title, s.last_seq, s.last_ordinal, s.created_at, s.closed_at, s.access,
	coalesce(m.role, '') AS role`

func (r *membershipRow) membership() chat.Membership {
	return chat.Membership{Session: r.session(), Role: chat.Role(r.Role)}
}

// Membership implements [chat.SessionStore].
func (s *Store) Membership(ctx context.Context, uri string, userID int64) (chat.Membership, error) {
	var row membershipRow
	err := s.one(ctx, opMember, &row,
		`SELECT `+membershipColumns+` FROM sessions s
		   LEFT JOIN members m ON m.session_id = s.id AND m.user_id = ?
		  WHERE s.uri = ? AND s.deleted_at IS NULL`, userID, uri)
	return row.membership(), err
}

// Memberships implements [chat.SessionStore].
func (s *Store) Memberships(ctx context.Context, userID int64, uris []string) ([]chat.Membership, error) {
	if len(uris) == 0 {
		return nil, nil
	}
	var rows []membershipRow
	err := s.all(ctx, opMember, &rows,
		`SELECT `+membershipColumns+` FROM sessions s JOIN members m ON m.session_id = s.id
		  WHERE m.user_id = ? AND s.uri IN (?)`, userID, bun.List(uris))
	memberships := make([]chat.Membership, len(rows))
	for i := range rows {
		memberships[i] = rows[i].membership()
	}
	return memberships, err
}

// MemberSessions implements [chat.SessionStore].
func (s *Store) MemberSessions(ctx context.Context, userID, after int64, limit int) ([]chat.Session, error) {
	return s.sessions(ctx,
		`SELECT s.id, s.uri, s.owner_id, s.title, s.last_seq, s.last_ordinal, s.created_at, s.closed_at, s.access
		   FROM members m JOIN sessions s ON s.id = m.session_id
		  WHERE m.user_id = ? AND m.session_id > ? ORDER BY m.session_id LIMIT ?`, userID, after, limit)
}

// AllSessions implements [chat.SessionStore].
func (s *Store) AllSessions(ctx context.Context, after int64, limit int) ([]chat.Session, error) {
	return s.sessions(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id > ? AND deleted_at IS NULL ORDER BY id LIMIT ?`, after, limit)
}

func (s *Store) sessions(ctx context.Context, query string, args ...any) ([]chat.Session, error) {
	var rows []sessionRow
	err := s.all(ctx, opSession, &rows, query, args...)
	sessions := make([]chat.Session, len(rows))
	for i := range rows {
		sessions[i] = rows[i].session()
	}
	return sessions, err
}

// SetOwner implements [chat.SessionStore].
func (s *Store) SetOwner(ctx context.Context, sessionID, userID int64) error {
	return s.changeOne(ctx, opSession, `UPDATE sessions SET owner_id = ? WHERE id = ?`, userID, sessionID)
}

// SetTitle implements [chat.SessionStore].
func (s *Store) SetTitle(ctx context.Context, sessionID int64, title string) error {
	return s.changeOne(ctx, opSession, `UPDATE sessions SET title = ? WHERE id = ?`, title, sessionID)
}

// SetAccess implements [chat.SessionStore].
func (s *Store) SetAccess(ctx context.Context, sessionID int64, access chat.Access) error {
	return s.changeOne(ctx, opSession, `UPDATE sessions SET access = ? WHERE id = ?`, string(access), sessionID)
}

// CloseSession implements [chat.SessionStore].
func (s *Store) CloseSession(ctx context.Context, sessionID int64) error {
	return s.changeOne(ctx, opSession,
		`UPDATE sessions SET closed_at = `+s.dialect.words.Now+` WHERE id = ? AND closed_at IS NULL`, sessionID)
}
