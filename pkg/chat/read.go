package chat

import (
	"context"
	"fmt"
)

const (
	// MaxPage bounds a page of Messages or Events by count.
	MaxPage = 200

	// maxPageBytes bounds it by text.
	maxPageBytes = 1 << 20

	// Oldest is the lowest Seq that is retained. Nothing is removed yet.
	Oldest = 1
)

// allowed returns the Session if the asker may do this in it.
func (s *Service) allowed(ctx context.Context, who Identity, uri string, action Action) (Membership, error) {
	m, err := s.store.Membership(ctx, cleanURI(uri), who.User.ID)
	if err != nil {
		return Membership{}, fmt.Errorf("find session: %w", err)
	}
	m = administered(ctx, m)
	return m, s.policy.authorize(m, action)
}

// administered returns how an administrator stands to a Session: as its owner.
func administered(ctx context.Context, m Membership) Membership {
	if _, administers := adminOf(ctx); administers {
		m.Role = RoleOwner
	}
	return m
}

// locked is allowed under the Session's lock, which is held until tx ends.
func (s *Service) locked(ctx context.Context, tx Store, who Identity, uri string, action Action) (Membership, error) {
	session, err := tx.LockSession(ctx, cleanURI(uri))
	if err != nil {
		return Membership{}, fmt.Errorf("lock session: %w", err)
	}
	m, err := tx.Membership(ctx, session.URI, who.User.ID)
	if err != nil {
		return Membership{}, fmt.Errorf("find membership: %w", err)
	}
	m = administered(ctx, m)
	return m, s.policy.authorize(m, action)
}

// HistoryResult is a page of Messages.
type HistoryResult struct {
	Session  Session
	Messages []Event // ascending
	More     bool    // others lie beyond: older ones, or newer ones after an After
}

// History returns a page of a Session's Messages to a Member.
func (s *Service) History(ctx context.Context, who Identity, uri string, page HistoryPage) (HistoryResult, error) {
	m, err := s.allowed(ctx, who, uri, ActRead)
	if err != nil {
		return HistoryResult{}, err
	}
	page.Limit = min(page.Limit, MaxPage)
	messages, more, err := s.store.History(ctx, m.Session.ID, page, maxPageBytes)
	if err != nil {
		return HistoryResult{}, fmt.Errorf("read history: %w", err)
	}
	return HistoryResult{Session: m.Session, Messages: messages, More: more}, nil
}

// LogResult is a piece of a Session's Log.
type LogResult struct {
	Session Session
	Epoch   string
	Oldest  int64
	Events  []Event // ascending, without gaps
	More    bool    // there are newer ones
}

// EventLog returns the Events after a Seq to a Member.
func (s *Service) EventLog(ctx context.Context, who Identity, uri string, after int64, limit int) (LogResult, error) {
	m, err := s.allowed(ctx, who, uri, ActRead)
	if err != nil {
		return LogResult{}, err
	}
	epoch, err := s.store.Epoch(ctx)
	if err != nil {
		return LogResult{}, fmt.Errorf("read epoch: %w", err)
	}
	piece := Range{SessionID: m.Session.ID, After: after, Limit: min(limit, MaxPage)}
	events, err := s.store.ReadLog(ctx, []Range{piece}, maxPageBytes)
	if err != nil {
		return LogResult{}, fmt.Errorf("read log: %w", err)
	}
	reached := after
	if len(events) > 0 {
		reached = events[len(events)-1].Seq
	}
	return LogResult{
		Session: m.Session,
		Epoch:   epoch,
		Oldest:  Oldest,
		Events:  events,
		More:    reached < m.Session.Head,
	}, nil
}

// Watchable returns those of the uris whose Sessions the User may watch, as they
// are now.
func (s *Service) Watchable(ctx context.Context, userID int64, uris []string) (map[string]Membership, error) {
	clean := make([]string, len(uris))
	for i, uri := range uris {
		clean[i] = cleanURI(uri)
	}
	memberships, err := s.store.Memberships(ctx, userID, clean)
	if err != nil {
		return nil, fmt.Errorf("find memberships: %w", err)
	}
	watchable := make(map[string]Membership, len(memberships))
	for _, m := range memberships {
		if s.policy.authorize(m, ActRead) == nil {
			watchable[m.Session.URI] = m
		}
	}
	return watchable, nil
}

// publish hands committed Events to the publisher.
func (s *Service) publish(ctx context.Context, events ...Event) {
	if len(events) == 0 {
		return
	}
	causes := make([]Cause, len(events))
	for i := range causes {
		causes[i] = CauseOf(ctx)
	}
	s.publisher.PublishEvents(events, causes)
}

// notify tells all connections of a User of something that an Event did to them.
func (s *Service) notify(user User, notice Notice, e Event) {
	s.publisher.PublishControl(Control{
		Kind:   ControlNotice,
		UserID: user.ID,
		Notice: notice,
		URI:    e.URI,
		Seq:    e.Seq,
	})
}
