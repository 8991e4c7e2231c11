package chat

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// hidden stands in changes for what is never shown.
const hidden = "***"

// prepareApply computes the digests of those passwords that are not set yet: that takes
// too long for a transaction.
func (s *Service) prepareApply(ctx context.Context, documents []Document) (map[string]Secret, error) {
	digests := map[string]Secret{}
	for i, d := range documents {
		if d.Kind != KindUser || d.User.Password == nil {
			continue
		}
		user, err := s.userNamed(ctx, d.Name)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		set, _, err := s.accounts.hasher.verify(ctx, *d.User.Password, user.Password)
		if err != nil {
			return nil, err
		}
		if set {
			continue
		}
		if user.ID == 0 {
			user = User{Username: d.Name}
		}
		if d.User.Email != nil {
			user.Email = *d.User.Email
		}
		if err := checkNewPassword(*d.User.Password, user); err != nil {
			return nil, inDocument(i, err)
		}
		if digests[d.Name], err = s.accounts.hasher.hash(ctx, *d.User.Password); err != nil {
			return nil, err
		}
	}
	return digests, nil
}

func (a *application) user(name string, spec UserSpec) (ApplyResult, error) {
	user, err := a.tx.UserByName(a.ctx, name)
	if errors.Is(err, ErrNotFound) {
		return a.newUser(name, spec)
	}
	if err != nil {
		return ApplyResult{}, fmt.Errorf("find user: %w", err)
	}
	r := ApplyResult{Ref: name}
	change := UserChange{Email: spec.Email, Admin: spec.Admin}
	next, err := a.s.checkUserChange(a.ctx, user, change)
	if err != nil {
		return r, err
	}
	r.differs("email", user.Email, next.Email)
	r.differs("admin", strconv.FormatBool(user.Admin), strconv.FormatBool(next.Admin))
	if err := updateUser(a.ctx, a.tx, user, next); err != nil {
		return r, err
	}
	a.tell = append(a.tell, func() { a.s.accounts.cache.forget(user.ID) })
	if digest := a.digests[name]; digest != "" {
		r.differs("password", hidden, hidden+" (another)")
		ended, err := setUserPassword(a.ctx, a.tx, next, digest)
		if err != nil {
			return r, err
		}
		a.tell = append(a.tell, func() { a.s.allTokensEnded(user.ID, len(ended)) })
	}
	if spec.Disabled != nil && r.differs("disabled", strconv.FormatBool(user.Disabled), strconv.FormatBool(*spec.Disabled)) {
		if err := a.setDisabled(next, *spec.Disabled); err != nil {
			return r, err
		}
	}
	return r.ended(), a.note(KindUser, name, name, nil)
}

func (a *application) setDisabled(user User, disabled bool) error {
	if !disabled {
		return enableUser(a.ctx, a.tx, user)
	}
	ended, err := disableUser(a.ctx, a.tx, user)
	if err != nil {
		return err
	}
	a.tell = append(a.tell, func() { a.s.allTokensEnded(user.ID, len(ended)) })
	return nil
}

func (a *application) newUser(name string, spec UserSpec) (ApplyResult, error) {
	r := ApplyResult{Ref: name, Action: ApplyCreated}
	if spec.Password == nil {
		return r, FieldError("password", "There is no such user, and a new one needs a password.")
	}
	wrong := complaints{}
	normal, bad := cleanUsername(name)
	if normal != name {
		bad = append(bad, fmt.Sprintf("Write it as %s.", normal))
	}
	wrong.add("name", bad...)
	user := User{Username: name, Password: a.digests[name]}
	if spec.Email != nil {
		wrong.add("email", checkEmail(*spec.Email)...)
		user.Email = normalEmail(*spec.Email)
	}
	if err := wrong.refusal(); err != nil {
		return r, err
	}
	user.Admin = spec.Admin != nil && *spec.Admin
	created, err := a.tx.CreateUser(a.ctx, user)
	if err != nil {
		return r, err
	}
	if err := audit(a.ctx, a.tx, "user.create", userTarget(created), nil, auditedUserOf(created)); err != nil {
		return r, err
	}
	r.differs("email", "", user.Email)
	r.differs("admin", "", strconv.FormatBool(user.Admin))
	r.differs("password", "", hidden)
	if spec.Disabled != nil && *spec.Disabled {
		r.differs("disabled", "", "true")
		if err := a.setDisabled(created, true); err != nil {
			return r, err
		}
	}
	return r, a.note(KindUser, name, name, nil)
}

func (a *application) pruneUser(e Applied) error {
	user, err := a.tx.UserByName(a.ctx, e.Ref)
	if err != nil || user.Disabled {
		return err
	}
	return a.setDisabled(user, true)
}
