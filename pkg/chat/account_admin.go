package chat

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// These verbs are for administrators: whoever may call them may do all of it.

// ErrAdminExists is the answer to a bootstrap where there is an administrator.
var ErrAdminExists = Errorf(Conflict, "There is an administrator already.")

// Bootstrap makes the first administrator. Where there is one it refuses.
func (s *Service) Bootstrap(ctx context.Context, n NewUser) (User, error) {
	n.Admin = true
	return s.createUser(ctx, n, func(u User) (created User, err error) {
		err = s.store.InTx(ctx, func(tx Store) error {
			switch exists, err := tx.HasAdmin(ctx); {
			case err != nil:
				return fmt.Errorf("look for an administrator: %w", err)
			case exists:
				return ErrAdminExists
			}
			if created, err = tx.CreateUser(ctx, u); err != nil {
				return err
			}
			return audit(ctx, tx, "admin.bootstrap", userTarget(created), nil, auditedUser{created.Email, created.Admin, created.Disabled})
		})
		return created, err
	})
}

// auditedUser is what the audit tells of an account.
type auditedUser struct {
	Email    string `json:"email"`
	Admin    bool   `json:"admin"`
	Disabled bool   `json:"disabled"`
}

func userTarget(u User) string { return "user/" + u.Username }

// auditedToken is what the audit tells of a token. The token itself is a secret.
type auditedToken struct {
	ID    int64  `json:"id"`
	Label string `json:"label,omitempty"`
}

// auditedChange tells of something that is never shown.
type auditedChange struct {
	Password string `json:"password"`
}

// auditedState is whether an account is shut out.
type auditedState struct {
	Disabled bool `json:"disabled"`
}

// auditedCount is how many tokens ended at once.
type auditedCount struct {
	Tokens int `json:"tokens"`
}

// Users returns accounts in the order of their ids, beginning after an id.
func (s *Service) Users(ctx context.Context, after int64, limit int) ([]User, error) {
	users, err := s.store.ListUsers(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return users, nil
}

// UserNamed returns the account with exactly this name.
func (s *Service) UserNamed(ctx context.Context, name string) (User, error) {
	return s.userNamed(ctx, name)
}

// DisableUser shuts an account out and ends its tokens. It can be enabled again.
func (s *Service) DisableUser(ctx context.Context, name string) error {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return err
	}
	var ended []int64
	err = s.store.InTx(ctx, func(tx Store) error {
		if err := tx.SetDisabled(ctx, user.ID, true); err != nil {
			return err
		}
		if ended, err = tx.DeleteTokens(ctx, user.ID, 0); err != nil {
			return err
		}
		return audit(ctx, tx, "user.disable", userTarget(user), auditedState{user.Disabled}, auditedState{true})
	})
	if err != nil {
		return fmt.Errorf("disable user: %w", err)
	}
	s.allTokensEnded(user.ID, len(ended))
	return nil
}

// EnableUser lets a disabled account sign in again.
func (s *Service) EnableUser(ctx context.Context, name string) error {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return err
	}
	err = s.store.InTx(ctx, func(tx Store) error {
		if err := tx.SetDisabled(ctx, user.ID, false); err != nil {
			return err
		}
		return audit(ctx, tx, "user.enable", userTarget(user), auditedState{user.Disabled}, auditedState{false})
	})
	if err != nil {
		return fmt.Errorf("enable user: %w", err)
	}
	s.accounts.cache.forget(user.ID)
	return nil
}

// SetUserPassword gives an account another password and ends all its tokens.
func (s *Service) SetUserPassword(ctx context.Context, name string, password Secret) error {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return err
	}
	wrong := complaints{}
	wrong.add("password", checkPassword(password)...)
	if len(wrong) == 0 {
		wrong.add("password", weaknesses(password, user)...)
	}
	if err := wrong.refusal(); err != nil {
		return err
	}
	digest, err := s.accounts.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	var ended []int64
	err = s.store.InTx(ctx, func(tx Store) error {
		if ended, err = setPassword(ctx, tx, user.ID, digest, 0); err != nil {
			return err
		}
		return audit(ctx, tx, "user.password", userTarget(user), nil, auditedChange{"changed"})
	})
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	s.allTokensEnded(user.ID, len(ended))
	return nil
}

// ErrUserDisabled is the answer to a token for an account that is shut out.
var ErrUserDisabled = Errorf(Conflict, "This user is disabled.")

// IssueToken makes a Token for a User without their password. It ends after ttl,
// used or not; with ttl 0 it lives as one from a sign-in does.
func (s *Service) IssueToken(ctx context.Context, name, label string, ttl time.Duration) (Secret, Token, error) {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return "", Token{}, err
	}
	if user.Disabled {
		return "", Token{}, ErrUserDisabled
	}
	token := Token{UserID: user.ID, Label: cleanLabel(label)}
	if ttl == 0 {
		ttl, token.Idle = TokenIdle, TokenIdle
	}
	secret := newTokenSecret()
	err = s.store.InTx(ctx, func(tx Store) error {
		created, err := tx.CreateToken(ctx, token, DigestOf(secret), ttl)
		if err != nil {
			return err
		}
		token = created
		return audit(ctx, tx, "token.create", userTarget(user), nil, auditedToken{token.ID, token.Label})
	})
	if err != nil {
		return "", Token{}, fmt.Errorf("create token: %w", err)
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

// ErrNoToken is the answer where the User is there and the token is not.
var ErrNoToken = Errorf(NotFound, "This user has no such token.")

// RevokeUserToken ends one of an account's sign-ins.
func (s *Service) RevokeUserToken(ctx context.Context, name string, id int64) error {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return err
	}
	err = s.store.InTx(ctx, func(tx Store) error {
		if err := tx.DeleteToken(ctx, user.ID, id); err != nil {
			return err
		}
		return audit(ctx, tx, "token.revoke", userTarget(user), auditedToken{ID: id}, nil)
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return ErrNoToken
	case err != nil:
		return fmt.Errorf("delete token: %w", err)
	}
	s.tokensEnded(user.ID, []int64{id})
	return nil
}

// RevokeUserTokens ends all of an account's sign-ins.
func (s *Service) RevokeUserTokens(ctx context.Context, name string) error {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return err
	}
	var ended []int64
	err = s.store.InTx(ctx, func(tx Store) error {
		if ended, err = tx.DeleteTokens(ctx, user.ID, 0); err != nil {
			return err
		}
		return audit(ctx, tx, "token.revoke-all", userTarget(user), auditedCount{len(ended)}, nil)
	})
	if err != nil {
		return fmt.Errorf("end tokens: %w", err)
	}
	s.allTokensEnded(user.ID, len(ended))
	return nil
}

// AllSessions returns Sessions of the whole installation in the order of ids,
// beginning after an id.
func (s *Service) AllSessions(ctx context.Context, after int64, limit int) ([]Session, error) {
	sessions, err := s.store.AllSessions(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return sessions, nil
}
