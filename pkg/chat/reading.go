package chat

import (
	"context"
	"fmt"
)

// MarkRead moves the asker's read position in a Session up to seq. It never goes back:
// what was read stays read. Their other devices are told.
func (s *Service) MarkRead(ctx context.Context, who Identity, uri string, seq int64) error {
	m, err := s.allowed(ctx, who, uri, ActFollow)
	if err != nil {
		return err
	}
	if seq < 0 || seq > m.Session.Head {
		return FieldError("seq", "There is no such event.")
	}
	moved, err := s.store.MoveRead(ctx, m.Session.ID, who.User.ID, seq)
	if err != nil {
		return fmt.Errorf("move read position: %w", err)
	}
	if moved {
		s.notify(who.User, NoticeRead, Event{URI: m.Session.URI, Seq: seq})
	}
	return nil
}

// ReadPosition says how far a Member has read.
type ReadPosition struct {
	UserID int64
	Seq    int64
}

// ReadPositions returns how far the Members of a Session have read, the first
// MembersShown in the order they joined.
func (s *Service) ReadPositions(ctx context.Context, who Identity, uri string) ([]ReadPosition, error) {
	m, err := s.allowed(ctx, who, uri, ActRead)
	if err != nil {
		return nil, err
	}
	members, err := s.store.Members(ctx, m.Session.ID, 0, MembersShown)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	positions := make([]ReadPosition, len(members))
	for i, member := range members {
		positions[i] = ReadPosition{member.User.ID, member.ReadSeq}
	}
	return positions, nil
}

// SetNotify says what the asker wants to hear of in a Session. Their other devices
// are told.
func (s *Service) SetNotify(ctx context.Context, who Identity, uri string, notify Notify) error {
	switch notify {
	case NotifyAll, NotifyMentions, NotifyNone:
	default:
		return FieldError("notify", fmt.Sprintf("%q is not all, mentions or none.", notify))
	}
	m, err := s.allowed(ctx, who, uri, ActFollow)
	if err != nil {
		return err
	}
	changed, err := s.store.SetNotify(ctx, m.Session.ID, who.User.ID, notify)
	if err != nil {
		return fmt.Errorf("set notifications: %w", err)
	}
	if changed {
		s.notify(who.User, NoticeSettings, Event{URI: m.Session.URI})
	}
	return nil
}

// UnreadSessions is what somebody has not read in all their Sessions.
type UnreadSessions struct {
	Messages int64 // in all of them
	Mentions int64
	Sessions []SessionUnread // those with something, the most recently made first
}

// SessionUnread is what somebody has not read in one Session.
type SessionUnread struct {
	URI string
	Unread
}

// maxUnread bounds the Sessions that are counted for one User.
const maxUnread = 10_000

// Unread counts what the asker has not read, in one query over all their Sessions.
func (s *Service) Unread(ctx context.Context, who Identity) (UnreadSessions, error) {
	sessions, err := s.store.Unread(ctx, who.User.ID, maxUnread)
	if err != nil {
		return UnreadSessions{}, fmt.Errorf("count unread: %w", err)
	}
	all := UnreadSessions{Sessions: sessions}
	for _, one := range sessions {
		all.Messages += one.Messages
		all.Mentions += one.Mentions
	}
	return all, nil
}
