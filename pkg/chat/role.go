package chat

import (
	"context"
	"errors"
	"fmt"
)

// SetRole gives a Member another Role. Only the owner does so; who makes somebody else
// the owner becomes a moderator. The Role that a Member has already stores nothing.
func (s *Service) SetRole(ctx context.Context, who Identity, uri, username string, role Role) (Member, error) {
	switch role {
	case RoleOwner, RoleModerator, RoleMember, RoleReader:
	default:
		return Member{}, FieldError("role", fmt.Sprintf("%q is not owner, moderator, member or reader.", role))
	}
	var (
		member Member
		events []Event
	)
	kept, err := s.administer(ctx, func(tx Store) error {
		events = nil
		m, err := s.locked(ctx, tx, who, uri, ActRole)
		if err != nil {
			return err
		}
		if member, err = findTarget(ctx, tx, m.Session, username); err != nil {
			return err
		}
		was := member.Role
		switch {
		case was == role:
			return nil
		case was == RoleOwner: // the owner's own; it can only be handed over
			return ErrOwnerStays
		case role == RoleOwner:
			events, err = replace(ctx, tx, m.Session, who.User, member.User)
		default:
			events, err = assign(ctx, tx, m.Session, who.User, member.User, role)
		}
		if err != nil {
			return err
		}
		member.Role = role
		return audit(ctx, tx, "session.role", sessionTarget(m.Session), auditedRole{username, was}, auditedRole{username, role})
	})
	if err != nil {
		return Member{}, err
	}
	if kept {
		s.publish(ctx, events...)
	}
	return member, nil
}

// assign gives a Member of a locked Session a Role and appends the Event.
func assign(ctx context.Context, tx Store, session Session, actor, user User, role Role) ([]Event, error) {
	if err := tx.SetRole(ctx, session.ID, user.ID, role); err != nil {
		return nil, fmt.Errorf("set role: %w", err)
	}
	event, err := tx.Append(ctx, Event{
		SessionID: session.ID,
		URI:       session.URI,
		Type:      EventRole,
		User:      actor,
		Member:    &user,
		Role:      role,
	})
	if err != nil {
		return nil, fmt.Errorf("append the role: %w", err)
	}
	return []Event{event}, nil
}

// crown makes a Member of a locked Session its owner. Whoever was it is to get another
// Role, or to go, in the same transaction.
func crown(ctx context.Context, tx Store, session Session, actor, heir User) ([]Event, error) {
	if err := tx.SetOwner(ctx, session.ID, heir.ID); err != nil {
		return nil, fmt.Errorf("set owner: %w", err)
	}
	return assign(ctx, tx, session, actor, heir, RoleOwner)
}

// replace hands a locked Session over, the new owner first, so that there is one at
// every Seq. Who was it becomes a moderator, if they are there.
func replace(ctx context.Context, tx Store, session Session, actor, heir User) ([]Event, error) {
	crowned, err := crown(ctx, tx, session, actor, heir)
	if err != nil {
		return nil, err
	}
	old, err := tx.Member(ctx, session.ID, session.OwnerID)
	if errors.Is(err, ErrNotFound) {
		return crowned, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find owner: %w", err)
	}
	stepped, err := assign(ctx, tx, session, actor, old.User, RoleModerator)
	return append(crowned, stepped...), err
}
