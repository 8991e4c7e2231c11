package chat

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errUnchanged ends a change of what is that way already: nothing is stored, and the
// asker is told that all is well.
var errUnchanged = errors.New("nothing changes")

var errMessageDeleted = Errorf(Conflict, "This message was deleted.")

// changeMessage is the one way in which a Message changes. Under the Session's lock
// change looks at the Message and returns it as it will be, with the Type of the Event
// that says so; or errUnchanged.
func (s *Service) changeMessage(ctx context.Context, who Identity, uri string, seq int64,
	change func(tx Store, m Membership, message Event) (Event, error)) error {
	_, err := s.changedMessage(ctx, who, uri, seq, change)
	return err
}

// changedMessage is changeMessage, and returns the Message as it is then.
func (s *Service) changedMessage(ctx context.Context, who Identity, uri string, seq int64,
	change func(tx Store, m Membership, message Event) (Event, error)) (Event, error) {
	var message, event Event
	kept, err := s.administer(ctx, func(tx Store) error {
		m, err := s.locked(ctx, tx, who, uri, ActRead)
		if err != nil {
			return err
		}
		if message, err = findMessage(ctx, tx, m.Session, seq); err != nil {
			return err
		}
		changed, err := change(tx, m, message)
		if err != nil {
			return err
		}
		if event, err = tx.Append(ctx, changeOf(changed, who.User)); err != nil {
			return fmt.Errorf("append the change: %w", err)
		}
		kind := message.Type
		message, message.Type = changed, kind
		message.Rev = event.Seq
		if err := tx.SetMessage(ctx, message); err != nil {
			return err
		}
		return audit(ctx, tx, "message."+string(event.Type), sessionTarget(m.Session), auditedMessage{seq}, nil)
	})
	if errors.Is(err, errUnchanged) {
		return message, nil
	}
	if err != nil {
		return Event{}, err
	}
	if kept {
		s.publish(ctx, event)
	}
	return message, nil
}

// changeOf returns the Event that says that a Message is now as it is.
func changeOf(message Event, actor User) Event {
	return Event{
		SessionID: message.SessionID,
		URI:       message.URI,
		Type:      message.Type,
		User:      actor,
		Target:    message.Seq,
		Body:      message.Body,
		Mentions:  message.Mentions,
		Reactions: message.Reactions,
		Edited:    message.Edited,
	}
}

// findMessage returns the Message with this seq; other Events are not found.
func findMessage(ctx context.Context, store LogStore, session Session, seq int64) (Event, error) {
	e, err := store.Event(ctx, session.ID, seq)
	if err != nil {
		return Event{}, fmt.Errorf("find message: %w", err)
	}
	if e.Type != EventMessage {
		return Event{}, ErrNotFound
	}
	return e, nil
}

// Message returns one Message to a Member.
func (s *Service) Message(ctx context.Context, who Identity, uri string, seq int64) (Event, error) {
	m, err := s.allowed(ctx, who, uri, ActRead)
	if err != nil {
		return Event{}, err
	}
	return findMessage(ctx, s.store, m.Session, seq)
}

// EditMessage gives a Message another text and returns it. Its author may do so for
// a while after it was sent. The text that it has already stores nothing.
func (s *Service) EditMessage(ctx context.Context, who Identity, uri string, seq int64, text string) (Event, error) {
	if complaint := checkText(text); complaint != "" {
		return Event{}, FieldError("message", complaint)
	}
	return s.changedMessage(ctx, who, uri, seq, func(tx Store, m Membership, message Event) (Event, error) {
		if message.User.ID != who.User.ID {
			return Event{}, ErrForbidden
		}
		if err := s.policy.authorize(m, ActEdit); err != nil {
			return Event{}, err
		}
		switch {
		case message.Deleted():
			return Event{}, errMessageDeleted
		case message.Body == text:
			return Event{}, errUnchanged
		}
		if err := s.stillOpen(ctx, tx, message); err != nil {
			return Event{}, err
		}
		mentions, err := mentioned(ctx, tx, m.Session.ID, text)
		if err != nil {
			return Event{}, err
		}
		message.Type, message.Body, message.Mentions, message.Edited = EventEdited, text, mentions, true
		return message, nil
	})
}

// DeleteMessage takes a Message's text back, with all that hangs on it; its place in
// the Log stays. Its author may do so for a while after it was sent, the owner and
// moderators at any time. Deleting it again stores nothing.
func (s *Service) DeleteMessage(ctx context.Context, who Identity, uri string, seq int64) error {
	return s.changeMessage(ctx, who, uri, seq, func(tx Store, m Membership, message Event) (Event, error) {
		if err := s.mayDelete(ctx, tx, who, m, message); err != nil {
			return Event{}, err
		}
		if message.Deleted() {
			return Event{}, errUnchanged
		}
		if err := tx.ClearReactions(ctx, m.Session.ID, seq); err != nil {
			return Event{}, fmt.Errorf("clear reactions: %w", err)
		}
		message.Type, message.Body, message.Mentions, message.Reactions = EventDeleted, "", nil, nil
		return message, nil
	})
}

// mayDelete says whether somebody may delete a Message.
func (s *Service) mayDelete(ctx context.Context, tx Store, who Identity, m Membership, message Event) error {
	moderates := s.policy.authorize(m, ActModerate)
	if moderates == nil || message.User.ID != who.User.ID {
		return moderates
	}
	if err := s.policy.authorize(m, ActDelete); err != nil {
		return err
	}
	if message.Deleted() {
		return nil
	}
	return s.stillOpen(ctx, tx, message)
}

// stillOpen says whether an author may still change a Message.
func (s *Service) stillOpen(ctx context.Context, tx Store, message Event) error {
	if s.editWindow == 0 {
		return nil
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	if now.Sub(message.CreatedAt) > s.editWindow {
		return Errorf(Forbidden, "A message can be changed for %s after it was sent.", spell(s.editWindow))
	}
	return nil
}

// spell writes a duration as people say it: in its largest whole unit.
func spell(d time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}} {
		switch n := d / unit.size; {
		case d%unit.size != 0 || n == 0:
		case n == 1:
			return "1 " + unit.name
		default:
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return fmt.Sprintf("%d seconds", int64(d.Seconds()))
}
