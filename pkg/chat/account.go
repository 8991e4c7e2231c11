package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"
)

// accounts is what the verbs about Users and Tokens need beyond the Store. Its run
// must run for mails to be sent.
type accounts struct {
	hasher  *hasher
	names   *nameClaims
	cache   *tokenCache
	asked   *singleflight.Group // who asks the database about a token, by digest
	uses    *tokenUses
	mails   *mailQueue
	links   links
	metrics *accountMetrics
	log     *slog.Logger
	closed  bool // registration
}

func newAccounts(o Options) accounts {
	links := newLinks(o)
	metrics := newAccountMetrics(o.Metrics)
	return accounts{
		hasher:  newHasher(o.Metrics),
		names:   newNameClaims(),
		cache:   newTokenCache(),
		asked:   &singleflight.Group{},
		uses:    newTokenUses(o.Store, o.Log),
		mails:   &mailQueue{store: o.Store, mailer: o.Mailer, links: links, sent: metrics.mails, log: o.Log, asked: make(chan string, mailsWaiting)},
		links:   links,
		metrics: metrics,
		log:     o.Log,
		closed:  o.RegistrationClosed,
	}
}

// run sends mails and notes the use of tokens until ctx ends; then it sends what
// was asked for, within a few seconds, and returns.
func (a *accounts) run(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { a.uses.run(ctx); return nil })
	g.Go(func() error { a.mails.run(ctx); return nil })
	return g.Wait()
}

// ErrRegistrationClosed is the answer to a sign-up where only administrators make
// accounts.
var ErrRegistrationClosed = Errorf(Forbidden, "Registration is closed. Ask an administrator for an account.")

// SignUp makes an account for whoever asks.
func (s *Service) SignUp(ctx context.Context, n NewUser) (User, error) {
	if s.accounts.closed {
		return User{}, ErrRegistrationClosed
	}
	n.Admin = false
	return s.CreateUser(ctx, n)
}

// CreateUser makes an account, also where registration is closed. Of parallel
// requests for one name in this process the later ones wait for the first, so that
// they cost no hash.
func (s *Service) CreateUser(ctx context.Context, n NewUser) (User, error) {
	return s.createUser(ctx, n, func(u User) (created User, err error) {
		if _, administers := adminOf(ctx); !administers {
			return s.store.CreateUser(ctx, u)
		}
		_, err = s.administer(ctx, func(tx Store) error {
			if created, err = tx.CreateUser(ctx, u); err != nil {
				return err
			}
			return audit(ctx, tx, "user.create", userTarget(created), nil, auditedUserOf(created))
		})
		return created, err
	})
}

// createUser checks and hashes; insert stores.
func (s *Service) createUser(ctx context.Context, n NewUser, insert func(User) (User, error)) (User, error) {
	release, err := s.accounts.names.claim(ctx, n.Username)
	if err != nil {
		return User{}, err
	}
	defer release()
	u, err := s.checkNewUser(ctx, n)
	if err != nil {
		return User{}, err
	}
	if u.Password, err = s.accounts.hasher.hash(ctx, n.Password); err != nil {
		return User{}, err
	}
	u, err = insert(u)
	if err != nil {
		return User{}, fmt.Errorf("create user: %w", err)
	}
	return u, nil
}

// checkNewUser returns the account to make, without its password's digest. How
// easy the password is to guess is said only once all fields are right.
func (s *Service) checkNewUser(ctx context.Context, n NewUser) (User, error) {
	wrong := complaints{}
	wrong.add("email", checkEmail(n.Email)...)
	wrong.add("password", checkPassword(n.Password)...)
	name, err := s.checkUsername(ctx, "username", n.Username, wrong)
	if err != nil {
		return User{}, err
	}
	u := User{Username: name, Email: n.Email, Admin: n.Admin}
	if len(wrong) == 0 {
		wrong.add("password", weaknesses(n.Password, u)...)
	}
	u.Email = normalEmail(n.Email)
	if len(wrong) == 1 && slices.Equal(wrong["username"], []string{nameTaken}) {
		return User{}, ErrUsernameTaken // as the Store says it
	}
	return u, wrong.refusal()
}

// checkUsername returns the form in which a name is kept, and adds to wrong what is
// wrong with it. That a variant of it is taken shows only when it is stored.
func (s *Service) checkUsername(ctx context.Context, field, name string, wrong complaints) (string, error) {
	normal, bad := cleanUsername(name)
	wrong.add(field, bad...)
	if len(bad) > 0 {
		return normal, nil
	}
	_, err := s.store.UserByName(ctx, normal)
	switch {
	case err == nil:
		wrong.add(field, nameTaken)
	case !errors.Is(err, ErrNotFound):
		return "", fmt.Errorf("find user: %w", err)
	}
	return normal, nil
}

const nameTaken = "A user with that username already exists."

// Me returns the asker's account as it is now.
func (s *Service) Me(ctx context.Context, who Identity) (User, error) {
	user, err := s.store.User(ctx, who.User.ID)
	if errors.Is(err, ErrNotFound) {
		return User{}, ErrInvalidToken // the account ended since the token was looked at
	}
	if err != nil {
		return User{}, fmt.Errorf("find user: %w", err)
	}
	return user, nil
}

// ChangeEmail gives the asker's account another address; "" takes it away. Links in
// mails that were sent before end.
func (s *Service) ChangeEmail(ctx context.Context, who Identity, email string) (User, error) {
	wrong := complaints{}
	wrong.add("email", checkEmail(email)...)
	if err := wrong.refusal(); err != nil {
		return User{}, err
	}
	if err := s.store.SetEmail(ctx, who.User.ID, email); err != nil {
		return User{}, fmt.Errorf("set email: %w", err)
	}
	s.accounts.cache.forget(who.User.ID)
	return s.Me(ctx, who)
}

// Rename gives the asker's account another name.
func (s *Service) Rename(ctx context.Context, who Identity, name string, current Secret) error {
	wrong := complaints{}
	user, err := s.checkCurrent(ctx, who, current, wrong)
	if err != nil {
		return err
	}
	name, err = s.checkUsername(ctx, "new_username", name, wrong)
	if err != nil {
		return err
	}
	if err := wrong.refusal(); err != nil {
		return err
	}
	err = s.store.InTx(ctx, func(tx Store) error {
		if _, err := confirmed(ctx, tx, user, errWrongCurrent); err != nil {
			return err
		}
		return tx.SetUsername(ctx, user.ID, name)
	})
	if errors.Is(err, ErrUsernameTaken) {
		return FieldError("new_username", nameTaken)
	}
	if err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	s.accounts.cache.forget(user.ID)
	return nil
}
