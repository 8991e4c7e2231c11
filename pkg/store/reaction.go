package store

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"github.com/chatire/chatire/pkg/chat"
)

// SetMessage implements [chat.LogStore].
func (s *Store) SetMessage(ctx context.Context, m chat.Event) error {
	var before struct{ Mentions *string }
	err := s.one(ctx, opEvent, &before,
		`SELECT mentions FROM events WHERE session_id = ? AND seq = ?`, m.SessionID, m.Seq)
	if err != nil {
		return err
	}
	err = s.changeOne(ctx, opEvent,
		`UPDATE events SET body = ?, mentions = ?, reactions = ?, edited = ?, rev = ? WHERE session_id = ? AND seq = ?`,
		m.Body, writeIDs(m.Mentions), writeReactions(m.Reactions), m.Edited, m.Rev, m.SessionID, m.Seq)
	if err != nil {
		return err
	}
	return s.setMentions(ctx, m, readIDs(before.Mentions))
}

// setMentions replaces the rows of those who were mentioned.
func (s *Store) setMentions(ctx context.Context, m chat.Event, before []int64) error {
	if len(before) > 0 {
		_, err := s.change(ctx, opEvent,
			`DELETE FROM mentions WHERE user_id IN (?) AND session_id = ? AND seq = ?`, bun.List(before), m.SessionID, m.Seq)
		if err != nil {
			return err
		}
	}
	if len(m.Mentions) == 0 {
		return nil
	}
	args := make([]any, 0, 3*len(m.Mentions))
	for _, userID := range m.Mentions {
		args = append(args, userID, m.SessionID, m.Seq)
	}
	_, err := s.change(ctx, opEvent,
		`INSERT INTO mentions (user_id, session_id, seq) VALUES `+placeholders(len(m.Mentions), 3), args...)
	return err
}

// AddReaction implements [chat.LogStore].
func (s *Store) AddReaction(ctx context.Context, sessionID, seq, userID int64, emoji string, since int64) (bool, error) {
	n, err := s.change(ctx, opEvent,
		`INSERT INTO reactions (session_id, seq, emoji, user_id, since) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		sessionID, seq, emoji, userID, since)
	return n > 0, err
}

// RemoveReaction implements [chat.LogStore].
func (s *Store) RemoveReaction(ctx context.Context, sessionID, seq, userID int64, emoji string) (bool, error) {
	n, err := s.change(ctx, opEvent,
		`DELETE FROM reactions WHERE session_id = ? AND seq = ? AND emoji = ? AND user_id = ?`, sessionID, seq, emoji, userID)
	return n > 0, err
}

// ClearReactions implements [chat.LogStore].
func (s *Store) ClearReactions(ctx context.Context, sessionID, seq int64) error {
	_, err := s.change(ctx, opEvent, `DELETE FROM reactions WHERE session_id = ? AND seq = ?`, sessionID, seq)
	return err
}

// Reactions implements [chat.LogStore].
func (s *Store) Reactions(ctx context.Context, sessionID, seq int64) ([]chat.Reaction, error) {
	var rows []struct {
		Emoji  string
		UserID int64
		Count  int64
	}
	err := s.all(ctx, opEvent, &rows,
		`SELECT emoji, user_id, count FROM (
		   SELECT emoji, user_id, since, count(*) OVER (PARTITION BY emoji) AS count,
		          min(since) OVER (PARTITION BY emoji) AS first, row_number() OVER (PARTITION BY emoji ORDER BY since) AS nth
		     FROM reactions WHERE session_id = ? AND seq = ?
		 ) given WHERE nth <= ? ORDER BY first, since LIMIT ?`,
		sessionID, seq, chat.ReactorsShown, (chat.MaxEmojis+1)*chat.ReactorsShown)
	var shown []chat.Reaction
	for _, row := range rows {
		if n := len(shown); n == 0 || shown[n-1].Emoji != row.Emoji {
			shown = append(shown, chat.Reaction{Emoji: row.Emoji, Count: row.Count})
		}
		last := &shown[len(shown)-1]
		last.Users = append(last.Users, row.UserID)
	}
	return shown, err
}

// writeReactions and readReactions are what a Message's row has of its reactions.
func writeReactions(shown []chat.Reaction) *string {
	if len(shown) == 0 {
		return nil
	}
	text, err := json.Marshal(shown)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	written := string(text)
	return &written
}

func readReactions(written *string) (shown []chat.Reaction) {
	if written != nil {
		_ = json.Unmarshal([]byte(*written), &shown) // by writeReactions
	}
	return shown
}

// writeIDs and readIDs are a list of ids as a column keeps it.
func writeIDs(ids []int64) *string {
	if len(ids) == 0 {
		return nil
	}
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.FormatInt(id, 10)
	}
	written := strings.Join(texts, ",")
	return &written
}

func readIDs(written *string) (ids []int64) {
	if written == nil {
		return nil
	}
	for text := range strings.SplitSeq(*written, ",") {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func nilIfZero(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

func zeroIfNil[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
