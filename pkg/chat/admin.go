package chat

import (
	"context"
	"errors"
	"fmt"
)

// Admin is who administers, for the audit.
type Admin struct {
	Actor  string // user:ada, or local:root for a user of the machine
	Origin string // an address, or a machine
}

type adminKey struct{}

// WithAdmin returns a context in which an administrator acts: the audit tells of what
// is done, and in each Session they may do what its owner may. Whoever makes it has
// made sure that this is so.
func WithAdmin(ctx context.Context, a Admin) context.Context {
	return context.WithValue(ctx, adminKey{}, a)
}

// adminOf returns who administers in a context.
func adminOf(ctx context.Context) (Admin, bool) {
	a, ok := ctx.Value(adminKey{}).(Admin)
	return a, ok
}

type dryRunKey struct{}

// WithDryRun returns a context in which what an administrator changes is checked and
// carried out, and then taken back: the answer is that of the change, and nothing is
// stored or told to anybody.
func WithDryRun(ctx context.Context) context.Context {
	return context.WithValue(ctx, dryRunKey{}, true)
}

// errTakenBack ends the transaction of a dry run.
var errTakenBack = errors.New("a dry run is taken back")

// administer makes a change in one transaction. kept is false on a dry run, of which
// nobody is to be told.
func (s *Service) administer(ctx context.Context, change func(tx Store) error) (kept bool, err error) {
	dry := ctx.Value(dryRunKey{}) != nil
	err = s.store.InTx(ctx, func(tx Store) error {
		if err := change(tx); err != nil {
			return err
		}
		if dry {
			return errTakenBack
		}
		return nil
	})
	if dry && errors.Is(err, errTakenBack) {
		return false, nil
	}
	return err == nil, err
}

// ErrLastAdmin is the answer to a change after which nobody could administer.
var ErrLastAdmin = Errorf(Conflict, "This is the last administrator: make another one first.")

// keepAdmin refuses a change of an administrator's account, which tx has made, if none
// is left.
func keepAdmin(ctx context.Context, tx Store, was User) error {
	if !was.Admin || was.Disabled {
		return nil
	}
	switch exists, err := tx.HasAdmin(ctx); {
	case err != nil:
		return fmt.Errorf("look for an administrator: %w", err)
	case !exists:
		return ErrLastAdmin
	}
	return nil
}
