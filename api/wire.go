package api

import "github.com/chatire/chatire/pkg/chat"

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

// messageJSON is a Message in a history.
type messageJSON struct {
	ID          int64           `json:"id"` // equals Seq
	Seq         int64           `json:"seq"`
	Rev         int64           `json:"rev"`
	User        chat.PublicUser `json:"user"`
	Message     string          `json:"message"`
	ClientID    *string         `json:"client_id"`
	CreatedDate string          `json:"created_date"`
	Deleted     bool            `json:"deleted"`
}

func messageSeenBy(who chat.Identity, e chat.Event) messageJSON {
	return messageJSON{
		ID:          e.Seq,
		Seq:         e.Seq,
		Rev:         e.Rev,
		User:        seenBy(who, e.User),
		Message:     e.Body,
		ClientID:    e.ClientID,
		CreatedDate: chat.Date(e.CreatedAt),
		Deleted:     e.Deleted(),
	}
}
