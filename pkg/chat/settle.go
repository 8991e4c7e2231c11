package chat

import (
	"context"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// SetTitle gives a Session a title of up to MaxTitle characters; "" takes it away.
// The title that it has already stores nothing.
func (s *Service) SetTitle(ctx context.Context, who Identity, uri, title string) (Details, error) {
	if err := checkTitle(title); err != nil {
		return Details{}, err
	}
	m, err := s.changeSession(ctx, who, uri, ActTitle, func(tx Store, session *Session) (Event, error) {
		if session.Title == title {
			return Event{}, errUnchanged
		}
		session.Title = title
		return Event{Type: EventTitle, Body: title}, tx.SetTitle(ctx, session.ID, title)
	})
	if err != nil {
		return Details{}, err
	}
	return s.details(ctx, who, m)
}

// SetAccess says how people become Members of a Session by themselves. What is so
// already stores nothing.
func (s *Service) SetAccess(ctx context.Context, who Identity, uri string, access Access) (Details, error) {
	if access != AccessLink && access != AccessInvite {
		return Details{}, FieldError("access", fmt.Sprintf("%q is neither link nor invite.", access))
	}
	m, err := s.changeSession(ctx, who, uri, ActAccess, func(tx Store, session *Session) (Event, error) {
		if session.Access == access {
			return Event{}, errUnchanged
		}
		session.Access = access
		return Event{Type: EventAccess, Body: string(access)}, tx.SetAccess(ctx, session.ID, access)
	})
	if err != nil {
		return Details{}, err
	}
	return s.details(ctx, who, m)
}

// CloseSession lets nothing more be posted in a Session; its history stays readable.
// Closing it again stores nothing.
func (s *Service) CloseSession(ctx context.Context, who Identity, uri string) error {
	_, err := s.changeSession(ctx, who, uri, ActClose, func(tx Store, session *Session) (Event, error) {
		if session.ClosedAt != nil {
			return Event{}, errUnchanged
		}
		return Event{Type: EventClosed}, tx.CloseSession(ctx, session.ID)
	})
	return err
}

// changeSession is the one way in which a Session itself changes. Under its lock
// change makes the change and returns what the Event says; or errUnchanged.
func (s *Service) changeSession(ctx context.Context, who Identity, uri string, action Action,
	change func(tx Store, session *Session) (Event, error)) (Membership, error) {
	var (
		m       Membership
		changed []Event
	)
	kept, err := s.administer(ctx, func(tx Store) (err error) {
		changed = nil
		if m, err = s.locked(ctx, tx, who, uri, action); err != nil {
			return err
		}
		was := m.Session
		event, err := change(tx, &m.Session)
		if err != nil {
			return err
		}
		event.SessionID, event.URI, event.User = m.Session.ID, m.Session.URI, who.User
		if event, err = tx.Append(ctx, event); err != nil {
			return fmt.Errorf("append the change: %w", err)
		}
		m.Session.Head = event.Seq
		changed = []Event{event}
		return auditSession(ctx, tx, was, event)
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return Membership{}, err
	}
	if kept {
		s.publish(ctx, changed...)
	}
	return m, nil
}

// auditSession notes what an administrator changed about a Session.
func auditSession(ctx context.Context, tx Store, was Session, event Event) error {
	target := sessionTarget(was)
	switch event.Type {
	case EventTitle:
		return audit(ctx, tx, "session.title", target, auditedTitle{was.Title}, auditedTitle{event.Body})
	case EventAccess:
		return audit(ctx, tx, "session.access", target, auditedAccess{was.Access}, auditedAccess{Access(event.Body)})
	default:
		return audit(ctx, tx, "session.close", target, auditedClosed{false}, auditedClosed{true})
	}
}

func checkTitle(title string) error {
	for _, r := range title {
		if r == utf8.RuneError || r != '\u200d' && unicode.IsControl(r) {
			return FieldError("title", "Control characters are not allowed.")
		}
	}
	if utf8.RuneCountInString(title) > MaxTitle {
		return FieldError("title", fmt.Sprintf("Ensure this field has no more than %d characters.", MaxTitle))
	}
	return nil
}
