package store

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/chatire/chatire/pkg/chat"
)

// EraseSession implements [chat.SessionStore].
func (s *Store) EraseSession(ctx context.Context, sessionID int64) ([]int64, error) {
	var members []struct{ UserID int64 }
	err := s.all(ctx, opMember, &members, `SELECT user_id FROM members WHERE session_id = ?`, sessionID)
	if err != nil {
		return nil, err
	}
	err = s.changeOne(ctx, opSession,
		`UPDATE sessions SET title = '', deleted_at = `+s.dialect.words.Now+` WHERE id = ?`, sessionID)
	for _, table := range []string{"members", "invites", "bans"} {
		if err != nil {
			return nil, err
		}
		_, err = s.change(ctx, opSession, `DELETE FROM `+table+` WHERE session_id = ?`, sessionID)
	}
	ids := make([]int64, len(members))
	for i, m := range members {
		ids[i] = m.UserID
	}
	return ids, err
}

// Purge implements [chat.SessionStore]. What hangs on an Event goes with it.
func (s *Store) Purge(ctx context.Context, limit int) (more bool, err error) {
	err = s.InTx(ctx, func(tx chat.Store) error {
		more, err = tx.(*Store).purge(ctx, limit)
		return err
	})
	return more, err
}

func (s *Store) purge(ctx context.Context, limit int) (more bool, err error) {
	var sessionID int64
	err = s.one(ctx, opPurge, &sessionID,
		`SELECT id FROM sessions WHERE deleted_at IS NOT NULL AND purged_at IS NULL ORDER BY id LIMIT 1 `+s.dialect.lockRow)
	if errors.Is(err, chat.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var rows []struct {
		Seq      int64
		Mentions *string
	}
	err = s.all(ctx, opPurge, &rows,
		`SELECT seq, mentions FROM events WHERE session_id = ? ORDER BY seq LIMIT ?`, sessionID, limit)
	if err != nil {
		return false, err
	}
	if len(rows) == 0 {
		return true, s.changeOne(ctx, opPurge, `UPDATE sessions SET purged_at = `+s.dialect.words.Now+` WHERE id = ?`, sessionID)
	}
	last := rows[len(rows)-1].Seq
	for _, row := range rows {
		if ids := readIDs(row.Mentions); err == nil && len(ids) > 0 {
			_, err = s.change(ctx, opPurge,
				`DELETE FROM mentions WHERE user_id IN (?) AND session_id = ? AND seq = ?`, bun.List(ids), sessionID, row.Seq)
		}
	}
	for _, table := range []string{"reactions", "events"} {
		if err != nil {
			return false, err
		}
		_, err = s.change(ctx, opPurge, `DELETE FROM `+table+` WHERE session_id = ? AND seq <= ?`, sessionID, last)
	}
	return true, err
}
