package chat

import "time"

// EventType says which fact an Event states.
type EventType string

const (
	EventMessage EventType = "message"
	EventJoined  EventType = "joined"  // Member, Role
	EventLeft    EventType = "left"    // Member went
	EventRemoved EventType = "removed" // Member was taken out by User
	EventRole    EventType = "role"    // Member has Role from here on
	EventTitle   EventType = "title"   // Title from here on
	EventAccess  EventType = "access"  // Access from here on
	EventClosed  EventType = "closed"  // nothing more will be posted

	// These three change the Message that is their Target. They carry it as it is
	// now, which may be later than they are.
	EventEdited  EventType = "edited"
	EventDeleted EventType = "deleted"
	EventReacted EventType = "reacted"
)

// Event is one fact in a Session. Seq, Type, User, Target and Member never change.
// What else there is to a Message is kept with it in its newest form, and Rev says
// when that was.
type Event struct {
	SessionID int64
	URI       string // the Session's
	Seq       int64
	Type      EventType
	User      User // who did it; only ID and names are filled
	CreatedAt time.Time

	Body     string  // EventMessage: the text; EventTitle: the title; EventAccess: the Access
	ClientID *string // EventMessage: what the client calls it; nil if nothing
	Rev      int64   // of a Message and of its changes: Seq of the last change; else Seq
	Ordinal  int64   // how many Messages there are up to this Event

	// Target is the Seq of the Message that EventEdited, EventDeleted and EventReacted
	// change; of a Message, the Seq of the one that it replies to. 0 if none.
	Target int64

	// What else there is to a Message, for it and for its changes.
	Mentions  []int64    // the ids of the Members it mentions, ascending
	Reactions []Reaction // in the order of the first of each
	Edited    bool       // the text is another one than was sent

	Member *User // EventJoined, EventLeft, EventRemoved, EventRole: whom it is about
	Role   Role  // EventJoined, EventRole
}

// Changes says whether this Event changes a Message.
func (e *Event) Changes() bool {
	return e.Type == EventEdited || e.Type == EventDeleted || e.Type == EventReacted
}

// Ends returns the id of the User whose membership this Event ends, 0 if none.
func (e *Event) Ends() int64 {
	if e.Type == EventLeft || e.Type == EventRemoved {
		return e.Member.ID
	}
	return 0
}

// Deleted says that a Message's text was taken back.
func (e *Event) Deleted() bool {
	return e.Type == EventMessage && e.Body == ""
}

// Copy is an Event's Frame on its way from the process that committed it to the
// workers, with what they must know without decoding the Frame.
type Copy struct {
	URI       string
	Seq       int64
	Type      EventType
	Ends      int64     // the User whose membership the Event ends, or 0
	Committed time.Time // the Event's CreatedAt: when the database stored it
	RequestID string    // of the request that caused it; "" if there was none
	Frame     []byte    // what [EventFrame] returns
}

// CopyOf returns the Copy of an Event.
func CopyOf(e *Event, requestID string) Copy {
	return Copy{
		URI:       e.URI,
		Seq:       e.Seq,
		Type:      e.Type,
		Ends:      e.Ends(),
		Committed: e.CreatedAt,
		RequestID: requestID,
		Frame:     EventFrame(e),
	}
}

// Control is a word to all workers that is no fact of a Session. It may be lost:
// what must not be is found again by each worker's probe.
type Control struct {
	Kind ControlKind `json:"kind"`

	// UserID is whom it concerns; UserIDs are others whom it concerns as well.
	UserID  int64   `json:"user_id"`
	UserIDs []int64 `json:"user_ids,omitempty"`

	// TokenIDs are the tokens that ended, for ControlTokens. Empty: all of the user's.
	TokenIDs []int64 `json:"token_ids,omitempty"`

	// Notice, URI and Seq are what a ControlNotice tells the user's connections.
	Notice Notice `json:"notice,omitempty"`
	URI    string `json:"uri,omitempty"`
	Seq    int64  `json:"seq,omitempty"`
}

// ControlKind says what a Control is about.
type ControlKind string

const (
	ControlTokens ControlKind = "tokens" // tokens ended: close their connections
	ControlNotice ControlKind = "notice" // pass the notice on
	ControlErased ControlKind = "erased" // the Session at URI is gone
)

// Notice is a hint to all connections of one User.
type Notice string

const (
	NoticeAdded    Notice = "added"
	NoticeRemoved  Notice = "removed"
	NoticeRead     Notice = "read"     // their read position is at least Seq
	NoticeSettings Notice = "settings" // their choice of notifications
	NoticeTokens   Notice = "tokens"
)

// Load is what a worker carries, told to the other workers. The pack that brings it
// says whose it is.
type Load struct {
	Connections int `json:"connections"`
}

// Presence is what a worker says to the others of who watches Sessions on it. It is
// never stored.
type Presence struct {
	URI    string   `json:"uri,omitempty"`
	Full   bool     `json:"full,omitempty"` // Joined is all of them; else Joined and Left are changes
	Joined []int64  `json:"joined,omitempty"`
	Left   []int64  `json:"left,omitempty"`
	Ask    []string `json:"ask,omitempty"` // uris of Sessions whose full lists the others are to tell
}

// Typing says that a User is writing in a Session. It is never stored.
type Typing struct {
	URI      string `json:"uri"`
	UserID   int64  `json:"user_id"`
	Username string `json:"username"`
}
