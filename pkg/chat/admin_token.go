package chat

import (
	"context"
	"fmt"
	"time"
)

// auditedToken is what the audit tells of a token. The token itself is a secret.
type auditedToken struct {
	ID    int64  `json:"id"`
	Label string `json:"label,omitempty"`
}

// auditedCount is how many tokens ended at once.
type auditedCount struct {
	Tokens int `json:"tokens"`
}

// IssueToken makes a Token for a User without their password. It ends after ttl,
// used or not; with ttl 0 it lives as one from a sign-in does.
func (s *Service) IssueToken(ctx context.Context, name, label string, ttl time.Duration) (Secret, Token, error) {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return "", Token{}, err
	}
	secret := newTokenSecret()
	var token Token
	_, err = s.administer(ctx, func(tx Store) error {
		token, err = issueToken(ctx, tx, user, label, secret, ttl)
		return err
	})
	if err != nil {
		return "", Token{}, fmt.Errorf("create token: %w", err)
	}
	return secret, token, nil
}

// issueToken makes a Token with this secret in a transaction.
func issueToken(ctx context.Context, tx Store, user User, label string, secret Secret, ttl time.Duration) (Token, error) {
	if user.Disabled {
		return Token{}, ErrUserDisabled
	}
	token := Token{UserID: user.ID, Label: cleanLabel(label)}
	if ttl == 0 {
		ttl, token.Idle = TokenIdle, TokenIdle
	}
	token, err := tx.CreateToken(ctx, token, DigestOf(secret), ttl)
	if err != nil {
		return Token{}, err
	}
	return token, audit(ctx, tx, "token.create", userTarget(user), nil, auditedToken{token.ID, token.Label})
}

// RotateToken replaces one of a User's tokens by one with another secret, which has its
// label and lives as long as the old one would have. The old one ends at once.
func (s *Service) RotateToken(ctx context.Context, name string, id int64) (Secret, Token, error) {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return "", Token{}, err
	}
	secret := newTokenSecret()
	var old, token Token
	kept, err := s.administer(ctx, func(tx Store) error {
		if old, err = tx.Token(ctx, user.ID, id); err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if err := tx.DeleteToken(ctx, user.ID, id); err != nil {
			return err
		}
		left := old.ExpiresAt.Sub(now)
		if old.Idle > 0 {
			left = old.Idle
		}
		token, err = tx.CreateToken(ctx, Token{UserID: user.ID, Label: old.Label, Idle: old.Idle}, DigestOf(secret), max(left, time.Second))
		if err != nil {
			return err
		}
		return audit(ctx, tx, "token.rotate", userTarget(user), auditedToken{old.ID, old.Label}, auditedToken{token.ID, token.Label})
	})
	if err != nil {
		return "", Token{}, fmt.Errorf("rotate token: %w", noToken(err))
	}
	if kept {
		s.tokensEnded(user.ID, []int64{old.ID})
	}
	return secret, token, nil
}

// UserTokens returns an account's sign-ins, newest first.
func (s *Service) UserTokens(ctx context.Context, name string) ([]Token, error) {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.tokensOf(ctx, user.ID)
}

// RevokeUserToken ends one of an account's sign-ins.
func (s *Service) RevokeUserToken(ctx context.Context, name string, id int64) error {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return err
	}
	kept, err := s.administer(ctx, func(tx Store) error { return revokeToken(ctx, tx, user, id) })
	if err != nil {
		return fmt.Errorf("delete token: %w", noToken(err))
	}
	if kept {
		s.tokensEnded(user.ID, []int64{id})
	}
	return nil
}

func revokeToken(ctx context.Context, tx Store, user User, id int64) error {
	if err := tx.DeleteToken(ctx, user.ID, id); err != nil {
		return err
	}
	return audit(ctx, tx, "token.revoke", userTarget(user), auditedToken{ID: id}, nil)
}

// RevokeUserTokens ends all of an account's sign-ins.
func (s *Service) RevokeUserTokens(ctx context.Context, name string) error {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return err
	}
	var ended []int64
	kept, err := s.administer(ctx, func(tx Store) error {
		if ended, err = tx.DeleteTokens(ctx, user.ID, 0); err != nil {
			return err
		}
		return audit(ctx, tx, "token.revoke-all", userTarget(user), auditedCount{len(ended)}, nil)
	})
	if err != nil {
		return fmt.Errorf("end tokens: %w", err)
	}
	if kept {
		s.allTokensEnded(user.ID, len(ended))
	}
	return nil
}
