package client

import (
	"cmp"
	"maps"
	"slices"

	"github.com/chatire/chatire/pkg/chat"
)

// View is a Session as the Events up to a Seq make it: what an app shows. It needs no
// more than each Event once, in order, as a [Device] hands them over; what is the case
// later does not depend on which of them came live, and which from the Log.
type View struct {
	Head     int64
	Title    string
	Access   chat.Access
	Closed   bool
	Members  map[int64]Member // by the User's id
	messages map[int64]Message
}

// NewView returns a View of a Session of which nothing was seen.
func NewView() *View {
	return &View{Access: chat.AccessLink, Members: map[int64]Member{}, messages: map[int64]Message{}}
}

// Apply takes the next Event. Kinds that it does not know move the Head only.
func (v *View) Apply(e Event) {
	v.Head = e.Seq
	switch e.Type {
	case chat.EventMessage:
		v.put(messageOf(e))
	case chat.EventEdited, chat.EventDeleted, chat.EventReacted:
		v.change(e)
	case chat.EventJoined, chat.EventRole:
		v.Members[e.Member.ID] = Member{User: *e.Member, Role: e.Role}
	case chat.EventLeft, chat.EventRemoved:
		delete(v.Members, e.Member.ID)
	case chat.EventTitle:
		v.Title = e.Title
	case chat.EventAccess:
		v.Access = e.Access
	case chat.EventClosed:
		v.Closed = true
	}
}

// Messages returns what was said, ascending.
func (v *View) Messages() []Message {
	return slices.SortedFunc(maps.Values(v.messages), func(a, b Message) int { return cmp.Compare(a.Seq, b.Seq) })
}

// put keeps a Message, unless a newer form of it is known.
func (v *View) put(m Message) {
	if known, ok := v.messages[m.Seq]; !ok || m.Rev > known.Rev {
		v.messages[m.Seq] = m
	}
}

// change takes what an Event says of a Message that was seen before.
func (v *View) change(e Event) {
	m, ok := v.messages[e.Target]
	if !ok {
		return // seen from a later Seq on
	}
	m.Rev, m.Text, m.Deleted = e.Rev, e.Message, e.Message == ""
	m.Mentions, m.Reactions, m.Edited = e.Mentions, e.Reactions, e.Edited
	v.put(m)
}

// messageOf returns the Message that an Event brings.
func messageOf(e Event) Message {
	m := Message{
		ID:          e.ID,
		Seq:         e.Seq,
		Rev:         e.Rev,
		User:        e.User,
		Text:        e.Message,
		ClientID:    e.ClientID,
		CreatedDate: e.CreatedDate,
		Mentions:    e.Mentions,
		Reactions:   e.Reactions,
		Edited:      e.Edited,
		Deleted:     e.Message == "",
	}
	if e.ReplyTo != 0 {
		m.ReplyTo = &e.ReplyTo
	}
	return m
}
