package store

import (
	"context"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"github.com/chatire/chatire/pkg/chat"
)

// ranked bounds how many of the newest Messages with the words are ranked: a word that
// everybody uses would else have the database read most of the log.
const ranked = 5000

// Search implements [chat.LogStore]. Which Messages have the words, and how well they
// match, is the dialect's to say; the page is cut before names are looked up.
func (s *Store) Search(ctx context.Context, q chat.Query) ([]chat.Event, error) {
	sessions := []int64{q.SessionID}
	if q.SessionID == 0 {
		var err error
		if sessions, err = s.sessionIDs(ctx, q.UserID); err != nil || len(sessions) == 0 {
			return nil, err
		}
	}
	found, args := s.dialect.found(q, sessions)
	var where strings.Builder
	if q.AuthorID != 0 {
		where.WriteString(` AND e.user_id = ?`)
		args = append(args, q.AuthorID)
	}
	if q.Since != nil {
		where.WriteString(` AND e.created_at >= ?`)
		args = append(args, s.dialect.stamp(*q.Since))
	}
	if q.Until != nil {
		where.WriteString(` AND e.created_at < ?`)
		args = append(args, s.dialect.stamp(*q.Until))
	}
	args = append(args, ranked, q.Limit, q.Offset)
	var rows []eventRow
	err := s.all(ctx, opSearch, &rows,
		`WITH matched AS (`+found+where.String()+` ORDER BY e.created_at DESC LIMIT ?),
		 best AS (SELECT * FROM matched ORDER BY score DESC, created_at DESC, session_id DESC, seq DESC LIMIT ? OFFSET ?)
		 SELECT `+eventColumns+` FROM best b JOIN events e ON e.session_id = b.session_id AND e.seq = b.seq`+eventJoins+`
		  ORDER BY b.score DESC, e.created_at DESC, e.session_id DESC, e.seq DESC`, args...)
	return events(rows), err
}

// sessionIDs returns the Sessions that a User is in, the newest ones first.
func (s *Store) sessionIDs(ctx context.Context, userID int64) ([]int64, error) {
	var rows []struct{ SessionID int64 }
	err := s.all(ctx, opSearch, &rows,
		`SELECT session_id FROM members WHERE user_id = ? ORDER BY session_id DESC LIMIT ?`, userID, sessionsSearched)
	ids := make([]int64, len(rows))
	for i, row := range rows {
		ids[i] = row.SessionID
	}
	return ids, err
}

// sessionsSearched bounds the Sessions that one search looks into.
const sessionsSearched = 1000

// foundPostgres searches with the index events_search, in which the id of the Session
// is a word like those of the text, so that the words of one Session are found without
// those of others. See https://www.postgresql.org/docs/15/textsearch-controls.html.
func foundPostgres(q chat.Query, sessions []int64) (query string, args []any) {
	words := make([]string, len(q.Words))
	for i, word := range q.Words {
		words[i] = `'` + word + `'` // words have no quotes in them
	}
	if q.Prefix {
		words[len(words)-1] += ":*"
	}
	text := strings.Join(words, " & ")
	homes := make([]string, len(sessions))
	for i, id := range sessions {
		homes[i] = `'/` + strconv.FormatInt(id, 10) + `'`
	}
	return `SELECT e.session_id, e.seq, e.created_at, ts_rank(to_tsvector('simple', e.body), ?::tsquery) AS score FROM events e
		  WHERE e.type = 'message' AND to_tsvector('simple', e.body) || array_to_tsvector(ARRAY['/' || e.session_id::text]) @@ ?::tsquery`,
		[]any{text, "(" + strings.Join(homes, " | ") + ") & " + text}
}

// foundSQLite searches the table of words, in which a Message's row begins with the id
// of its Session. See https://www.sqlite.org/fts5.html.
func foundSQLite(q chat.Query, sessions []int64) (query string, args []any) {
	words := make([]string, len(q.Words))
	for i, word := range q.Words {
		words[i] = `"` + word + `"` // words have no quotes in them
	}
	if q.Prefix {
		words[len(words)-1] += "*"
	}
	query = `SELECT e.session_id, e.seq, e.created_at, -f.rank AS score
		   FROM search f CROSS JOIN events e ON e.session_id = f.rowid >> 32 AND e.seq = f.rowid & 4294967295
		  WHERE f.search MATCH ?`
	args = []any{strings.Join(words, " ")}
	if q.SessionID != 0 {
		return query + ` AND f.rowid BETWEEN ? AND ?`, append(args, q.SessionID<<32, q.SessionID<<32|0xffffffff)
	}
	return query + ` AND f.rowid >> 32 IN (?)`, append(args, bun.List(sessions))
}
