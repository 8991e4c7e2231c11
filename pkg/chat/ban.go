package chat

import (
	"context"
	"errors"
	"fmt"
)

// Ban keeps a User out of a Session until they are unbanned, and removes them if they
// are a Member.
func (s *Service) Ban(ctx context.Context, who Identity, uri, username string) error {
	var gone []Event
	err := s.store.InTx(ctx, func(tx Store) error {
		gone = nil
		m, err := s.locked(ctx, tx, who, uri, ActBan)
		if err != nil {
			return err
		}
		user, err := tx.UserByName(ctx, username)
		if err != nil {
			return fmt.Errorf("find user: %w", err)
		}
		switch member, err := tx.Member(ctx, m.Session.ID, user.ID); {
		case err == nil:
			if err := s.policy.authorizeOver(m, ActBan, member.Role); err != nil {
				return err
			}
			event, err := leave(ctx, tx, m.Session, who.User, user, ActRemove)
			if err != nil {
				return err
			}
			gone = []Event{event}
		case !errors.Is(err, ErrNotFound):
			return fmt.Errorf("find member: %w", err)
		}
		return tx.Ban(ctx, m.Session.ID, user.ID)
	})
	if err != nil {
		return err
	}
	s.left(ctx, gone)
	return nil
}

// Unban lets a User become a Member again; it makes them none.
func (s *Service) Unban(ctx context.Context, who Identity, uri, username string) error {
	m, err := s.allowed(ctx, who, uri, ActBan)
	if err != nil {
		return err
	}
	user, err := s.store.UserByName(ctx, username)
	if err != nil {
		return fmt.Errorf("find user: %w", err)
	}
	return s.store.Unban(ctx, m.Session.ID, user.ID)
}

// BansShown bounds a list of who is banned.
const BansShown = 200

// Bans returns who is banned from a Session, the newest first.
func (s *Service) Bans(ctx context.Context, who Identity, uri string) ([]User, error) {
	m, err := s.allowed(ctx, who, uri, ActBan)
	if err != nil {
		return nil, err
	}
	users, err := s.store.Bans(ctx, m.Session.ID, BansShown)
	if err != nil {
		return nil, fmt.Errorf("list bans: %w", err)
	}
	return users, nil
}
