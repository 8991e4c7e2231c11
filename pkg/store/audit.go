package store

import (
	"context"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// auditRow is a row of audit.
type auditRow struct {
	Seq       int64
	At        time.Time
	Actor     string
	Origin    string
	Operation string
	Target    string
	Was       string
	Became    string
	RequestID string
	Hash      string
}

func (r *auditRow) entry() chat.AuditEntry {
	return chat.AuditEntry{
		Seq:       r.Seq,
		At:        r.At.UTC(),
		Actor:     r.Actor,
		Origin:    r.Origin,
		Operation: r.Operation,
		Target:    r.Target,
		Before:    r.Was,
		After:     r.Became,
		RequestID: r.RequestID,
		Hash:      r.Hash,
	}
}

// AppendAudit implements [chat.AuditStore]. The row of the head is locked before the
// clock is read, so that times do not go back along the chain.
func (s *Store) AppendAudit(ctx context.Context, e chat.AuditEntry) (chat.AuditEntry, error) {
	var head chat.AuditHead
	if err := s.one(ctx, opAudit, &head, `SELECT seq, hash FROM audit_head WHERE id = 1 `+s.dialect.lockRow); err != nil {
		return chat.AuditEntry{}, err
	}
	now, err := s.Now(ctx)
	if err != nil {
		return chat.AuditEntry{}, err
	}
	e.Seq, e.At = head.Seq+1, now.UTC()
	e.Hash = e.Chained(head.Hash)
	_, err = s.change(ctx, opAudit,
		`INSERT INTO audit (seq, at, actor, origin, operation, target, was, became, request_id, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.Seq, s.dialect.stamp(e.At), e.Actor, e.Origin, e.Operation, e.Target, e.Before, e.After, e.RequestID, e.Hash)
	if err != nil {
		return chat.AuditEntry{}, err
	}
	return e, s.changeOne(ctx, opAudit, `UPDATE audit_head SET seq = ?, hash = ? WHERE id = 1`, e.Seq, e.Hash)
}

// ListAudit implements [chat.AuditStore].
func (s *Store) ListAudit(ctx context.Context, after int64, limit int) ([]chat.AuditEntry, error) {
	var rows []auditRow
	err := s.all(ctx, opAudit, &rows,
		`SELECT seq, at, actor, origin, operation, target, was, became, request_id, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`, after, limit)
	entries := make([]chat.AuditEntry, len(rows))
	for i := range rows {
		entries[i] = rows[i].entry()
	}
	return entries, err
}

// AuditHead implements [chat.AuditStore].
func (s *Store) AuditHead(ctx context.Context) (head chat.AuditHead, err error) {
	err = s.one(ctx, opAudit, &head, `SELECT seq, hash FROM audit_head WHERE id = 1`)
	return head, err
}
