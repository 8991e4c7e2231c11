package store

import (
	"context"

	"github.com/chatire/chatire/pkg/chat"
)

// MoveRead implements [chat.ReadStore].
func (s *Store) MoveRead(ctx context.Context, sessionID, userID, seq int64) (bool, error) {
	n, err := s.change(ctx, opRead,
		`UPDATE members SET read_seq = ?, read_ordinal = coalesce((SELECT ordinal FROM events WHERE session_id = ? AND seq = ?), 0)
		  WHERE session_id = ? AND user_id = ? AND read_seq < ?`, seq, sessionID, seq, sessionID, userID, seq)
	return n > 0, err
}

// SetNotify implements [chat.ReadStore].
func (s *Store) SetNotify(ctx context.Context, sessionID, userID int64, notify chat.Notify) (bool, error) {
	n, err := s.change(ctx, opRead,
		`UPDATE members SET notify = ? WHERE session_id = ? AND user_id = ? AND notify <> ?`,
		string(notify), sessionID, userID, string(notify))
	return n > 0, err
}

// unreadRow is what a Member has not read, before their choice is obeyed.
type unreadRow struct {
	ReadSeq      int64
	Notify       string
	Missed       int64
	MentionCount int64
}

// unreadColumns belong to a query with members m and sessions s. A mention is found by
// the primary key, and only those behind the read position are counted.
const unreadColumns = `m.read_seq, m.notify, s.last_ordinal - m.read_ordinal AS missed, (
	SELECT count(*) FROM mentions x WHERE x.user_id = m.user_id AND x.session_id = m.session_id AND x.seq > m.read_seq
	) AS mention_count`

func (r *unreadRow) unread() chat.Unread {
	u := chat.Unread{ReadSeq: r.ReadSeq, Notify: chat.Notify(r.Notify)}
	switch u.Notify {
	case chat.NotifyAll:
		u.Messages, u.Mentions = r.Missed, r.MentionCount
	case chat.NotifyMentions:
		u.Messages, u.Mentions = r.MentionCount, r.MentionCount
	}
	return u
}

// UnreadIn implements [chat.ReadStore].
func (s *Store) UnreadIn(ctx context.Context, sessionID, userID int64) (chat.Unread, error) {
	var row unreadRow
	err := s.one(ctx, opRead, &row,
		`SELECT `+unreadColumns+` FROM members m JOIN sessions s ON s.id = m.session_id
		  WHERE m.session_id = ? AND m.user_id = ?`, sessionID, userID)
	return row.unread(), err
}

// Unread implements [chat.ReadStore].
func (s *Store) Unread(ctx context.Context, userID int64, limit int) ([]chat.SessionUnread, error) {
	var rows []struct {
		unreadRow
		URI string `bun:"uri"`
	}
	err := s.all(ctx, opRead, &rows,
		`SELECT s.uri, `+unreadColumns+` FROM members m JOIN sessions s ON s.id = m.session_id
		  WHERE m.user_id = ? AND m.notify <> 'none' AND s.last_ordinal > m.read_ordinal
		  ORDER BY m.session_id DESC LIMIT ?`, userID, limit)
	var sessions []chat.SessionUnread
	for _, row := range rows {
		if u := row.unread(); u.Messages > 0 || u.Mentions > 0 {
			sessions = append(sessions, chat.SessionUnread{URI: row.URI, Unread: u})
		}
	}
	return sessions, err
}
