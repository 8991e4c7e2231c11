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
	EventClosed  EventType = "closed"  // nothing more will be posted
)

// Event is one fact in a Session. Seq, Type, User and Member never change; the
// Body of a Message is its newest text and Rev says when it changed.
type Event struct {
	SessionID int64
	URI       string // the Session's
	Seq       int64
	Type      EventType
	User      User // who did it; only ID and names are filled
	CreatedAt time.Time

	Body     string  // EventMessage: the text; EventTitle: the title
	ClientID *string // EventMessage: what the client calls it; nil if nothing
	Rev      int64   // EventMessage: Seq of the last change; else Seq
	Ordinal  int64   // how many Messages there are up to this Event

	Member *User // EventJoined, EventLeft, EventRemoved, EventRole: whom it is about
	Role   Role  // EventJoined, EventRole
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

	// UserID is whom it concerns.
	UserID int64 `json:"user_id"`

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
)

// Notice is a hint to all connections of one User.
type Notice string

const (
	NoticeAdded   Notice = "added"
	NoticeRemoved Notice = "removed"
	NoticeTokens  Notice = "tokens"
)

// Load is what a worker carries, told to the other workers. The pack that brings it
// says whose it is.
type Load struct {
	Connections int `json:"connections"`
}

// Typing says that a User is writing in a Session. It is never stored.
type Typing struct {
	URI      string `json:"uri"`
	UserID   int64  `json:"user_id"`
	Username string `json:"username"`
}
