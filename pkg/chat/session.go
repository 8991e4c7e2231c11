package chat

import "time"

// Session is a chat room.
type Session struct {
	ID          int64
	URI         string // 15 of [0-9a-f]
	OwnerID     int64
	Title       string
	Head        int64 // the highest Seq
	LastOrdinal int64 // how many Messages there are
	CreatedAt   time.Time
	ClosedAt    *time.Time // nil while people may post
	Access      Access

	// ActiveAt is the time of the newest Event; only ListSessions fills it in.
	ActiveAt time.Time
}

// Access says how people become Members of a Session by themselves.
type Access string

const (
	AccessLink   Access = "link"   // with its uri, or with an Invite
	AccessInvite Access = "invite" // with an Invite only
)

// Role is what a Member may do.
type Role string

const (
	RoleOwner     Role = "owner"
	RoleModerator Role = "moderator"
	RoleMember    Role = "member"
	RoleReader    Role = "reader"
)

// Member is a User in a Session.
type Member struct {
	SessionID   int64
	User        User
	Role        Role
	ReadOrdinal int64 // how many Messages were read
	ReadSeq     int64 // up to where the Session was read
	Notify      Notify
	JoinedSeq   int64 // the Seq of the join; members are listed in its order
}

// Notify is what a Member wants to hear of in a Session.
type Notify string

const (
	NotifyAll      Notify = "all"
	NotifyMentions Notify = "mentions"
	NotifyNone     Notify = "none"
)

// Membership is a Session as one User stands to it.
type Membership struct {
	Session Session
	Role    Role // "" for a User who is not a Member
	Banned  bool // this User may not become one; looked at by those who join
}

// Unread is what a Member has not read, as far as they want to hear of it.
type Unread struct {
	ReadSeq  int64  // up to where they have read; posting moves it too
	Notify   Notify // their choice, which the counts obey
	Messages int64  // with NotifyMentions those that mention them
	Mentions int64  // those that mention them
}

// SessionSummary is one line of a User's list of Sessions.
type SessionSummary struct {
	Session Session
	Role    Role
	Unread  Unread
	Last    *Event // the newest Message; nil where there is none
	People  []User // PeopleShown other Members, or as many as there are, by id
}

const (
	// MaxTitle bounds a Session's title in code points.
	MaxTitle = 100

	// PeopleShown is how many other Members a line of the list of Sessions names.
	PeopleShown = 3

	// MembersShown is how many Members a Session's details list.
	MembersShown = 200
)
