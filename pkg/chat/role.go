package chat

import (
	"context"
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
	err := s.store.InTx(ctx, func(tx Store) error {
		events = nil
		m, err := s.locked(ctx, tx, who, uri, ActRole)
		if err != nil {
			return err
		}
		if member, err = findTarget(ctx, tx, m.Session, username); err != nil {
			return err
		}
		switch {
		case member.Role == role:
			return nil
		case member.Role == RoleOwner: // the owner's own; it can only be handed over
			return ErrOwnerStays
		case role == RoleOwner:
			events, err = abdicate(ctx, tx, m.Session, who.User, member.User)
		default:
			events, err = assign(ctx, tx, m.Session, who.User, member.User, role)
		}
		member.Role = role
		return err
	})
	if err != nil {
		return Member{}, err
	}
	s.publish(ctx, events...)
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

// abdicate hands a locked Session over, the new owner first, so that there is one at
// every Seq.
func abdicate(ctx context.Context, tx Store, session Session, owner, heir User) ([]Event, error) {
	crowned, err := crown(ctx, tx, session, owner, heir)
	if err != nil {
		return nil, err
	}
	stepped, err := assign(ctx, tx, session, owner, owner, RoleModerator)
	return append(crowned, stepped...), err
}
