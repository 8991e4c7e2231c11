package django

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// Mover brings what a Source has into an installation. It can be run again: then it
// brings what came since.
type Mover struct {
	Source *Source
	Chat   *chat.Service

	// RenameClashes gives whoever has a name that another account has, or a variant of
	// it, their id behind the name. Without it such a name ends the move before
	// anything is done.
	RenameClashes bool

	Note     func(format string, args ...any) // says what the operator should know
	Progress func(n int)                      // n more messages are there

	users map[int64]chat.User // by their ids in the original
	moved Counts              // what is there now
	fresh Counts              // of moved, what came in this run
}

// Result is how much there is on both sides, and how much of it came in this run.
type Result struct {
	There, Here, New Counts
}

// Run brings over accounts, tokens, sessions with their members, and messages; then it
// reads all messages again on both sides and compares them.
func (m *Mover) Run(ctx context.Context) (Result, error) {
	m.users, m.moved, m.fresh = map[int64]chat.User{}, Counts{}, Counts{}
	there, err := m.Source.Count(ctx)
	if err != nil {
		return Result{}, err
	}
	if err := m.moveUsers(ctx); err != nil {
		return Result{}, err
	}
	if err := m.moveTokens(ctx); err != nil {
		return Result{}, err
	}
	sessions, err := m.Source.sessions(ctx)
	if err != nil {
		return Result{}, err
	}
	for _, s := range sessions {
		if err := m.moveSession(ctx, s); err != nil {
			return Result{}, fmt.Errorf("move session %s: %w", s.uri, err)
		}
	}
	return Result{there, m.moved, m.fresh}, nil
}

// imported returns an account as it will be here.
func (m *Mover) imported(u user) chat.ImportedUser {
	in := chat.ImportedUser{
		Username:  u.username,
		Email:     u.email,
		FirstName: u.first,
		LastName:  u.last,
		Digest:    chat.Secret(u.password),
		Admin:     u.superuser,
		Disabled:  !u.active,
		CreatedAt: u.joined.Time,
		LastSeen:  u.lastLogin.Time,
	}
	_, err := chat.CheckImport(in)
	refused, _ := errors.AsType[*chat.Error](err)
	if refused != nil && refused.Fields["email"] != nil {
		m.Note("The address of %s is none, and is left out.", u.username)
		in.Email = ""
	}
	if refused != nil && refused.Fields["password_digest"] != nil {
		m.Note("The password of %s is kept in a way that is not known here: it must be set anew.", u.username)
		in.Digest = ""
	}
	return in
}

func (m *Mover) moveUsers(ctx context.Context) error {
	var clashes []string
	err := m.Source.users(ctx, func(u user) error {
		in := m.imported(u)
		id := strconv.FormatInt(u.id, 10)
		here, added, err := m.Chat.MoveUser(ctx, id, in)
		if errors.Is(err, chat.ErrUsernameTaken) && m.RenameClashes {
			in.Username += "_" + id
			m.Note("%s is called %s here: another account has the name, or a variant of it.", u.username, in.Username)
			here, added, err = m.Chat.MoveUser(ctx, id, in)
		}
		if errors.Is(err, chat.ErrUsernameTaken) {
			clashes = append(clashes, u.username)
			return nil
		}
		if err != nil {
			return fmt.Errorf("move user %s: %w", u.username, err)
		}
		m.users[u.id] = here
		m.moved.Users++
		count(&m.fresh.Users, added)
		return nil
	})
	if err != nil {
		return err
	}
	if len(clashes) > 0 {
		return chat.Errorf(chat.Conflict, "Other accounts have the names of %d users, or variants of them: %q. Rename those, or say --rename-clashes.",
			len(clashes), clashes[:min(len(clashes), 10)])
	}
	return nil
}

func count(into *int64, one bool) {
	if one {
		*into++
	}
}

func (m *Mover) moveTokens(ctx context.Context) error {
	return m.Source.tokens(ctx, func(t token) error {
		added, err := m.Chat.MoveToken(ctx, m.users[t.user].ID, chat.Secret(t.key), t.created.Time)
		if err != nil {
			return fmt.Errorf("move a token of %s: %w", m.users[t.user].Username, err)
		}
		m.moved.Tokens++
		count(&m.fresh.Tokens, added)
		return nil
	})
}

func (m *Mover) moveSession(ctx context.Context, s session) error {
	here, added, err := m.Chat.MoveSession(ctx, chat.MovedSession{
		ID:        strconv.FormatInt(s.id, 10),
		URI:       s.uri,
		Owner:     m.users[s.owner],
		CreatedAt: s.created.Time,
	})
	if errors.Is(err, chat.ErrNotFound) {
		m.Note("Session %s was moved before, and deleted here since: it is left out.", s.uri)
		return nil
	}
	if err != nil {
		return err
	}
	if added && here.URI != s.uri {
		m.Note("Session %s has the address %s here: its own cannot be one.", s.uri, here.URI)
	}
	m.moved.Sessions++
	m.moved.Members++ // the owner
	count(&m.fresh.Sessions, added)
	count(&m.fresh.Members, added)
	if err := m.moveLog(ctx, s, here.URI); err != nil {
		return err
	}
	if added {
		if err := m.Chat.ReadAll(ctx, here.URI); err != nil {
			return err
		}
	}
	return m.compare(ctx, s, here.URI)
}

// moveLog brings over who joined and what was said, in the order in which it happened.
func (m *Mover) moveLog(ctx context.Context, s session, uri string) error {
	joins, err := m.joins(ctx, s)
	if err != nil {
		return err
	}
	var batch []chat.MovedEvent
	send := func(full int) error {
		if len(batch) < full || len(batch) == 0 {
			return nil
		}
		joined, messages, err := m.Chat.MoveEvents(ctx, uri, batch)
		m.fresh.Members += int64(joined)
		m.fresh.Messages += int64(messages)
		batch = batch[:0]
		return err
	}
	add := func(e chat.MovedEvent) error {
		batch = append(batch, e)
		return send(chat.MaxMoved)
	}
	err = m.Source.messages(ctx, s.id, func(msg message) error {
		for len(joins) > 0 && !joins[0].At.After(msg.sent.Time) {
			if err := add(joins[0]); err != nil {
				return err
			}
			joins = joins[1:]
		}
		if msg.text == "" {
			m.Note("Message %d of session %s has no text, and is left out.", msg.id, s.uri)
			return nil
		}
		return add(chat.MovedEvent{User: m.users[msg.user], At: msg.sent.Time, Key: key(msg.id), Text: msg.text})
	})
	if err != nil {
		return err
	}
	for _, e := range joins {
		if err := add(e); err != nil {
			return err
		}
	}
	return send(1)
}

// joins returns who joined a session beside its owner, each once.
func (m *Mover) joins(ctx context.Context, s session) (joins []chat.MovedEvent, err error) {
	members, err := m.Source.members(ctx, s.id)
	if err != nil {
		return nil, err
	}
	seen := map[int64]bool{s.owner: true}
	for _, member := range members {
		if seen[member.user] {
			continue
		}
		seen[member.user] = true
		m.moved.Members++
		if m.users[member.user].Username == "" {
			continue // deleted here since
		}
		joins = append(joins, chat.MovedEvent{User: m.users[member.user], At: member.joined.Time, Role: chat.RoleMember})
	}
	return joins, nil
}

// key is the client id under which a message is kept here.
func key(id int64) string { return "django-" + strconv.FormatInt(id, 10) }

// compare reads the messages of a session again on both sides.
func (m *Mover) compare(ctx context.Context, s session, uri string) error {
	here := &history{chat: m.Chat, uri: uri}
	return m.Source.messages(ctx, s.id, func(msg message) error {
		if msg.text == "" {
			return nil
		}
		got, err := here.next(ctx)
		if err != nil {
			return err
		}
		sameTime := got.CreatedAt.Sub(msg.sent.Time).Abs() < time.Millisecond // a database may keep no more digits
		sameText := got.Body == msg.text || got.Edited || got.Deleted()
		if *got.ClientID != key(msg.id) || got.User.ID != m.users[msg.user].ID || !sameText || !sameTime {
			return fmt.Errorf("message %d is not the same on both sides", msg.id)
		}
		m.moved.Messages++
		if m.Progress != nil {
			m.Progress(1)
		}
		return nil
	})
}

// history reads the messages of a session that were brought in, one after the other.
type history struct {
	chat  *chat.Service
	uri   string
	after int64
	page  []chat.Event
	more  bool
	begun bool
}

func (h *history) next(ctx context.Context) (chat.Event, error) {
	for {
		if len(h.page) == 0 {
			if h.begun && !h.more {
				return chat.Event{}, errors.New("a message is missing here")
			}
			after := h.after
			result, err := h.chat.History(ctx, chat.Identity{}, h.uri, chat.HistoryPage{After: &after, Limit: chat.MaxPage})
			if err != nil {
				return chat.Event{}, err
			}
			h.page, h.more, h.begun = result.Messages, result.More, true
			if len(h.page) == 0 {
				continue
			}
			h.after = h.page[len(h.page)-1].Seq
		}
		e := h.page[0]
		h.page = h.page[1:]
		if e.ClientID != nil && len(*e.ClientID) > len("django-") && (*e.ClientID)[:len("django-")] == "django-" {
			return e, nil
		}
	}
}
