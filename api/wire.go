package api

import (
	"github.com/chatire/chatire/pkg/chat"
)

// success is what the original says in the status of every answer.
const success = "SUCCESS"

// seenBy is a User as another one sees them; an e-mail address is shown to its
// owner only.
func seenBy(who chat.Identity, u chat.User) chat.PublicUser {
	shown := u.Public()
	if u.ID == who.User.ID {
		shown.Email = who.User.Email
	}
	return shown
}

// messageJSON is a Message as it is now. All keys are always there.
type messageJSON struct {
	ID          int64           `json:"id"` // equals Seq
	Seq         int64           `json:"seq"`
	Rev         int64           `json:"rev"`
	User        chat.PublicUser `json:"user"`
	Message     string          `json:"message"`
	ClientID    *string         `json:"client_id"`
	ReplyTo     *int64          `json:"reply_to"`
	Mentions    []int64         `json:"mentions"`
	Reactions   []chat.Reaction `json:"reactions"`
	CreatedDate string          `json:"created_date"`
	Edited      bool            `json:"edited"`
	Deleted     bool            `json:"deleted"`
}

func messageSeenBy(who chat.Identity, e chat.Event) messageJSON {
	m := messageJSON{
		ID:          e.Seq,
		Seq:         e.Seq,
		Rev:         e.Rev,
		User:        seenBy(who, e.User),
		Message:     e.Body,
		ClientID:    e.ClientID,
		Mentions:    notNull(e.Mentions),
		Reactions:   notNull(e.Reactions),
		CreatedDate: chat.Date(e.CreatedAt),
		Edited:      e.Edited,
		Deleted:     e.Deleted(),
	}
	if e.Target != 0 {
		m.ReplyTo = &e.Target
	}
	return m
}

func messagesSeenBy(who chat.Identity, events []chat.Event) []messageJSON {
	messages := make([]messageJSON, len(events))
	for i, e := range events {
		messages[i] = messageSeenBy(who, e)
	}
	return messages
}

// notNull returns a list that is [] on the wire where there is nothing.
func notNull[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
