package chat

import (
	"context"
	"errors"
	"fmt"
)

// tokensShown bounds a list of Tokens.
const tokensShown = 200

// SignOut ends the token that the asker showed.
func (s *Service) SignOut(ctx context.Context, who Identity) error {
	err := s.RevokeToken(ctx, who, who.Token.ID)
	if errors.Is(err, ErrNotFound) {
		return ErrInvalidToken // it ended since it was looked at
	}
	return err
}

// Tokens returns the asker's sign-ins, newest first.
func (s *Service) Tokens(ctx context.Context, who Identity) ([]Token, error) {
	return s.tokensOf(ctx, who.User.ID)
}

func (s *Service) tokensOf(ctx context.Context, userID int64) ([]Token, error) {
	tokens, err := s.store.ListTokens(ctx, userID, tokensShown)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return tokens, nil
}

// RevokeToken ends one of the asker's sign-ins.
func (s *Service) RevokeToken(ctx context.Context, who Identity, id int64) error {
	return s.revoke(ctx, who.User.ID, id)
}

func (s *Service) revoke(ctx context.Context, userID, tokenID int64) error {
	if err := s.store.DeleteToken(ctx, userID, tokenID); err != nil {
		return fmt.Errorf("delete token: %w", err)
	}
	s.tokensEnded(userID, []int64{tokenID})
	return nil
}

// tokensEnded lets go of what is known about a User and has the connections of
// these tokens closed. It is called after the commit.
func (s *Service) tokensEnded(userID int64, tokenIDs []int64) {
	s.accounts.cache.forget(userID)
	if len(tokenIDs) == 0 {
		return // a Control without tokens would mean all of them
	}
	s.accounts.metrics.revoked.Add(float64(len(tokenIDs)))
	s.publisher.PublishControl(Control{Kind: ControlTokens, UserID: userID, TokenIDs: tokenIDs})
}

// allTokensEnded is tokensEnded for all of a User's tokens, ended of which were live.
func (s *Service) allTokensEnded(userID int64, ended int) {
	s.accounts.cache.forget(userID)
	s.accounts.metrics.revoked.Add(float64(ended))
	s.publisher.PublishControl(Control{Kind: ControlTokens, UserID: userID})
}
