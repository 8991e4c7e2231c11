package chat

import (
	"context"
	"errors"
	"fmt"
)

// These verbs are for administrators: whoever may call them may do all of it.

// ErrAdminExists is the answer to a bootstrap where there is an administrator.
var ErrAdminExists = Errorf(Conflict, "There is an administrator already.")

// Bootstrap makes the first administrator. Where there is one it refuses.
func (s *Service) Bootstrap(ctx context.Context, n NewUser) (User, error) {
	n.Admin = true
	return s.createUser(ctx, n, func(u User) (created User, err error) {
		_, err = s.administer(ctx, func(tx Store) error {
			switch exists, err := tx.HasAdmin(ctx); {
			case err != nil:
				return fmt.Errorf("look for an administrator: %w", err)
			case exists:
				return ErrAdminExists
			}
			if created, err = tx.CreateUser(ctx, u); err != nil {
				return err
			}
			return audit(ctx, tx, "admin.bootstrap", userTarget(created), nil, auditedUserOf(created))
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

func auditedUserOf(u User) auditedUser { return auditedUser{u.Email, u.Admin, u.Disabled} }

func userTarget(u User) string { return "user/" + u.Username }

// auditedChange tells of something that is never shown.
type auditedChange struct {
	Password string `json:"password"`
}

// auditedState is whether an account is shut out.
type auditedState struct {
	Disabled bool `json:"disabled"`
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

// UserChange is what is to be different about an account; nil stays as it is.
type UserChange struct {
	Username *string
	Email    *string
	Admin    *bool
}

// auditedUserChange is what the audit tells of a UserChange.
type auditedUserChange struct {
	Username string `json:"username,omitempty"`
	Email    string `json:"email"`
	Admin    bool   `json:"admin"`
}

// UpdateUser changes an account and returns it. A change to what is there already
// stores nothing.
func (s *Service) UpdateUser(ctx context.Context, name string, change UserChange) (User, error) {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return User{}, err
	}
	next, err := s.checkUserChange(ctx, user, change)
	if err != nil {
		return User{}, err
	}
	kept, err := s.administer(ctx, func(tx Store) error { return updateUser(ctx, tx, user, next) })
	if err != nil {
		return User{}, fmt.Errorf("update user: %w", err)
	}
	if kept {
		s.accounts.cache.forget(user.ID)
	}
	return next, nil
}

// checkUserChange returns the account as it will be.
func (s *Service) checkUserChange(ctx context.Context, user User, change UserChange) (User, error) {
	wrong, next := complaints{}, user
	if change.Email != nil {
		wrong.add("email", checkEmail(*change.Email)...)
		next.Email = normalEmail(*change.Email)
	}
	if change.Username != nil && *change.Username != user.Username {
		normal, bad := cleanUsername(*change.Username)
		wrong.add("username", bad...)
		next.Username = normal
	}
	if change.Admin != nil {
		next.Admin = *change.Admin
	}
	return next, wrong.refusal()
}

// updateUser makes an account what it is to be, in a transaction.
func updateUser(ctx context.Context, tx Store, user, next User) error {
	if next == user {
		return nil
	}
	if next.Username != user.Username {
		if err := tx.SetUsername(ctx, user.ID, next.Username); err != nil {
			return err
		}
	}
	if next.Email != user.Email {
		if err := tx.SetEmail(ctx, user.ID, next.Email); err != nil {
			return err
		}
	}
	if next.Admin != user.Admin {
		if err := tx.SetAdmin(ctx, user.ID, next.Admin); err != nil {
			return err
		}
		if err := keepAdmin(ctx, tx, user); err != nil {
			return err
		}
	}
	was, became := auditedUserChange{"", user.Email, user.Admin}, auditedUserChange{"", next.Email, next.Admin}
	if next.Username != user.Username {
		was.Username, became.Username = user.Username, next.Username
	}
	return audit(ctx, tx, "user.update", userTarget(user), was, became)
}

// DisableUser shuts an account out and ends its tokens. It can be enabled again.
func (s *Service) DisableUser(ctx context.Context, name string) error {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return err
	}
	var ended []int64
	kept, err := s.administer(ctx, func(tx Store) error {
		ended, err = disableUser(ctx, tx, user)
		return err
	})
	if err != nil {
		return fmt.Errorf("disable user: %w", err)
	}
	if kept {
		s.allTokensEnded(user.ID, len(ended))
	}
	return nil
}

// disableUser shuts an account out in a transaction, and returns the tokens it ended.
func disableUser(ctx context.Context, tx Store, user User) (ended []int64, err error) {
	if err := tx.SetDisabled(ctx, user.ID, true); err != nil {
		return nil, err
	}
	if ended, err = tx.DeleteTokens(ctx, user.ID, 0); err != nil {
		return nil, err
	}
	if err := keepAdmin(ctx, tx, user); err != nil {
		return nil, err
	}
	return ended, audit(ctx, tx, "user.disable", userTarget(user), auditedState{user.Disabled}, auditedState{true})
}

// EnableUser lets a disabled account sign in again.
func (s *Service) EnableUser(ctx context.Context, name string) error {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return err
	}
	kept, err := s.administer(ctx, func(tx Store) error { return enableUser(ctx, tx, user) })
	if err != nil {
		return fmt.Errorf("enable user: %w", err)
	}
	if kept {
		s.accounts.cache.forget(user.ID)
	}
	return nil
}

func enableUser(ctx context.Context, tx Store, user User) error {
	if err := tx.SetDisabled(ctx, user.ID, false); err != nil {
		return err
	}
	return audit(ctx, tx, "user.enable", userTarget(user), auditedState{user.Disabled}, auditedState{false})
}

// DeleteUser ends an account as its owner could: see [Service.DeleteAccount]. It goes
// from transaction to transaction like that, and what asks again goes on.
func (s *Service) DeleteUser(ctx context.Context, name string) error {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return err
	}
	end := ending{
		user: user,
		lock: func(tx Store) (User, error) { return tx.LockUser(ctx, user.ID) },
		note: func(tx Store) error {
			if err := keepAdmin(ctx, tx, user); err != nil {
				return err
			}
			return audit(ctx, tx, "user.delete", userTarget(user), auditedUserOf(user), nil)
		},
	}
	if err := s.endAccount(ctx, end); err != nil {
		return fmt.Errorf("delete user: %w", err)
	}
	return nil
}

// SetUserPassword gives an account another password and ends all its tokens.
func (s *Service) SetUserPassword(ctx context.Context, name string, password Secret) error {
	user, err := s.userNamed(ctx, name)
	if err != nil {
		return err
	}
	if err := checkNewPassword(password, user); err != nil {
		return err
	}
	digest, err := s.accounts.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	var ended []int64
	kept, err := s.administer(ctx, func(tx Store) error {
		ended, err = setUserPassword(ctx, tx, user, digest)
		return err
	})
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if kept {
		s.allTokensEnded(user.ID, len(ended))
	}
	return nil
}

// checkNewPassword says what is wrong with a password for this account.
func checkNewPassword(password Secret, user User) error {
	wrong := complaints{}
	wrong.add("password", checkPassword(password)...)
	if len(wrong) == 0 {
		wrong.add("password", weaknesses(password, user)...)
	}
	return wrong.refusal()
}

func setUserPassword(ctx context.Context, tx Store, user User, digest Secret) (ended []int64, err error) {
	if ended, err = setPassword(ctx, tx, user.ID, digest, 0); err != nil {
		return nil, err
	}
	return ended, audit(ctx, tx, "user.password", userTarget(user), nil, auditedChange{"changed"})
}

// ErrUserDisabled is the answer to a token for an account that is shut out.
var ErrUserDisabled = Errorf(Conflict, "This user is disabled.")

// ErrNoToken is the answer where the User is there and the token is not.
var ErrNoToken = Errorf(NotFound, "This user has no such token.")

// noToken is the refusal for a token that was not found.
func noToken(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrNoToken
	}
	return err
}
