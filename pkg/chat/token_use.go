package chat

import (
	"context"
	"log/slog"
	"time"
)

const (
	// usesWaiting bounds the uses that wait to be written. More are dropped: the
	// next use of the token comes to the same.
	usesWaiting = 1024

	// useNoted is how exactly the last use of a token is kept.
	useNoted = time.Hour

	// touchTimeout bounds one write.
	touchTimeout = 5 * time.Second
)

// tokenUses writes down when tokens were used, in nobody's way.
type tokenUses struct {
	store Store
	log   *slog.Logger
	used  chan int64
}

func newTokenUses(store Store, log *slog.Logger) *tokenUses {
	return &tokenUses{store: store, log: log, used: make(chan int64, usesWaiting)}
}

// note has the use written if the last one that is written is an hour old. Here
// our clock is good enough: a wrong one writes too often or too late.
func (u *tokenUses) note(t Token) {
	if time.Since(t.LastUsed) < useNoted {
		return
	}
	select {
	case u.used <- t.ID:
	default:
	}
}

// run writes uses until ctx ends. What still waits then is dropped.
func (u *tokenUses) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-u.used:
			u.touch(ctx, id)
		}
	}
}

func (u *tokenUses) touch(ctx context.Context, tokenID int64) {
	ctx, cancel := context.WithTimeout(ctx, touchTimeout)
	defer cancel()
	if err := u.store.TouchToken(ctx, tokenID); err != nil {
		u.log.Warn("the use of a token was not noted", "token_id", tokenID, "error", err)
	}
}
