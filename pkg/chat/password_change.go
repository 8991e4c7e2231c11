package chat

import (
	"context"
	"fmt"
)

const wrongCurrent = "Invalid password."

var errWrongCurrent = FieldError("current_password", wrongCurrent)

// checkCurrent returns the asker's account as it is now, and adds to wrong if
// current is not its password.
func (s *Service) checkCurrent(ctx context.Context, who Identity, current Secret, wrong complaints) (User, error) {
	user, err := s.Me(ctx, who)
	if err != nil {
		return User{}, err
	}
	ok, _, err := s.accounts.hasher.verify(ctx, current, user.Password)
	if err != nil {
		return User{}, err
	}
	if !ok {
		wrong.add("current_password", wrongCurrent)
	}
	return user, nil
}

// ChangePassword gives the asker's account another password and ends all their
// tokens but the one they showed.
func (s *Service) ChangePassword(ctx context.Context, who Identity, password, current Secret) error {
	wrong := complaints{}
	wrong.add("new_password", checkPassword(password)...)
	user, err := s.checkCurrent(ctx, who, current, wrong)
	if err != nil {
		return err
	}
	if len(wrong) == 0 {
		wrong.add("new_password", weaknesses(password, user)...)
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
		if _, err := confirmed(ctx, tx, user, errWrongCurrent); err != nil {
			return err
		}
		ended, err = setPassword(ctx, tx, user.ID, digest, who.Token.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	s.tokensEnded(user.ID, ended)
	return nil
}

// setPassword stores a digest and ends all tokens except one (0: none is spared).
// The password comes first: its row's lock makes a sign-in under way wait and then
// see the new digest.
func setPassword(ctx context.Context, tx Store, userID int64, digest Secret, except int64) ([]int64, error) {
	if err := tx.SetPassword(ctx, userID, digest); err != nil {
		return nil, fmt.Errorf("set password: %w", err)
	}
	ended, err := tx.DeleteTokens(ctx, userID, except)
	if err != nil {
		return nil, fmt.Errorf("end tokens: %w", err)
	}
	return ended, nil
}
