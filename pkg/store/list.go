package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
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
	people, err := s.peopleIn(ctx, ids, userID)
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
			People:  people[session.ID],
		}
	}
	return summaries, nil
}

// peopleIn returns the first other Members of each of these Sessions, by id: the
// primary key finds one after the other, however many there are.
func (s *Store) peopleIn(ctx context.Context, sessionIDs []any, userID int64) (map[int64][]chat.User, error) {
	nth := make([]string, chat.PeopleShown)
	columns := make([]string, chat.PeopleShown)
	args := slices.Clone(sessionIDs)
	for n := range nth {
		columns[n] = fmt.Sprintf("f.person%d", n)
		nth[n] = fmt.Sprintf(`(SELECT user_id FROM members WHERE session_id = w.session_id AND user_id <> ? ORDER BY user_id LIMIT 1 OFFSET %d) AS person%[1]d`, n)
		args = append(args, userID)
	}
	var rows []struct {
		userRow
		SessionID int64
	}
	err := s.all(ctx, opMember, &rows,
		`WITH wanted (session_id) AS (VALUES `+placeholders(len(sessionIDs), 1)+`),
		 found AS (SELECT w.session_id, `+strings.Join(nth, ", ")+` FROM wanted w)
		 SELECT u.id, u.username, u.email, u.first_name, u.last_name, f.session_id
		   FROM found f CROSS JOIN users u WHERE u.id IN (`+strings.Join(columns, ", ")+`)`, args...)
	people := make(map[int64][]chat.User, len(sessionIDs))
	for _, row := range rows {
		people[row.SessionID] = append(people[row.SessionID], row.user())
	}
	for _, some := range people {
		slices.SortFunc(some, func(a, b chat.User) int { return cmp.Compare(a.ID, b.ID) })
	}
	return people, err
}
