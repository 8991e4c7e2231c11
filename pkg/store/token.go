package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chatire/chatire/pkg/chat"
)

// tokenRow is a row of tokens.
type tokenRow struct {
	ID          int64
	UserID      int64
	Label       string
	IdleSeconds int64
	CreatedAt   time.Time
	LastUsed    time.Time
	ExpiresAt   time.Time
}

const tokenColumns = `id, user_id, label, idle_seconds, created_at, last_used, expires_at`

func (r *tokenRow) token() chat.Token {
	return chat.Token{
		ID:        r.ID,
		UserID:    r.UserID,
		Label:     r.Label,
		Idle:      time.Duration(r.IdleSeconds) * time.Second,
		CreatedAt: r.CreatedAt,
		LastUsed:  r.LastUsed,
		ExpiresAt: r.ExpiresAt,
	}
}

// CreateToken implements [chat.TokenStore].
func (s *Store) CreateToken(ctx context.Context, t chat.Token, digest chat.Digest, ttl time.Duration) (chat.Token, error) {
	var row tokenRow
	err := s.returning(ctx, opToken, &row,
		`INSERT INTO tokens (user_id, digest, label, idle_seconds, expires_at)
		 VALUES (?, ?, ?, ?, `+s.dialect.later("?")+`) RETURNING `+tokenColumns,
		t.UserID, digest[:], t.Label, int64(t.Idle.Seconds()), int64(ttl.Seconds()))
	return row.token(), err
}

// TokenByDigest implements [chat.TokenStore].
func (s *Store) TokenByDigest(ctx context.Context, digest chat.Digest) (chat.Token, chat.User, error) {
	var row struct {
		userRow
		TokenID      int64
		Label        string
		IdleSeconds  int64
		TokenCreated time.Time
		LastUsed     time.Time
		ExpiresAt    time.Time
	}
	err := s.one(ctx, opToken, &row,
		`SELECT u.id, u.username, u.email, u.first_name, u.last_name, u.password, u.admin, u.disabled, u.created_at,
		        u.last_seen, t.id AS token_id, t.label, t.idle_seconds, t.created_at AS token_created, t.last_used, t.expires_at
		   FROM tokens t JOIN users u ON u.id = t.user_id
		  WHERE t.digest = ? AND t.expires_at > `+s.dialect.words.Now+` AND NOT u.disabled`, digest[:])
	if err != nil {
		return chat.Token{}, chat.User{}, err
	}
	token := tokenRow{row.TokenID, row.ID, row.Label, row.IdleSeconds, row.TokenCreated, row.LastUsed, row.ExpiresAt}
	return token.token(), row.user(), nil
}

// TouchToken implements [chat.TokenStore]. A token that has ended stays so.
func (s *Store) TouchToken(ctx context.Context, tokenID int64) error {
	return s.changeOne(ctx, opToken,
		`UPDATE tokens
		    SET last_used = `+s.dialect.words.Now+`,
		        expires_at = CASE WHEN idle_seconds > 0 THEN `+s.dialect.later("idle_seconds")+` ELSE expires_at END
		  WHERE id = ? AND expires_at > `+s.dialect.words.Now, tokenID)
}

// ListTokens implements [chat.TokenStore].
func (s *Store) ListTokens(ctx context.Context, userID int64, limit int) ([]chat.Token, error) {
	var rows []tokenRow
	err := s.all(ctx, opToken, &rows,
		`SELECT `+tokenColumns+` FROM tokens
		  WHERE user_id = ? AND expires_at > `+s.dialect.words.Now+` ORDER BY id DESC LIMIT ?`, userID, limit)
	tokens := make([]chat.Token, len(rows))
	for i := range rows {
		tokens[i] = rows[i].token()
	}
	return tokens, err
}

// Token implements [chat.TokenStore].
func (s *Store) Token(ctx context.Context, userID, tokenID int64) (chat.Token, error) {
	var row tokenRow
	err := s.one(ctx, opToken, &row,
		`SELECT `+tokenColumns+` FROM tokens WHERE id = ? AND user_id = ? AND expires_at > `+s.dialect.words.Now, tokenID, userID)
	return row.token(), err
}

// TokenUser implements [chat.TokenStore].
func (s *Store) TokenUser(ctx context.Context, tokenID int64) (userID int64, err error) {
	err = s.one(ctx, opToken, &userID, `SELECT user_id FROM tokens WHERE id = ?`, tokenID)
	return userID, err
}

// DeleteToken implements [chat.TokenStore].
func (s *Store) DeleteToken(ctx context.Context, userID, tokenID int64) error {
	return s.changeOne(ctx, opToken, `DELETE FROM tokens WHERE id = ? AND user_id = ?`, tokenID, userID)
}

// DeleteTokens implements [chat.TokenStore].
func (s *Store) DeleteTokens(ctx context.Context, userID, except int64) (ids []int64, err error) {
	err = s.returning(ctx, opToken, &ids,
		`DELETE FROM tokens WHERE user_id = ? AND id <> ? RETURNING id`, userID, except)
	return ids, err
}

// LiveTokens implements [chat.TokenStore].
func (s *Store) LiveTokens(ctx context.Context, ids []int64) (live []int64, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = s.all(ctx, opToken, &live,
		`SELECT t.id FROM tokens t JOIN users u ON u.id = t.user_id
		  WHERE t.id IN (?) AND t.expires_at > `+s.dialect.words.Now+` AND NOT u.disabled`, bun.List(ids))
	return live, err
}
