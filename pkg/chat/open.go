package chat

import (
	"context"
	"errors"
	"fmt"
)

// OpenSession creates a Session with the asker as its owner. Its first Event is
// the owner's join. Asked again with the same clientID it returns the same
// Session.
func (s *Service) OpenSession(ctx context.Context, who Identity, clientID *string) (Session, error) {
	if err := checkClientID(clientID); err != nil {
		return Session{}, err
	}
	var (
		session Session
		joined  []Event
	)
	err := s.store.InTx(ctx, func(tx Store) (err error) {
		joined = nil
		if clientID != nil {
			session, err = tx.SessionByClientID(ctx, who.User.ID, *clientID)
			if !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		session, err = tx.CreateSession(ctx, newURI(), who.User.ID, clientID)
		if err != nil {
			return fmt.Errorf("create session: %w", err)
		}
		event, err := join(ctx, tx, session, who.User, who.User, RoleOwner)
		joined = []Event{event}
		return err
	})
	if errors.Is(err, ErrDuplicate) && clientID != nil {
		return s.store.SessionByClientID(ctx, who.User.ID, *clientID) // another try of the same came first
	}
	if err != nil {
		return Session{}, err
	}
	s.publish(ctx, joined...)
	return session, nil
}

// Details is a Session as one Member sees it.
type Details struct {
	Membership
	Unread      Unread
	Members     []Member // the first MembersShown in the order they joined
	MemberCount int64
}

// Details returns a Session to a Member.
func (s *Service) Details(ctx context.Context, who Identity, uri string) (Details, error) {
	m, err := s.allowed(ctx, who, uri, ActRead)
	if err != nil {
		return Details{}, err
	}
	return s.details(ctx, who, m)
}

func (s *Service) details(ctx context.Context, who Identity, m Membership) (Details, error) {
	members, err := s.store.Members(ctx, m.Session.ID, 0, MembersShown)
	if err != nil {
		return Details{}, fmt.Errorf("list members: %w", err)
	}
	count, err := s.store.CountMembers(ctx, m.Session.ID)
	if err != nil {
		return Details{}, fmt.Errorf("count members: %w", err)
	}
	unread, err := s.store.UnreadIn(ctx, m.Session.ID, who.User.ID)
	if err != nil {
		return Details{}, fmt.Errorf("count unread: %w", err)
	}
	return Details{Membership: m, Unread: unread, Members: members, MemberCount: count}, nil
}

// SessionsShown bounds one page of a list of Sessions.
const SessionsShown = 100

// Sessions returns a page of the asker's Sessions, latest activity first, and
// where the next page begins; nil if this one is the last.
func (s *Service) Sessions(ctx context.Context, who Identity, after *SessionCursor, limit int) ([]SessionSummary, *SessionCursor, error) {
	limit = min(limit, SessionsShown)
	page, err := s.store.ListSessions(ctx, who.User.ID, after, limit+1)
	if err != nil {
		return nil, nil, fmt.Errorf("list sessions: %w", err)
	}
	if len(page) <= limit {
		return page, nil, nil
	}
	page = page[:limit]
	last := page[limit-1].Session
	return page, &SessionCursor{Active: last.ActiveAt, ID: last.ID}, nil
}
