package chat

import (
	"context"
	"errors"
	"fmt"
)

// Of Sessions administrators do what owners do, by the same verbs; these are what they
// need beyond them.

func sessionTarget(session Session) string { return "session/" + session.URI }

// AllSessions returns Sessions of the whole installation in the order of ids,
// beginning after an id.
func (s *Service) AllSessions(ctx context.Context, after int64, limit int) ([]Session, error) {
	sessions, err := s.store.AllSessions(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return sessions, nil
}

// Overview is a Session as administrators see it.
type Overview struct {
	Session Session
	Owner   User // without a name if their account ended
	Members int64
}

// SessionAt returns the Session with this uri.
func (s *Service) SessionAt(ctx context.Context, uri string) (Overview, error) {
	m, err := s.store.Membership(ctx, cleanURI(uri), 0)
	if err != nil {
		return Overview{}, fmt.Errorf("find session: %w", err)
	}
	owner, err := ownerOf(ctx, s.store, m.Session)
	if err != nil {
		return Overview{}, err
	}
	members, err := s.store.CountMembers(ctx, m.Session.ID)
	if err != nil {
		return Overview{}, fmt.Errorf("count members: %w", err)
	}
	return Overview{m.Session, owner, members}, nil
}

// ownerOf returns who owns a Session. Of an account that ended only the id is left.
func ownerOf(ctx context.Context, store Store, session Session) (User, error) {
	owner, err := store.User(ctx, session.OwnerID)
	if errors.Is(err, ErrNotFound) {
		return User{ID: session.OwnerID}, nil
	}
	if err != nil {
		return User{}, fmt.Errorf("find owner: %w", err)
	}
	return owner, nil
}

// SessionMembers returns the Members of any Session in the order they joined, beginning
// after the one whose JoinedSeq is `after`.
func (s *Service) SessionMembers(ctx context.Context, uri string, after int64, limit int) ([]Member, error) {
	m, err := s.store.Membership(ctx, cleanURI(uri), 0)
	if err != nil {
		return nil, fmt.Errorf("find session: %w", err)
	}
	members, err := s.store.Members(ctx, m.Session.ID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return members, nil
}

// EventAt returns one Event of any Session, without what was said in it.
func (s *Service) EventAt(ctx context.Context, uri string, seq int64) (Event, error) {
	m, err := s.store.Membership(ctx, cleanURI(uri), 0)
	if err != nil {
		return Event{}, fmt.Errorf("find session: %w", err)
	}
	e, err := s.store.Event(ctx, m.Session.ID, seq)
	if err != nil {
		return Event{}, fmt.Errorf("find event: %w", err)
	}
	e.Body = ""
	return e, nil
}

// NoteReading notes in the audit that an administrator reads what was said in a
// Session, which people do not expect of anybody but Members.
func (s *Service) NoteReading(ctx context.Context, uri string) error {
	o, err := s.SessionAt(ctx, uri)
	if err != nil {
		return err
	}
	_, err = s.administer(ctx, func(tx Store) error {
		return audit(ctx, tx, "session.read", sessionTarget(o.Session), nil, nil)
	})
	return err
}

// These are what the audit tells of changes of a Session.
type (
	auditedTitle struct {
		Title string `json:"title"`
	}
	auditedAccess struct {
		Access Access `json:"access"`
	}
	auditedClosed struct {
		Closed bool `json:"closed"`
	}
	auditedRole struct {
		User string `json:"user"`
		Role Role   `json:"role"`
	}
	auditedMessage struct {
		Seq int64 `json:"seq"`
	}
	auditedSession struct {
		Title    string `json:"title"`
		OwnerID  int64  `json:"ownerId"`
		Messages int64  `json:"messages"`
	}
)
