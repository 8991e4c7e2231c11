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
		unreadRow
		ActiveAt time.Time
	}
	where, args := "", []any{userID}
	if after != nil {
		where = ` AND (e.created_at < ? OR e.created_at = ? AND s.id < ?)`
		at := s.dialect.stamp(after.Active)
		args = append(args, at, at, after.ID)
	}
	err := s.all(ctx, opSession, &rows,
		`SELECT page.*, (
		   SELECT count(*) FROM mentions x WHERE x.user_id = page.user_id AND x.session_id = page.id AND x.seq > page.read_seq
		 ) AS mention_count FROM (
		   SELECT `+membershipColumns+`, m.user_id, m.read_seq, m.notify, s.last_ordinal - m.read_ordinal AS missed, e.created_at AS active_at
		     FROM members m JOIN sessions s ON s.id = m.session_id
		     JOIN events e ON e.session_id = s.id AND e.seq = s.last_seq
		    WHERE m.user_id = ?`+where+`
		    ORDER BY e.created_at DESC, s.id DESC LIMIT ?
		 ) page ORDER BY active_at DESC, id DESC`, append(args, limit)...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	ids := make([]any, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	newest, err := s.newestMessages(ctx, ids)
	if err != nil {
		return nil, err
	}
	summaries := make([]chat.SessionSummary, len(rows))
	for i, row := range rows {
		session := row.session()
		session.ActiveAt = row.ActiveAt
		summaries[i] = chat.SessionSummary{
			Session: session,
			Role:    chat.Role(row.Role),
			Unread:  row.unread(),
			Last:    newest[session.ID],
		}
	}
	return summaries, nil
}
