package chat

import (
	"context"
	"errors"
	"fmt"
)

// Added is a Session's Members after somebody was asked to be one.
type Added struct {
	Members []Member // the first MembersShown in the order they joined
	User    User     // who was asked
}

// AddMember makes the named User a Member. Whoever has the uri may join
// themselves; only Members may add others. Adding a Member again stores nothing.
func (s *Service) AddMember(ctx context.Context, who Identity, uri, username string) (Added, error) {
	m, err := s.store.Membership(ctx, cleanURI(uri), who.User.ID)
	if err != nil {
		return Added{}, fmt.Errorf("find session: %w", err)
	}
	if username != who.User.Username {
		if err := authorize(m, ActAdd); err != nil {
			return Added{}, err
		}
	}
	user, err := s.store.UserByName(ctx, username)
	if errors.Is(err, ErrNotFound) {
		return Added{}, ErrUserUnknown
	}
	if err != nil {
		return Added{}, fmt.Errorf("find user: %w", err)
	}
	var (
		members []Member
		joined  []Event
	)
	err = s.store.InTx(ctx, func(tx Store) error {
		members, joined, err = s.add(ctx, tx, who, uri, user)
		return err
	})
	if err != nil {
		return Added{}, err
	}
	s.publish(ctx, joined...)
	for _, e := range joined {
		s.notify(user, NoticeAdded, e)
	}
	return Added{Members: members, User: user}, nil
}

// ErrUserUnknown is the answer to a Member who names a User that does not exist.
var ErrUserUnknown = FieldError("username", "User not found.")

// add is AddMember's transaction. The asker's right is looked at again under the
// lock: they may have been removed meanwhile. The User is locked first, as when an
// account is deleted: nobody becomes a Member who is about to go.
func (s *Service) add(ctx context.Context, tx Store, who Identity, uri string, user User) ([]Member, []Event, error) {
	user, err := tx.LockUser(ctx, user.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, ErrUserUnknown
	}
	if err != nil {
		return nil, nil, fmt.Errorf("lock user: %w", err)
	}
	session, err := tx.LockSession(ctx, cleanURI(uri))
	if err != nil {
		return nil, nil, fmt.Errorf("lock session: %w", err)
	}
	asker, err := tx.Membership(ctx, session.URI, who.User.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("find membership: %w", err)
	}
	if user.ID != who.User.ID {
		if err := authorize(asker, ActAdd); err != nil {
			return nil, nil, err
		}
	}
	var joined []Event
	switch _, err := tx.Member(ctx, session.ID, user.ID); {
	case err == nil: // a Member already
	case !errors.Is(err, ErrNotFound):
		return nil, nil, fmt.Errorf("find member: %w", err)
	case session.ClosedAt != nil:
		return nil, nil, ErrClosed
	default:
		event, err := join(ctx, tx, session, who.User, user, RoleMember)
		if err != nil {
			return nil, nil, err
		}
		joined = []Event{event}
	}
	members, err := tx.Members(ctx, session.ID, MembersShown)
	if err != nil {
		return nil, nil, fmt.Errorf("list members: %w", err)
	}
	return members, joined, nil
}

// RemoveMember ends a membership: one's own, or with the right to it another's.
// The owner's cannot be ended.
func (s *Service) RemoveMember(ctx context.Context, who Identity, uri, username string) error {
	var gone Event
	err := s.store.InTx(ctx, func(tx Store) error {
		action := ActRemove
		if username == who.User.Username {
			action = ActLeave
		}
		session, err := tx.LockSession(ctx, cleanURI(uri))
		if err != nil {
			return fmt.Errorf("lock session: %w", err)
		}
		asker, err := tx.Membership(ctx, session.URI, who.User.ID)
		if err != nil {
			return fmt.Errorf("find membership: %w", err)
		}
		if asker.Role == "" {
			return ErrNotFound
		}
		target, err := findTarget(ctx, tx, session, username)
		if err != nil {
			return err
		}
		if target.Role == RoleOwner && (action == ActLeave || authorize(asker, action) == nil) {
			return ErrOwnerStays
		}
		if err := authorize(asker, action); err != nil {
			return err
		}
		gone, err = leave(ctx, tx, session, who.User, target.User, action)
		return err
	})
	if err != nil {
		return err
	}
	s.publish(ctx, gone)
	s.notify(*gone.Member, NoticeRemoved, gone)
	s.known.seen.Remove(memberKey{gone.URI, gone.Member.ID})
	return nil
}

// ErrOwnerStays is the answer to ending the owner's membership.
var ErrOwnerStays = Errorf(Conflict, "The owner cannot leave the session.")

// findTarget returns the named Member; no such User and no Member look the same.
func findTarget(ctx context.Context, tx Store, session Session, username string) (Member, error) {
	user, err := tx.UserByName(ctx, username)
	if err != nil {
		return Member{}, fmt.Errorf("find user: %w", err)
	}
	member, err := tx.Member(ctx, session.ID, user.ID)
	if err != nil {
		return Member{}, fmt.Errorf("find member: %w", err)
	}
	return member, nil
}

// join makes user a Member of a locked Session and appends the Event that says so.
func join(ctx context.Context, tx Store, session Session, actor, user User, role Role) (Event, error) {
	event, err := tx.Append(ctx, Event{
		SessionID: session.ID,
		URI:       session.URI,
		Type:      EventJoined,
		User:      actor,
		Member:    &user,
		Role:      role,
	})
	if err != nil {
		return Event{}, fmt.Errorf("append the join: %w", err)
	}
	if err := tx.AddMember(ctx, session.ID, user.ID, role, event.Seq); err != nil {
		return Event{}, fmt.Errorf("add member: %w", err)
	}
	return event, nil
}

// leave ends user's membership of a locked Session and appends the Event.
func leave(ctx context.Context, tx Store, session Session, actor, user User, action Action) (Event, error) {
	kind := EventRemoved
	if action == ActLeave {
		kind = EventLeft
	}
	if err := tx.RemoveMember(ctx, session.ID, user.ID); err != nil {
		return Event{}, fmt.Errorf("remove member: %w", err)
	}
	event, err := tx.Append(ctx, Event{
		SessionID: session.ID,
		URI:       session.URI,
		Type:      kind,
		User:      actor,
		Member:    &user,
	})
	if err != nil {
		return Event{}, fmt.Errorf("append the end of the membership: %w", err)
	}
	return event, nil
}
