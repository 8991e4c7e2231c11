package chat

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// purgeEvery is how often it is looked for Sessions whose Logs are to be cleared
	// away, and purgeEvents how many Events go in one transaction.
	purgeEvery  = 10 * time.Second
	purgeEvents = 1000

	// toldTogether is how many Users one Control names.
	toldTogether = 1000
)

// EraseSession deletes a Session: from then on there is none with this uri, for
// anybody. Its Members are told; its texts are cleared away soon after.
func (s *Service) EraseSession(ctx context.Context, who Identity, uri string) error {
	var (
		session Session
		members []int64
	)
	kept, err := s.administer(ctx, func(tx Store) error {
		m, err := s.locked(ctx, tx, who, uri, ActErase)
		if err != nil {
			return err
		}
		session = m.Session
		if members, err = tx.EraseSession(ctx, session.ID); err != nil {
			return err
		}
		was := auditedSession{session.Title, session.OwnerID, session.LastOrdinal}
		return audit(ctx, tx, "session.delete", sessionTarget(session), was, nil)
	})
	if err != nil {
		return fmt.Errorf("erase session: %w", err)
	}
	if !kept {
		return nil
	}
	s.publisher.PublishControl(Control{Kind: ControlErased, URI: session.URI})
	for some := range slices.Chunk(members, toldTogether) {
		s.publisher.PublishControl(Control{Kind: ControlNotice, UserIDs: some, Notice: NoticeRemoved, URI: session.URI})
	}
	for _, id := range members {
		s.known.seen.Remove(memberKey{session.URI, id})
	}
	return nil
}

// purge clears deleted Sessions away until ctx ends, a piece at a time. Any process
// may do it, also several at once.
func (s *Service) purge(ctx context.Context) error {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		for more := true; more && ctx.Err() == nil; {
			var err error
			more, err = s.store.Purge(ctx, purgeEvents)
			if err != nil {
				s.log.Warn("clear a deleted session away", "error", err)
				break
			}
		}
	}
}
