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

// AddMember makes the named User a Member. Whoever has the uri may join themselves,
// where links let people in; only Members may add others. Adding a Member again
// stores nothing.
func (s *Service) AddMember(ctx context.Context, who Identity, uri, username string) (Added, error) {
	m, err := s.store.Membership(ctx, cleanURI(uri), who.User.ID)
	if err != nil {
		return Added{}, fmt.Errorf("find session: %w", err)
	}
	if username != who.User.Username {
		if err := s.policy.authorize(m, ActAdd); err != nil {
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
		joined, err = s.enter(ctx, tx, who, m.Session, user, entry{action: ActAdd, own: ActJoin, role: RoleMember})
		if err != nil {
			return err
		}
		if members, err = tx.Members(ctx, m.Session.ID, 0, MembersShown); err != nil {
			return fmt.Errorf("list members: %w", err)
		}
		return nil
	})
	if err != nil {
		return Added{}, err
	}
	s.entered(ctx, joined)
	return Added{Members: members, User: user}, nil
}

// ErrUserUnknown is the answer to a Member who names a User that does not exist.
var ErrUserUnknown = FieldError("username", "User not found.")

// errUserBanned is the answer to a Member who adds somebody who is banned.
var errUserBanned error = &Error{
	Code:   Conflict,
	Fields: map[string][]string{"username": {"This user cannot join the session."}},
}

// entry is how somebody comes in.
type entry struct {
	action Action // that others need who bring them
	own    Action // that they need themselves
	role   Role
}

// enter makes a User a Member, unless they are one, and returns the Event. The right
// to it is looked at under the Session's lock. The User is locked first, as when an
// account is deleted: nobody becomes a Member who is about to go.
func (s *Service) enter(ctx context.Context, tx Store, who Identity, session Session, user User, by entry) ([]Event, error) {
	user, err := tx.LockUser(ctx, user.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrUserUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("lock user: %w", err)
	}
	if session, err = tx.LockSession(ctx, session.URI); err != nil {
		return nil, fmt.Errorf("lock session: %w", err)
	}
	asker, err := tx.Membership(ctx, session.URI, who.User.ID)
	if err != nil {
		return nil, fmt.Errorf("find membership: %w", err)
	}
	self := user.ID == who.User.ID
	if self && asker.Role != stranger {
		return nil, nil // a Member already, also where nobody else may join
	}
	banned, err := tx.IsBanned(ctx, session.ID, user.ID)
	if err != nil {
		return nil, fmt.Errorf("look for a ban: %w", err)
	}
	if self {
		asker.Banned = banned
		err = s.policy.authorize(asker, by.own)
	} else if err = s.policy.authorize(asker, by.action); err == nil && banned {
		err = errUserBanned
	}
	if err != nil {
		return nil, err
	}
	switch _, err := tx.Member(ctx, session.ID, user.ID); {
	case err == nil: // a Member already
		return nil, nil
	case !errors.Is(err, ErrNotFound):
		return nil, fmt.Errorf("find member: %w", err)
	}
	event, err := join(ctx, tx, session, who.User, user, by.role)
	if err != nil {
		return nil, err
	}
	return []Event{event}, nil
}

// entered tells everybody who joined, and their other devices.
func (s *Service) entered(ctx context.Context, joined []Event) {
	s.publish(ctx, joined...)
	for _, e := range joined {
		s.notify(*e.Member, NoticeAdded, e)
	}
}

// left tells everybody whose membership ended, and their other devices.
func (s *Service) left(ctx context.Context, gone []Event) {
	s.publish(ctx, gone...)
	for _, e := range gone {
		s.notify(*e.Member, NoticeRemoved, e)
		s.known.seen.Remove(memberKey{e.URI, e.Member.ID})
	}
}

// RemoveMember ends a membership: one's own, or with the right to it another's.
// The owner's cannot be ended.
func (s *Service) RemoveMember(ctx context.Context, who Identity, uri, username string) error {
	var gone Event
	err := s.store.InTx(ctx, func(tx Store) error {
		m, err := s.locked(ctx, tx, who, uri, ActRead)
		if err != nil {
			return err
		}
		target, err := findTarget(ctx, tx, m.Session, username)
		if err != nil {
			return err
		}
		action := ActRemove
		if target.User.ID == who.User.ID {
			action = ActLeave
		}
		switch {
		case action == ActLeave && target.Role == RoleOwner:
			return ErrOwnerStays
		case action == ActLeave:
			err = s.policy.authorize(m, action)
		default:
			err = s.policy.authorizeOver(m, action, target.Role)
		}
		if err != nil {
			return err
		}
		gone, err = leave(ctx, tx, m.Session, who.User, target.User, action)
		return err
	})
	if err != nil {
		return err
	}
	s.left(ctx, []Event{gone})
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
