package store

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/chatire/chatire/pkg/chat"
)

// eventRow is a row of events with the Session's uri and the names of its author
// and of the member it is about.
type eventRow struct {
	SessionID int64
	Seq       int64
	Type      string
	UserID    int64
	Target    *int64
	Mentions  *string
	Reactions *string
	Edited    *bool
	MemberID  *int64
	Role      *string
	ClientID  *string
	ClientSum *int64
	Body      string
	Rev       int64
	Ordinal   int64
	CreatedAt time.Time

	URI    string `bun:"uri"`
	UName  string
	UFirst string
	ULast  string
	MName  string
	MFirst string
	MLast  string
}

// What a change of a Message says of it is in the Message's own row, t.
const (
	eventColumns = `e.session_id, e.seq, e.type, e.user_id, e.target, e.member_id, e.role, e.client_id, e.client_sum,
	coalesce(t.body, e.body) AS body, coalesce(t.rev, e.rev) AS rev, coalesce(t.mentions, e.mentions) AS mentions,
	coalesce(t.reactions, e.reactions) AS reactions, coalesce(t.edited, e.edited) AS edited,
	e.ordinal, e.created_at, s.uri, u.username AS u_name, u.first_name AS u_first, u.last_name AS u_last,
	coalesce(m.username, '') AS m_name, coalesce(m.first_name, '') AS m_first, coalesce(m.last_name, '') AS m_last`
	eventJoins = ` JOIN sessions s ON s.id = e.session_id JOIN users u ON u.id = e.user_id LEFT JOIN users m ON m.id = e.member_id
	LEFT JOIN events t ON t.session_id = e.session_id AND t.seq = e.target AND e.type <> 'message'`
)

// textBytes is how much text an Event brings.
const textBytes = `octet_length(coalesce(t.body, e.body)) + coalesce(octet_length(coalesce(t.reactions, e.reactions)), 0)`

func (r *eventRow) event() chat.Event {
	e := chat.Event{
		SessionID: r.SessionID,
		URI:       r.URI,
		Seq:       r.Seq,
		Type:      chat.EventType(r.Type),
		User:      chat.User{ID: r.UserID, Username: r.UName, FirstName: r.UFirst, LastName: r.ULast},
		CreatedAt: r.CreatedAt,
		Body:      r.Body,
		ClientID:  r.ClientID,
		Rev:       r.Rev,
		Ordinal:   r.Ordinal,
		Target:    zeroIfNil(r.Target),
		Mentions:  readIDs(r.Mentions),
		Reactions: readReactions(r.Reactions),
		Edited:    zeroIfNil(r.Edited),
	}
	if r.MemberID != nil {
		e.Member = &chat.User{ID: *r.MemberID, Username: r.MName, FirstName: r.MFirst, LastName: r.MLast}
	}
	if r.Role != nil {
		e.Role = chat.Role(*r.Role)
	}
	return e
}

// Append implements [chat.LogStore].
func (s *Store) Append(ctx context.Context, e chat.Event) (chat.Event, error) {
	var at struct{ LastSeq, LastOrdinal int64 }
	err := s.returning(ctx, opEvent, &at,
		`UPDATE sessions SET last_seq = last_seq + 1 WHERE id = ? RETURNING last_seq, last_ordinal`, e.SessionID)
	if err != nil {
		return chat.Event{}, err
	}
	var memberID *int64
	if e.Member != nil {
		memberID = &e.Member.ID
	}
	var role *string
	if e.Role != "" {
		role = (*string)(&e.Role)
	}
	body := e.Body
	if e.Changes() {
		body = "" // the text is in the row of the Message only
	}
	err = s.returning(ctx, opEvent, &e.CreatedAt,
		`INSERT INTO events (session_id, seq, type, user_id, target, member_id, role, body, rev, ordinal, created_at)
		 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, `+s.dialect.words.Now+`) RETURNING created_at`,
		e.SessionID, at.LastSeq, string(e.Type), e.User.ID, nilIfZero(e.Target), memberID, role, body, at.LastSeq, at.LastOrdinal)
	e.Seq, e.Rev, e.Ordinal = at.LastSeq, at.LastSeq, at.LastOrdinal
	return e, err
}

// Event implements [chat.LogStore].
func (s *Store) Event(ctx context.Context, sessionID, seq int64) (chat.Event, error) {
	var row eventRow
	err := s.one(ctx, opEvent, &row,
		`SELECT `+eventColumns+` FROM events e`+eventJoins+` WHERE e.session_id = ? AND e.seq = ?`, sessionID, seq)
	return row.event(), err
}

// MessageByClientID implements [chat.LogStore].
func (s *Store) MessageByClientID(ctx context.Context, sessionID, userID int64, clientID string) (chat.Event, int64, error) {
	var row eventRow
	err := s.one(ctx, opEvent, &row,
		`SELECT `+eventColumns+` FROM events e`+eventJoins+`
		  WHERE e.session_id = ? AND e.user_id = ? AND e.client_id = ?`, sessionID, userID, clientID)
	if err != nil {
		return chat.Event{}, 0, err
	}
	return row.event(), *row.ClientSum, nil
}

// ReadLog implements [chat.LogStore]. Since seqs have no gaps, a bound on their
// number is a bound on seq itself, and each range is one scan of the primary key.
// The database adds up the texts, so that no more of them come than were asked for.
func (s *Store) ReadLog(ctx context.Context, ranges []chat.Range, maxBytes int) ([]chat.Event, error) {
	if len(ranges) == 0 {
		return nil, nil
	}
	args := make([]any, 0, 4*len(ranges)+1)
	for place, r := range ranges {
		args = append(args, place, r.SessionID, r.After, lastOf(r))
	}
	var rows []eventRow
	err := s.all(ctx, opLog, &rows,
		`WITH wanted (place, session_id, after_seq, last_seq) AS (VALUES `+placeholders(len(ranges), 4)+`),
		 found AS (
		   SELECT w.place, e.*, row_number() OVER reading AS nth, sum(`+textBytes+`) OVER reading AS size
		     FROM wanted w CROSS JOIN events e LEFT JOIN events t ON t.session_id = e.session_id AND t.seq = e.target AND e.type <> 'message'
		    WHERE e.session_id = w.session_id AND e.seq > w.after_seq AND e.seq <= w.last_seq
		   WINDOW reading AS (ORDER BY w.place, e.seq ROWS UNBOUNDED PRECEDING)
		 )
		 SELECT `+eventColumns+` FROM found e`+eventJoins+`
		  WHERE e.nth = 1 OR e.size <= ? ORDER BY e.place, e.seq`, append(args, maxBytes)...)
	return events(rows), err
}

// lastOf returns the highest seq that a range can have.
func lastOf(r chat.Range) int64 {
	if r.After > math.MaxInt64-int64(r.Limit) {
		return math.MaxInt64
	}
	return r.After + int64(r.Limit)
}

// placeholders returns the rows of a VALUES list.
func placeholders(rows, columns int) string {
	row := "(?" + strings.Repeat(", ?", columns-1) + ")"
	return row + strings.Repeat(", "+row, rows-1)
}

func events(rows []eventRow) []chat.Event {
	events := make([]chat.Event, len(rows))
	for i := range rows {
		events[i] = rows[i].event()
	}
	return events
}

// newestMessages returns the newest Message of each of these Sessions that has one.
func (s *Store) newestMessages(ctx context.Context, sessionIDs []any) (map[int64]*chat.Event, error) {
	var rows []eventRow
	err := s.all(ctx, opHistory, &rows,
		`WITH wanted (session_id) AS (VALUES `+placeholders(len(sessionIDs), 1)+`),
		 newest AS (
		   SELECT w.session_id, (SELECT max(seq) FROM events WHERE session_id = w.session_id AND type = 'message') AS seq
		     FROM wanted w
		 )
		 SELECT `+eventColumns+` FROM newest n CROSS JOIN events e`+eventJoins+`
		  WHERE e.session_id = n.session_id AND e.seq = n.seq`, sessionIDs...)
	newest := make(map[int64]*chat.Event, len(rows))
	for i := range rows {
		e := rows[i].event()
		newest[e.SessionID] = &e
	}
	return newest, err
}

// History implements [chat.LogStore]. The page is cut before its names are looked
// up: a planner that begins with the author reads the whole log and sorts it.
func (s *Store) History(ctx context.Context, sessionID int64, p chat.HistoryPage, maxBytes int) ([]chat.Event, bool, error) {
	where, order, args := ``, `DESC`, []any{sessionID}
	switch {
	case p.After != nil:
		where, order = ` AND seq > ?`, `ASC`
		args = append(args, *p.After)
	case p.Before != nil:
		where = ` AND seq < ?`
		args = append(args, *p.Before)
	}
	var rows []eventRow
	err := s.all(ctx, opHistory, &rows,
		`SELECT `+eventColumns+` FROM (
		   SELECT * FROM events WHERE session_id = ? AND type = 'message'`+where+` ORDER BY seq `+order+` LIMIT ?
		 ) e`+eventJoins+` ORDER BY e.seq `+order, append(args, p.Limit+1)...)
	if err != nil {
		return nil, false, err
	}
	var messages []chat.Event
	for i := range rows {
		maxBytes -= len(rows[i].Body) + len(zeroIfNil(rows[i].Reactions))
		if i == p.Limit || maxBytes < 0 && i > 0 {
			break
		}
		messages = append(messages, rows[i].event())
	}
	if order == `DESC` {
		slices.Reverse(messages)
	}
	return messages, len(messages) < len(rows), nil
}

// Heads implements [chat.LogStore].
func (s *Store) Heads(ctx context.Context, sessionIDs []int64) (map[int64]int64, error) {
	if len(sessionIDs) == 0 {
		return nil, nil
	}
	var rows []struct{ ID, LastSeq int64 }
	err := s.all(ctx, opHeads, &rows, `SELECT id, last_seq FROM sessions WHERE id IN (?) AND deleted_at IS NULL`, bun.List(sessionIDs))
	heads := make(map[int64]int64, len(rows))
	for _, row := range rows {
		heads[row.ID] = row.LastSeq
	}
	return heads, err
}
