package chat

import (
	"context"
	"fmt"
)

const (
	// MaxEmojis bounds the different emojis under one Message.
	MaxEmojis = 20

	// ReactorsShown is how many of those who gave one emoji a Reaction names.
	ReactorsShown = 50
)

// Reaction is one emoji under a Message.
type Reaction struct {
	Emoji string  `json:"emoji"`
	Count int64   `json:"count"`
	Users []int64 `json:"users"` // the first ReactorsShown who gave it and are left
}

// React puts an emoji under a Message in the asker's name, or takes it away. A Member
// gives each emoji once: asking for what is there already stores nothing.
func (s *Service) React(ctx context.Context, who Identity, uri string, seq int64, emoji string, give bool) error {
	emoji, ok := cleanEmoji(emoji)
	if !ok {
		return FieldError("emoji", "This is not an emoji.")
	}
	return s.changeMessage(ctx, who, uri, seq, func(tx Store, m Membership, message Event) (Event, error) {
		if err := s.policy.authorize(m, ActReact); err != nil {
			return Event{}, err
		}
		if message.Deleted() {
			if !give {
				return Event{}, errUnchanged
			}
			return Event{}, errMessageDeleted
		}
		changed, err := react(ctx, tx, who.User.ID, message, m.Session.Head+1, emoji, give)
		if err != nil {
			return Event{}, err
		}
		if !changed {
			return Event{}, errUnchanged
		}
		if message.Reactions, err = tx.Reactions(ctx, m.Session.ID, seq); err != nil {
			return Event{}, fmt.Errorf("read reactions: %w", err)
		}
		if len(message.Reactions) > MaxEmojis {
			return Event{}, errTooManyEmojis
		}
		message.Type = EventReacted
		return message, nil
	})
}

func react(ctx context.Context, tx Store, userID int64, message Event, since int64, emoji string, give bool) (changed bool, err error) {
	if give {
		changed, err = tx.AddReaction(ctx, message.SessionID, message.Seq, userID, emoji, since)
	} else {
		changed, err = tx.RemoveReaction(ctx, message.SessionID, message.Seq, userID, emoji)
	}
	if err != nil {
		return false, fmt.Errorf("change a reaction: %w", err)
	}
	return changed, nil
}

var errTooManyEmojis = Errorf(Conflict, "A message has at most %d different emojis.", MaxEmojis)
