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
	return s.changeSession(ctx, who, uri, ActTitle, func(tx Store, session *Session) (Event, error) {
		if session.Title == title {
			return Event{}, errUnchanged
		}
		session.Title = title
		return Event{Type: EventTitle, Body: title}, tx.SetTitle(ctx, session.ID, title)
	})
}

// SetAccess says how people become Members of a Session by themselves. What is so
// already stores nothing.
func (s *Service) SetAccess(ctx context.Context, who Identity, uri string, access Access) (Details, error) {
	if access != AccessLink && access != AccessInvite {
		return Details{}, FieldError("access", fmt.Sprintf("%q is neither link nor invite.", access))
	}
	return s.changeSession(ctx, who, uri, ActAccess, func(tx Store, session *Session) (Event, error) {
		if session.Access == access {
			return Event{}, errUnchanged
		}
		session.Access = access
		return Event{Type: EventAccess, Body: string(access)}, tx.SetAccess(ctx, session.ID, access)
	})
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
	change func(tx Store, session *Session) (Event, error)) (Details, error) {
	var (
		m       Membership
		changed []Event
	)
	err := s.store.InTx(ctx, func(tx Store) (err error) {
		changed = nil
		if m, err = s.locked(ctx, tx, who, uri, action); err != nil {
			return err
		}
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
		return nil
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return Details{}, err
	}
	s.publish(ctx, changed...)
	return s.details(ctx, who, m)
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
