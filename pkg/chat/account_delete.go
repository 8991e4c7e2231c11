package chat

import (
	"context"
	"errors"
	"fmt"
)

// leavePage is how many Sessions are left in one transaction. Each locks its
// Session, and all of them must fit in the time that a transaction may take.
const leavePage = 100

// DeleteAccount ends the asker's account. They leave every Session; what they own
// passes to the oldest other Member, or is closed if nobody is left. Their Messages
// stay, without a name.
//
// It goes from transaction to transaction, each of which leaves some Sessions and
// the last of which ends the account. One that stops half-way has left the Sessions
// that it said it left, and asking again goes on from there.
func (s *Service) DeleteAccount(ctx context.Context, who Identity, current Secret) error {
	wrong := complaints{}
	user, err := s.checkCurrent(ctx, who, current, wrong)
	if err != nil {
		return err
	}
	if err := wrong.refusal(); err != nil {
		return err
	}
	end := ending{
		user: user,
		lock: func(tx Store) (User, error) { return confirmed(ctx, tx, user, errWrongCurrent) },
		note: func(Store) error { return nil },
	}
	if err := s.endAccount(ctx, end); err != nil {
		return fmt.Errorf("delete account: %w", err)
	}
	return nil
}

// ending is how an account ends.
type ending struct {
	user User
	lock func(tx Store) (User, error) // returns the account as it is, or why it is not to end
	note func(tx Store) error         // runs in the last transaction
}

// endAccount goes from step to step. A dry run takes the first of them back.
func (s *Service) endAccount(ctx context.Context, end ending) (err error) {
	for more := true; more && err == nil; {
		more, err = s.endSome(ctx, end)
	}
	return err
}

// endSome is one step of ending an account; more says that it was not the last.
func (s *Service) endSome(ctx context.Context, end ending) (more bool, err error) {
	var (
		events []Event
		ended  []int64
	)
	kept, err := s.administer(ctx, func(tx Store) error {
		now, err := end.lock(tx)
		if err != nil {
			return err
		}
		if events, more, err = leaveSome(ctx, tx, now); err != nil || more {
			return err
		}
		if ended, err = tx.DeleteTokens(ctx, now.ID, 0); err != nil {
			return fmt.Errorf("end tokens: %w", err)
		}
		if err := tx.DeleteUser(ctx, now.ID); err != nil {
			return err
		}
		return end.note(tx)
	})
	if err != nil || !kept {
		return false, err
	}
	if !more {
		s.allTokensEnded(end.user.ID, len(ended))
	}
	s.publish(ctx, events...)
	for _, e := range events {
		s.known.seen.Remove(memberKey{e.URI, end.user.ID})
	}
	return more, nil
}

// leaveSome ends up to leavePage memberships of a User and returns the Events that
// say so, and whether there may be more. It locks the Sessions in the order of their
// ids, as everybody does.
func leaveSome(ctx context.Context, tx Store, user User) (events []Event, more bool, err error) {
	page, err := tx.MemberSessions(ctx, user.ID, 0, leavePage)
	if err != nil {
		return nil, false, fmt.Errorf("list sessions: %w", err)
	}
	for _, session := range page {
		left, err := leaveOne(ctx, tx, session.URI, user)
		if err != nil {
			return nil, false, fmt.Errorf("leave session %d: %w", session.ID, err)
		}
		events = append(events, left...)
	}
	return events, len(page) == leavePage, nil
}

// leaveOne ends one membership. The owner hands over first, so that there is an
// owner at every Seq.
func leaveOne(ctx context.Context, tx Store, uri string, user User) ([]Event, error) {
	session, err := tx.LockSession(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("lock session: %w", err)
	}
	member, err := tx.Member(ctx, session.ID, user.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil // removed before the lock
	}
	if err != nil {
		return nil, fmt.Errorf("find member: %w", err)
	}
	var events []Event
	if member.Role == RoleOwner {
		if events, err = handOver(ctx, tx, session, user); err != nil {
			return nil, err
		}
	}
	left, err := leave(ctx, tx, session, user, user, ActLeave)
	if err != nil {
		return nil, err
	}
	return append(events, left), nil
}

// handOver gives a Session to its oldest other Member, or closes it.
func handOver(ctx context.Context, tx Store, session Session, owner User) ([]Event, error) {
	heir, err := oldestOther(ctx, tx, session, owner)
	if errors.Is(err, ErrNotFound) {
		return shut(ctx, tx, session, owner)
	}
	if err != nil {
		return nil, err
	}
	return crown(ctx, tx, session, owner, heir)
}

// oldestOther returns the Member who joined first of all but the owner.
func oldestOther(ctx context.Context, tx Store, session Session, owner User) (User, error) {
	oldest, err := tx.Members(ctx, session.ID, 0, 2)
	if err != nil {
		return User{}, fmt.Errorf("list members: %w", err)
	}
	for _, m := range oldest {
		if m.User.ID != owner.ID {
			return m.User, nil
		}
	}
	return User{}, ErrNotFound
}

// shut closes a Session that nobody is left in. One that is closed already gets no
// second Event.
func shut(ctx context.Context, tx Store, session Session, owner User) ([]Event, error) {
	if session.ClosedAt != nil {
		return nil, nil
	}
	if err := tx.CloseSession(ctx, session.ID); err != nil {
		return nil, fmt.Errorf("close session: %w", err)
	}
	event, err := tx.Append(ctx, Event{
		SessionID: session.ID,
		URI:       session.URI,
		Type:      EventClosed,
		User:      owner,
	})
	if err != nil {
		return nil, fmt.Errorf("append the end: %w", err)
	}
	return []Event{event}, nil
}
