package store

import (
	"context"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// ListSessions implements [chat.SessionStore]. The activity of a Session is the
// time of its newest Event, which its primary key finds; nothing is kept for it in
// sessions, whose rows change with every message.
func (s *Store) ListSessions(ctx context.Context, userID int64, after *chat.SessionCursor, limit int) ([]chat.SessionSummary, error) {
	var rows []struct {
		membershipRow
		ActiveAt    time.Time
		Unread      int64
		LastMessage int64
	}
	where, args := "", []any{userID}
	if after != nil {
		where = ` AND (e.created_at < ? OR e.created_at = ? AND s.id < ?)`
		at := s.dialect.stamp(after.Active)
		args = append(args, at, at, after.ID)
	}
	err := s.all(ctx, opSession, &rows,
		`SELECT `+membershipColumns+`, e.created_at AS active_at, s.last_ordinal - m.read_ordinal AS unread,
		        coalesce((SELECT max(seq) FROM events WHERE session_id = s.id AND type = 'message'), 0) AS last_message
		   FROM members m JOIN sessions s ON s.id = m.session_id
		   JOIN events e ON e.session_id = s.id AND e.seq = s.last_seq
		  WHERE m.user_id = ?`+where+`
		  ORDER BY e.created_at DESC, s.id DESC LIMIT ?`, append(args, limit)...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var wanted []chat.Range
	for _, row := range rows {
		if row.LastMessage > 0 {
			wanted = append(wanted, chat.Range{SessionID: row.ID, After: row.LastMessage - 1, Limit: 1})
		}
	}
	last, err := s.ReadLog(ctx, wanted, maxListBytes)
	if err != nil {
		return nil, err
	}
	newest := make(map[int64]*chat.Event, len(last))
	for i := range last {
		newest[last[i].SessionID] = &last[i]
	}
	summaries := make([]chat.SessionSummary, len(rows))
	for i, row := range rows {
		session := row.session()
		session.ActiveAt = row.ActiveAt
		summaries[i] = chat.SessionSummary{
			Session: session,
			Role:    chat.Role(row.Role),
			Unread:  row.Unread,
			Last:    newest[session.ID],
		}
	}
	return summaries, nil
}

// maxListBytes is more than the newest Messages of a whole page can have.
const maxListBytes = 16 << 20
