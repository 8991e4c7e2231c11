package chat

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrCredentials is the answer to a sign-in that is refused, whatever the reason.
var ErrCredentials = FieldError(NonField, "Unable to login with provided credentials.")

// ErrInvalidToken is the answer to a token that is unknown or has ended.
var ErrInvalidToken = Errorf(Unauthorized, "Invalid token.")

// SignIn makes a Token for a User who knows their password, and returns its secret.
// An unknown name, a wrong password and a disabled account cost the same work and
// get the same answer. label is what the User calls the device.
func (s *Service) SignIn(ctx context.Context, username string, password Secret, label string) (secret Secret, user User, err error) {
	secret, user, err = s.signIn(ctx, username, password, label)
	s.accounts.metrics.signIns.WithLabelValues(signInResult(err)).Inc()
	return secret, user, err
}

func (s *Service) signIn(ctx context.Context, username string, password Secret, label string) (Secret, User, error) {
	user, err := s.userNamed(ctx, username)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return "", User{}, err
	}
	ok, stale, err := s.accounts.hasher.verify(ctx, password, user.Password)
	if err != nil {
		return "", User{}, err
	}
	if !ok || user.Disabled {
		return "", User{}, ErrCredentials
	}
	var renewed Secret
	if stale {
		if renewed, err = s.accounts.hasher.hash(ctx, password); err != nil {
			return "", User{}, err
		}
	}
	secret := newTokenSecret()
	token := Token{UserID: user.ID, Label: cleanLabel(label), Idle: TokenIdle}
	err = s.store.InTx(ctx, func(tx Store) error {
		now, err := confirmed(ctx, tx, user, ErrCredentials)
		if err != nil {
			return err
		}
		if renewed != "" {
			if err := tx.SetPassword(ctx, user.ID, renewed); err != nil {
				return fmt.Errorf("renew the digest: %w", err)
			}
		}
		_, err = tx.CreateToken(ctx, token, DigestOf(secret), TokenIdle)
		user = now
		return err
	})
	if err != nil {
		return "", User{}, fmt.Errorf("sign in: %w", err)
	}
	return secret, user, nil
}

// userNamed returns the account with exactly this name. A text that the database
// cannot hold is nobody's name.
func (s *Service) userNamed(ctx context.Context, name string) (User, error) {
	if !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
		return User{}, ErrNotFound
	}
	user, err := s.store.UserByName(ctx, name)
	if err != nil {
		return User{}, fmt.Errorf("find user: %w", err)
	}
	return user, nil
}

// confirmed locks an account whose password was just checked, and returns it as it
// is then. If it was disabled, deleted or given another password meanwhile the
// answer is refusal: so a change of password that ends all tokens cannot be
// overtaken by a sign-in with the old one. To have shown the password counts as
// having been seen.
func confirmed(ctx context.Context, tx Store, checked User, refusal error) (User, error) {
	err := tx.Seen(ctx, checked.ID)
	if errors.Is(err, ErrNotFound) {
		return User{}, refusal
	}
	if err != nil {
		return User{}, fmt.Errorf("lock user: %w", err)
	}
	user, err := tx.User(ctx, checked.ID)
	if errors.Is(err, ErrNotFound) {
		return User{}, refusal
	}
	if err != nil {
		return User{}, fmt.Errorf("find user: %w", err)
	}
	if user.Disabled || user.Password != checked.Password {
		return User{}, refusal
	}
	return user, nil
}

// Authenticate returns who a token's secret belongs to. The answer may be up to
// tokenFresh old where another process changed something.
func (s *Service) Authenticate(ctx context.Context, secret Secret) (Identity, error) {
	if !isTokenSecret(secret) {
		return Identity{}, ErrInvalidToken
	}
	digest := DigestOf(secret)
	who, known, asked := s.accounts.cache.get(digest)
	if known {
		return who, nil
	}
	// Requests that come while the database is asked share its answer: a busy token
	// would otherwise ask as often as it has requests under way. An answer that was
	// asked for before something changed is not for those who come after.
	key := fmt.Sprintf("%x/%d", digest, asked.changes)
	answer := s.accounts.asked.DoChan(key, func() (any, error) {
		return s.identify(context.WithoutCancel(ctx), digest, asked)
	})
	select {
	case a := <-answer:
		return a.Val.(Identity), a.Err
	case <-ctx.Done():
		return Identity{}, ErrUnavailable
	}
}

// identify asks the database who a token belongs to, and keeps the answer.
func (s *Service) identify(ctx context.Context, digest Digest, asked asking) (Identity, error) {
	token, user, err := s.store.TokenByDigest(ctx, digest)
	if errors.Is(err, ErrNotFound) {
		return Identity{}, ErrInvalidToken
	}
	if err != nil {
		return Identity{}, fmt.Errorf("find token: %w", err)
	}
	who := Identity{User: user, Token: token}
	s.accounts.cache.put(digest, who, asked)
	s.accounts.uses.note(token)
	return who, nil
}

// tokenBytes is how many random bytes a token's secret has: 40 hexadecimal digits.
const tokenBytes = 20

func newTokenSecret() Secret { return Secret(hex.EncodeToString(randomBytes(tokenBytes))) }

func isTokenSecret(secret Secret) bool {
	return len(secret) == 2*tokenBytes && strings.Trim(string(secret), "0123456789abcdef") == ""
}

// maxLabel bounds a Token's label in code points.
const maxLabel = 100

// cleanLabel returns a label without what a terminal or a log would stumble over.
func cleanLabel(label string) string {
	clean := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, label)
	if runes := []rune(strings.TrimSpace(clean)); len(runes) > maxLabel {
		return string(runes[:maxLabel])
	}
	return strings.TrimSpace(clean)
}
