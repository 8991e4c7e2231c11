package chat

import (
	"context"
	"errors"
	"fmt"
)

// The refusals of a link.
const badUID = "Invalid user id or user doesn't exist."

var (
	errBadCode   = FieldError(NonField, "Invalid token for given user.")
	errStaleCode = Errorf(Forbidden, "Stale token for given user.")
)

// RequestReset mails a link to whoever has this address. The answer is the same,
// and comes as fast, whether or not anybody has.
func (s *Service) RequestReset(ctx context.Context, email string) error {
	complaints := checkEmail(email)
	if email == "" {
		complaints = []string{"This field may not be blank."}
	}
	if len(complaints) > 0 {
		return FieldError("email", complaints...)
	}
	return s.accounts.mails.ask(email)
}

// ConfirmReset sets the password of the account that a link was mailed for and ends
// all its tokens. What the password has in common with the account is looked at
// last: somebody without a good code must not learn anything about it.
func (s *Service) ConfirmReset(ctx context.Context, uid, code string, password Secret) error {
	wrong := complaints{}
	user, err := s.userOfLink(ctx, uid, wrong)
	if err != nil {
		return err
	}
	wrong.add("new_password", checkPassword(password)...)
	if len(wrong) == 0 {
		wrong.add("new_password", weaknesses(password, User{})...)
	}
	if err := wrong.refusal(); err != nil {
		return err
	}
	if err := s.checkCode(ctx, user, code); err != nil {
		return err
	}
	if weak := weaknesses(password, user); len(weak) > 0 {
		return FieldError("new_password", weak...)
	}
	digest, err := s.accounts.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	var ended []int64
	err = s.store.InTx(ctx, func(tx Store) error {
		if _, err := confirmed(ctx, tx, user, errBadCode); err != nil {
			return err // another request with this code came first
		}
		ended, err = setPassword(ctx, tx, user.ID, digest, 0)
		return err
	})
	if err != nil {
		return fmt.Errorf("reset password: %w", err)
	}
	s.allTokensEnded(user.ID, len(ended))
	return nil
}

// Activate answers a link that would activate an account. There is no account that
// waits for one: all are active from the start, and what an administrator disabled
// no link enables.
func (s *Service) Activate(ctx context.Context, uid, code string) error {
	wrong := complaints{}
	user, err := s.userOfLink(ctx, uid, wrong)
	if err != nil {
		return err
	}
	if err := wrong.refusal(); err != nil {
		return err
	}
	if err := s.checkCode(ctx, user, code); err != nil {
		return err
	}
	return errStaleCode
}

// userOfLink returns the account that a link names, and adds to wrong if there is
// none.
func (s *Service) userOfLink(ctx context.Context, uid string, wrong complaints) (User, error) {
	id, ok := readUID(uid)
	if !ok {
		wrong.add("uid", badUID)
		return User{}, nil
	}
	user, err := s.store.User(ctx, id)
	if errors.Is(err, ErrNotFound) {
		wrong.add("uid", badUID)
		return User{}, nil
	}
	if err != nil {
		return User{}, fmt.Errorf("find user: %w", err)
	}
	return user, nil
}

// checkCode refuses a code that is not good for the account, by the database's
// clock. No code is good for a disabled account.
func (s *Service) checkCode(ctx context.Context, user User, code string) error {
	now, err := s.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	if user.Disabled || !s.accounts.links.accepts(user, code, now) {
		return errBadCode
	}
	return nil
}
