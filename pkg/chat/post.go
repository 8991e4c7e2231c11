package chat

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2"
)

// membersKnown bounds the cache of memberships: about 100 bytes each.
const membersKnown = 1 << 16

// members remembers who was seen to be a Member, so that a post needs no look
// before the transaction, which decides. It is never asked whether somebody is
// not a Member, and a wrong yes does no harm.
type members struct {
	seen *lru.Cache[memberKey, Session]
}

type memberKey struct {
	uri    string
	userID int64
}

func newMembers() *members {
	seen, err := lru.New[memberKey, Session](membersKnown)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &members{seen}
}

// CheckSession returns ErrNotFound if there is no Session with this uri. Posting
// asks it before it complains about a body that cannot be read.
func (s *Service) CheckSession(ctx context.Context, who Identity, uri string) error {
	_, err := s.postable(ctx, who, uri)
	return err
}

// Post is a Message as somebody sends it.
type Post struct {
	Text     string
	ClientID *string // nil: a retry cannot be told from a second Message
	ReplyTo  *int64  // the Seq of the Message that it answers; nil if none
}

// PostMessage stores a Message and returns it as an Event. A retry, known by its
// ClientID, returns what is stored, with its newest text. The checks run in the
// order that the protocol states, so that the answer to a retry settles it:
// Session, body, ClientID, membership, closed.
func (s *Service) PostMessage(ctx context.Context, who Identity, uri string, p Post) (Event, error) {
	m, err := s.postable(ctx, who, uri)
	if err != nil {
		return Event{}, err
	}
	if err := checkPost(p.Text, p.ClientID); err != nil {
		return Event{}, err
	}
	draft := Draft{
		SessionID: m.Session.ID,
		UserID:    who.User.ID,
		ClientID:  p.ClientID,
		Body:      p.Text,
		Sum:       SumOf(p.Text),
	}
	if m.Role == stranger {
		return s.retried(ctx, m, draft)
	}
	if draft.ReplyTo, err = s.replied(ctx, m.Session, p); err != nil {
		return Event{}, err
	}
	if draft.Mentions, err = mentioned(ctx, s.store, m.Session.ID, p.Text); err != nil {
		return Event{}, err
	}
	e := Event{
		SessionID: m.Session.ID,
		URI:       m.Session.URI,
		Type:      EventMessage,
		User:      who.User,
		Body:      p.Text,
		ClientID:  p.ClientID,
		Target:    draft.ReplyTo,
		Mentions:  draft.Mentions,
	}
	outcome, err := s.appender.Post(ctx, draft, e)
	if err != nil {
		return Event{}, err
	}
	return s.posted(ctx, e, outcome)
}

// replied returns the Seq of the Message that a post replies to, 0 if it is no reply.
// That a Seq is a Message's never changes, so it is looked at before the transaction.
func (s *Service) replied(ctx context.Context, session Session, p Post) (int64, error) {
	if p.ReplyTo == nil {
		return 0, nil
	}
	_, err := findMessage(ctx, s.store, session, *p.ReplyTo)
	if errors.Is(err, ErrNotFound) {
		return 0, FieldError("reply_to", "There is no such message.")
	}
	return *p.ReplyTo, err
}

// postable returns the Session and whether the user may be a Member of it.
func (s *Service) postable(ctx context.Context, who Identity, uri string) (Membership, error) {
	key := memberKey{cleanURI(uri), who.User.ID}
	if session, ok := s.known.seen.Get(key); ok {
		return Membership{Session: session, Role: RoleMember}, nil
	}
	m, err := s.store.Membership(ctx, key.uri, key.userID)
	if err != nil {
		return Membership{}, fmt.Errorf("find session: %w", err)
	}
	if m.Role != "" {
		s.known.seen.Add(key, m.Session)
	}
	return m, nil
}

// posted turns the outcome of a post into the answer.
func (s *Service) posted(ctx context.Context, e Event, o Outcome) (Event, error) {
	switch o.Verdict {
	case Stored:
		return o.number(e), nil
	case Known:
		stored, err := s.store.Event(ctx, e.SessionID, o.Seq)
		if err != nil {
			return Event{}, fmt.Errorf("find the stored message: %w", err)
		}
		return stored, nil
	case Clashed:
		return Event{}, errClientIDTaken
	case Shut:
		return Event{}, ErrClosed
	case Mute:
		return Event{}, ErrForbidden
	default:
		s.known.seen.Remove(memberKey{e.URI, e.User.ID})
		return Event{}, ErrNotFound
	}
}

// retried answers a post of somebody who is no Member: a retry of what was stored
// while they were one gets the stored answer.
func (s *Service) retried(ctx context.Context, m Membership, d Draft) (Event, error) {
	if d.ClientID == nil {
		return Event{}, ErrNotFound
	}
	e, sum, err := s.store.MessageByClientID(ctx, m.Session.ID, d.UserID, *d.ClientID)
	switch {
	case err != nil:
		return Event{}, err // ErrNotFound for what was never stored
	case sum != d.Sum:
		return Event{}, errClientIDTaken
	}
	return e, nil
}

// errClientIDTaken is the answer to another text under a ClientID that was used.
var errClientIDTaken error = &Error{
	Code:   Conflict,
	Fields: map[string][]string{"client_id": {"This client_id was used for another message."}},
}

// checkPost returns all complaints about a post at once.
func checkPost(text string, clientID *string) error {
	fields := map[string][]string{}
	if complaint := checkText(text); complaint != "" {
		fields["message"] = []string{complaint}
	}
	if err := checkClientID(clientID); err != nil {
		fields["client_id"] = []string{clientIDRule}
	}
	if len(fields) > 0 {
		return &Error{Code: Invalid, Fields: fields}
	}
	return nil
}

// checkText returns what is wrong with a Message's text, "" if nothing.
func checkText(text string) string {
	switch {
	case !utf8.ValidString(text):
		return "Not a valid string."
	case strings.ContainsRune(text, 0):
		return "Null characters are not allowed."
	case strings.TrimFunc(text, unicode.IsSpace) == "":
		return "This field may not be blank."
	case utf8.RuneCountInString(text) > MaxMessage:
		return fmt.Sprintf("Ensure this field has no more than %d characters.", MaxMessage)
	}
	return ""
}

var clientIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

const clientIDRule = "Enter 1 to 64 letters, digits, - or _."

// checkClientID accepts nil and 1 to 64 of [A-Za-z0-9_-].
func checkClientID(id *string) error {
	if id == nil {
		return nil
	}
	if !clientIDPattern.MatchString(*id) {
		return FieldError("client_id", clientIDRule)
	}
	return nil
}
