package chat

import (
	"bytes"
	"encoding/json"
	"time"
)

// dateLayout is RFC 3339 in UTC with six fraction digits, as every date on the wire.
const dateLayout = "2006-01-02T15:04:05.000000Z"

// Date returns t as it stands on the wire.
func Date(t time.Time) string { return t.UTC().Format(dateLayout) }

// PublicUser is a User as others see it. The e-mail address is always "": one
// frame serves all its readers.
type PublicUser struct {
	ID        int64  `json:"id"`
	Username  string `json:"username"`
	Email     string `json:"email"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
}

// Public returns what others may see of u.
func (u *User) Public() PublicUser {
	return PublicUser{ID: u.ID, Username: u.Username, FirstName: u.FirstName, LastName: u.LastName}
}

// EventJSON is the wire form of an Event: on a websocket with Type and URI, in
// the REST event log without.
type EventJSON struct {
	Type        string      `json:"type,omitempty"` // "event"
	URI         string      `json:"uri,omitempty"`
	Seq         int64       `json:"seq"`
	Event       EventType   `json:"event"`
	ID          int64       `json:"id"` // equals Seq
	Rev         int64       `json:"rev"`
	User        PublicUser  `json:"user"`
	CreatedDate string      `json:"created_date"`
	Target      int64       `json:"target,omitempty"`
	Message     *string     `json:"message,omitempty"`
	ClientID    *clientID   `json:"client_id,omitempty"`
	ReplyTo     int64       `json:"reply_to,omitempty"`
	Mentions    []int64     `json:"mentions,omitempty"`
	Reactions   []Reaction  `json:"reactions,omitempty"`
	Edited      bool        `json:"edited,omitempty"`
	Title       *string     `json:"title,omitempty"`
	Access      Access      `json:"access,omitempty"`
	Member      *PublicUser `json:"member,omitempty"`
	Role        Role        `json:"role,omitempty"`
}

// clientID is null on the wire for a Message without one, and absent elsewhere.
type clientID struct{ id *string }

func (c clientID) MarshalJSON() ([]byte, error) { return json.Marshal(c.id) }

func (c *clientID) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &c.id) }

// JSON returns the wire form of e without Type and URI.
func (e *Event) JSON() EventJSON {
	j := EventJSON{
		Seq:         e.Seq,
		Event:       e.Type,
		ID:          e.Seq,
		Rev:         e.Rev,
		User:        e.User.Public(),
		CreatedDate: Date(e.CreatedAt),
		Role:        e.Role,
	}
	switch e.Type {
	case EventMessage:
		j.Message, j.ClientID, j.ReplyTo = &e.Body, &clientID{e.ClientID}, e.Target
	case EventEdited, EventDeleted, EventReacted:
		j.Message, j.Target = &e.Body, e.Target
	case EventTitle:
		j.Title = &e.Body
	case EventAccess:
		j.Access = Access(e.Body)
	}
	j.Mentions, j.Reactions, j.Edited = e.Mentions, e.Reactions, e.Edited
	if e.Member != nil {
		member := e.Member.Public()
		j.Member = &member
	}
	return j
}

// EventFrame returns the Frame of an Event: one JSON object, without a newline.
func EventFrame(e *Event) []byte {
	j := e.JSON()
	j.Type, j.URI = "event", e.URI
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(j); err != nil {
		panic(err) // no field of EventJSON can fail to encode
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
