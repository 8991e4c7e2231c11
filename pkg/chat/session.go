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

	// ActiveAt is the time of the newest Event; only ListSessions fills it in.
	ActiveAt time.Time
}

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
	JoinedSeq   int64 // the Seq of the join; members are listed in its order
}

// Membership is a Session as one User stands to it.
type Membership struct {
	Session Session
	Role    Role // "" for a User who is not a Member
}

// SessionSummary is one line of a User's list of Sessions.
type SessionSummary struct {
	Session Session
	Role    Role
	Unread  int64  // Messages beyond the read position; posting moves it
	Last    *Event // the newest Message; nil where there is none
}

const (
	// MaxTitle bounds a Session's title in code points.
	MaxTitle = 100

	// MembersShown is how many Members a Session's details list.
	MembersShown = 200
)
