package chat

import (
	"errors"
	"fmt"
	"strconv"
)

func (a *application) token(name string, spec TokenSpec) (ApplyResult, error) {
	var r ApplyResult
	if !isTokenSecret(spec.Secret) {
		return r, FieldError("secret", fmt.Sprintf("A token has %d hexadecimal digits, in lower case: openssl rand -hex %d makes one.", 2*tokenBytes, tokenBytes))
	}
	user, err := a.tx.UserByName(a.ctx, spec.User)
	if errors.Is(err, ErrNotFound) {
		return r, FieldError("user", fmt.Sprintf("There is no user %s.", spec.User))
	}
	if err != nil {
		return r, fmt.Errorf("find user: %w", err)
	}
	before, err := a.tx.Applied(a.ctx, KindToken, name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return r, err
	}
	token, owner, err := a.tx.TokenByDigest(a.ctx, DigestOf(spec.Secret))
	switch {
	case err == nil && owner.ID != user.ID:
		return r, FieldError("secret", "This is the token of another user.")
	case err == nil:
		r.Ref = formatRef(token.ID)
		return r.ended(), a.note(KindToken, name, r.Ref, nil)
	case !errors.Is(err, ErrNotFound):
		return r, fmt.Errorf("find token: %w", err)
	}
	r.Action = ApplyCreated
	if before.Ref != "" {
		r.Action = ApplyConfigured
		if err := a.endToken(before.Ref); err != nil && !errors.Is(err, ErrNotFound) {
			return r, err
		}
		r.differs("secret", hidden, hidden+" (another)")
	} else {
		r.differs("secret", "", hidden)
		r.differs("user", "", spec.User)
	}
	if token, err = issueToken(a.ctx, a.tx, user, name, spec.Secret, spec.TTL); err != nil {
		return r, err
	}
	r.Ref = formatRef(token.ID)
	return r, a.note(KindToken, name, r.Ref, nil)
}

func formatRef(id int64) string { return strconv.FormatInt(id, 10) }

// endToken ends a token that was applied.
func (a *application) endToken(ref string) error {
	id, err := strconv.ParseInt(ref, 10, 64)
	if err != nil {
		return fmt.Errorf("read the id of a token: %w", err)
	}
	userID, err := a.tx.TokenUser(a.ctx, id)
	if err != nil {
		return err
	}
	user, err := a.tx.User(a.ctx, userID)
	if err != nil {
		return err
	}
	if err := revokeToken(a.ctx, a.tx, user, id); err != nil {
		return err
	}
	a.tell = append(a.tell, func() { a.s.tokensEnded(user.ID, []int64{id}) })
	return nil
}

func (a *application) pruneToken(e Applied) error { return a.endToken(e.Ref) }
