package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/chatire/chatire/pkg/chat"
)

// ranked bounds how many of the newest Messages with the words are ranked: a word that
// everybody uses would else have the database read most of the log.
const ranked = 1000

// Search implements [chat.LogStore]. Which Messages have the words, and how well they
// match, is the dialect's to say. All that have them are found by the words alone, or a
// planner may read through the Sessions instead; the page is cut before names are looked
// up.
func (s *Store) Search(ctx context.Context, q chat.Query) ([]chat.Event, error) {
	sessions := []int64{q.SessionID}
	if q.SessionID == 0 {
		var err error
		if sessions, err = s.sessionIDs(ctx, q.UserID); err != nil || len(sessions) == 0 {
			return nil, err
		}
	}
	f := s.dialect.found(q)
	where, args := f.where(q, s.dialect.stamp)
	args = append(args, bun.List(sessions), ranked)
	args = append(append(args, f.scoreArgs...), q.Limit, q.Offset)
	var rows []eventRow
	err := s.all(ctx, opSearch, &rows,
		`WITH matched AS MATERIALIZED (`+f.query+where+`),
		 newest AS (SELECT * FROM matched WHERE session_id IN (?) ORDER BY created_at DESC LIMIT ?),
		 best AS (
		   SELECT n.session_id, n.seq, n.created_at, `+f.score+` AS score
		     FROM newest n JOIN events e ON e.session_id = n.session_id AND e.seq = n.seq
		    ORDER BY score DESC, n.created_at DESC, n.session_id DESC, n.seq DESC LIMIT ? OFFSET ?
		 )
		 SELECT `+eventColumns+` FROM best b JOIN events e ON e.session_id = b.session_id AND e.seq = b.seq`+eventJoins+`
		  ORDER BY b.score DESC, e.created_at DESC, e.session_id DESC, e.seq DESC`, args...)
	return events(rows), err
}

// finding is how one database finds Messages.
type finding struct {
	query     string // for the Messages e; more conditions may follow
	args      []any
	score     string // an expression over what query found, n, and the Message e
	scoreArgs []any
}

// where returns the other conditions of a Query, and the values of both.
func (f finding) where(q chat.Query, stamp func(time.Time) string) (where string, args []any) {
	args = f.args
	add := func(condition string, value any) {
		where += condition
		args = append(args, value)
	}
	if q.AuthorID != 0 {
		add(` AND e.user_id = ?`, q.AuthorID)
	}
	if q.Since != nil {
		add(` AND e.created_at >= ?`, stamp(*q.Since))
	}
	if q.Until != nil {
		add(` AND e.created_at < ?`, stamp(*q.Until))
	}
	return where, args
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
func foundPostgres(q chat.Query) finding {
	words := quoted(q, `'`, ":*")
	text := strings.Join(words, " & ")
	home := text
	if q.SessionID != 0 {
		home = `'/` + strconv.FormatInt(q.SessionID, 10) + `' & ` + text
	}
	return finding{
		query: `SELECT e.session_id, e.seq, e.created_at FROM events e
		  WHERE e.type = 'message' AND to_tsvector('simple', e.body) || array_to_tsvector(ARRAY['/' || e.session_id::text]) @@ ?::tsquery`,
		args:      []any{home},
		score:     `ts_rank(to_tsvector('simple', e.body), ?::tsquery)`,
		scoreArgs: []any{text},
	}
}

// foundSQLite searches the table of words, in which a Message's row begins with the id
// of its Session. See https://www.sqlite.org/fts5.html.
func foundSQLite(q chat.Query) finding {
	f := finding{
		query: `SELECT e.session_id, e.seq, e.created_at, -f.rank AS score
		   FROM search f CROSS JOIN events e ON e.session_id = f.rowid >> 32 AND e.seq = f.rowid & 4294967295
		  WHERE f.search MATCH ?`,
		args:  []any{strings.Join(quoted(q, `"`, "*"), " ")},
		score: `n.score`,
	}
	if q.SessionID != 0 {
		f.query += ` AND f.rowid BETWEEN ? AND ?`
		f.args = append(f.args, q.SessionID<<32, q.SessionID<<32|0xffffffff)
	}
	return f
}

// quoted returns the words of a Query in quotes, which they have none of themselves.
func quoted(q chat.Query, quote, prefix string) []string {
	words := make([]string, len(q.Words))
	for i, word := range q.Words {
		words[i] = quote + word + quote
	}
	if q.Prefix {
		words[len(words)-1] += prefix
	}
	return words
}
