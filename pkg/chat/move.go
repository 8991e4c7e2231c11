package chat

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// These verbs bring in what another installation has: its tokens, its Sessions and what
// was said in them. Each can be asked again, and brings only what is not there yet.

// KindMovedUser and KindMovedSession are under which is noted what was brought in, by its
// id in the other installation.
const (
	KindMovedUser    DocumentKind = "moved-user"
	KindMovedSession DocumentKind = "moved-session"
)

// MoveStore stores what comes with numbers and times of its own.
type MoveStore interface {
	// MoveToken stores a token that another installation made, and says whether it was
	// not there. It lives from now on for its Idle without being used.
	MoveToken(ctx context.Context, t Token, digest Digest) (added bool, err error)

	// MoveSession stores a Session with its uri and owner that was made at a time. A uri
	// that is taken is ErrDuplicate.
	MoveSession(ctx context.Context, session Session) (Session, error)

	// MoveEvents stores Events of a locked Session, which have their numbers and times,
	// and moves its Head.
	MoveEvents(ctx context.Context, session Session, events []Event) error

	// KnownMessages returns those of the client ids that Messages of a Session have.
	KnownMessages(ctx context.Context, sessionID int64, clientIDs []string) ([]string, error)
}

// MoveUser makes the account that had an id elsewhere, or finds the one that was made of
// it before. added says that it is new.
func (s *Service) MoveUser(ctx context.Context, id string, u ImportedUser) (user User, added bool, err error) {
	row, err := CheckImport(u)
	if err != nil {
		return User{}, false, err
	}
	_, err = s.administer(ctx, func(tx Store) error {
		user, added = User{}, false
		known, err := tx.Applied(ctx, KindMovedUser, id)
		if err == nil {
			var userID int64
			if _, err := fmt.Sscan(known.Ref, &userID); err != nil {
				return fmt.Errorf("read the id of a user: %w", err)
			}
			user, err = tx.User(ctx, userID)
			if errors.Is(err, ErrNotFound) { // deleted since; what they said still has an author
				user, err = User{ID: userID}, nil
			}
			return err
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		ids, err := tx.ImportUsers(ctx, []User{row})
		if err != nil {
			return err
		}
		if ids[0] == 0 {
			return ErrUsernameTaken
		}
		row.ID, added = ids[0], true
		user = row
		if err := tx.SetApplied(ctx, Applied{Kind: KindMovedUser, Name: id, Collection: movedCollection, Ref: formatRef(row.ID)}); err != nil {
			return err
		}
		return audit(ctx, tx, "user.move", userTarget(row), nil, auditedUserOf(row))
	})
	return user, added, err
}

// movedCollection is of no document that anybody applies.
const movedCollection = "\x01moved"

// MovedLabel is what tokens are called that were brought in.
const MovedLabel = "moved over"

// MoveToken brings in a token with its secret, and says whether it was not there.
func (s *Service) MoveToken(ctx context.Context, userID int64, secret Secret, created time.Time) (added bool, err error) {
	if !isTokenSecret(secret) {
		return false, FieldError("secret", "This is no token.")
	}
	_, err = s.administer(ctx, func(tx Store) error {
		token := Token{UserID: userID, Label: MovedLabel, Idle: TokenIdle, CreatedAt: created}
		added, err = tx.MoveToken(ctx, token, DigestOf(secret))
		return err
	})
	return added, err
}

// MovedSession is a Session of another installation.
type MovedSession struct {
	ID        string // there
	URI       string // it gets another one if this cannot be kept
	Owner     User
	CreatedAt time.Time
}

// MoveSession makes a Session, with its owner in it, or finds the one that was made of it
// before. added says that it is new.
func (s *Service) MoveSession(ctx context.Context, m MovedSession) (session Session, added bool, err error) {
	_, err = s.administer(ctx, func(tx Store) error {
		added = false
		known, err := tx.Applied(ctx, KindMovedSession, m.ID)
		if err == nil {
			session, err = tx.LockSession(ctx, known.Ref)
			return err
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		uri := m.URI
		if _, err := tx.Membership(ctx, uri, 0); cleanURI(uri) != uri || err == nil {
			uri = newURI() // malformed, or somebody else's
		}
		session, err = tx.MoveSession(ctx, Session{URI: uri, OwnerID: m.Owner.ID, CreatedAt: m.CreatedAt})
		if err != nil {
			return fmt.Errorf("create session: %w", err)
		}
		added = true
		if err := tx.SetApplied(ctx, Applied{Kind: KindMovedSession, Name: m.ID, Collection: movedCollection, Ref: uri}); err != nil {
			return err
		}
		joined := MovedEvent{User: m.Owner, At: m.CreatedAt, Role: RoleOwner}
		if err := s.moveEvents(ctx, tx, session, []MovedEvent{joined}); err != nil {
			return err
		}
		return audit(ctx, tx, "session.move", sessionTarget(session), nil, auditedRole{m.Owner.Username, RoleOwner})
	})
	if err != nil {
		return Session{}, false, err
	}
	return session, added, nil
}

// MovedEvent is something that happened in a Session elsewhere: somebody joined, if there
// is a Role, or said something.
type MovedEvent struct {
	User User
	At   time.Time
	Role Role
	Key  string // what tells a message from all others; a client id
	Text string
}

// MaxMoved bounds how many events are brought in at once.
const MaxMoved = 500

// MoveEvents brings in what happened in a Session, in its order, and says how many joined
// and how many messages there are that were not there. What is brought in later than
// others is numbered behind them. Who was brought in has read all that was.
func (s *Service) MoveEvents(ctx context.Context, uri string, events []MovedEvent) (joined, messages int, err error) {
	_, err = s.administer(ctx, func(tx Store) error {
		session, err := tx.LockSession(ctx, uri)
		if err != nil {
			return fmt.Errorf("lock session: %w", err)
		}
		fresh, err := s.unmoved(ctx, tx, session, events)
		if err != nil {
			return err
		}
		joined, messages = 0, 0
		for _, e := range fresh {
			if e.Role != "" {
				joined++
			} else {
				messages++
			}
		}
		return s.moveEvents(ctx, tx, session, fresh)
	})
	return joined, messages, err
}

// unmoved returns those events that are not there yet.
func (s *Service) unmoved(ctx context.Context, tx Store, session Session, events []MovedEvent) ([]MovedEvent, error) {
	var keys []string
	for _, e := range events {
		if e.Role == "" {
			keys = append(keys, e.Key)
		}
	}
	known, err := tx.KnownMessages(ctx, session.ID, keys)
	if err != nil {
		return nil, fmt.Errorf("look for messages: %w", err)
	}
	there := map[string]bool{}
	for _, key := range known {
		there[key] = true
	}
	var fresh []MovedEvent
	in := map[int64]bool{}
	for _, e := range events {
		if e.Role == "" {
			if !there[e.Key] {
				fresh = append(fresh, e)
			}
			continue
		}
		switch _, err := tx.Member(ctx, session.ID, e.User.ID); {
		case errors.Is(err, ErrNotFound) && !in[e.User.ID]:
			fresh, in[e.User.ID] = append(fresh, e), true
		case err != nil && !errors.Is(err, ErrNotFound):
			return nil, fmt.Errorf("find member: %w", err)
		}
	}
	return fresh, nil
}

// moveEvents numbers events and stores them in a locked Session.
func (s *Service) moveEvents(ctx context.Context, tx Store, session Session, moved []MovedEvent) error {
	if len(moved) == 0 {
		return nil
	}
	events := make([]Event, len(moved))
	seq, ordinal := session.Head, session.LastOrdinal
	for i, m := range moved {
		seq++
		e := Event{SessionID: session.ID, URI: session.URI, Seq: seq, Rev: seq, User: m.User, CreatedAt: m.At}
		if m.Role != "" {
			e.Type, e.Member, e.Role = EventJoined, &moved[i].User, m.Role
		} else {
			ordinal++
			e.Type, e.Body, e.ClientID = EventMessage, m.Text, &moved[i].Key
		}
		e.Ordinal = ordinal
		events[i] = e
	}
	if err := tx.MoveEvents(ctx, session, events); err != nil {
		return fmt.Errorf("store what was brought in: %w", err)
	}
	for _, e := range events {
		if e.Type != EventJoined {
			continue
		}
		if err := tx.AddMember(ctx, session.ID, e.User.ID, e.Role, e.Seq); err != nil {
			return fmt.Errorf("add member: %w", err)
		}
	}
	return nil
}

// ReadAll marks a Session as read for all Members whose membership was brought in, so
// that nobody finds years of it unread.
func (s *Service) ReadAll(ctx context.Context, uri string) error {
	_, err := s.administer(ctx, func(tx Store) error {
		session, err := tx.LockSession(ctx, uri)
		if err != nil {
			return fmt.Errorf("lock session: %w", err)
		}
		for after, more := int64(0), true; more; {
			members, err := tx.Members(ctx, session.ID, after, MembersShown)
			if err != nil {
				return fmt.Errorf("list members: %w", err)
			}
			for _, m := range members {
				if _, err := tx.MoveRead(ctx, session.ID, m.User.ID, session.Head); err != nil {
					return fmt.Errorf("move read position: %w", err)
				}
				after = m.JoinedSeq
			}
			more = len(members) == MembersShown
		}
		return nil
	})
	return err
}
