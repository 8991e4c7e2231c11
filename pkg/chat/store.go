package chat

import (
	"context"
	"time"
)

// Store is the database. Every method is one statement or a few; a rule that
// needs several together runs inside InTx and uses the Store it is given there.
//
// What is asked for and does not exist is [ErrNotFound]. A database that cannot
// be asked, is full, or did not say whether it committed is [ErrUnavailable]
// (wrapped, with the cause). All lists are bounded by the caller's limit.
type Store interface {
	// InTx runs fn in one transaction and commits if it returns nil. It may run
	// fn again after a serialization failure or a deadlock, so fn must have no
	// effect outside its Store. InTx inside a transaction is an error.
	InTx(ctx context.Context, fn func(tx Store) error) error

	UserStore
	TokenStore
	SessionStore
	LogStore
	AuditStore
	AppliedStore
	MoveStore

	// Epoch returns the installation's epoch: a random value of this Log.
	Epoch(ctx context.Context) (string, error)

	// Now returns the database's clock, the only one that decides anything.
	Now(ctx context.Context) (time.Time, error)

	// Ping returns nil if the database answers and its schema is one that this build
	// can work with.
	Ping(ctx context.Context) error
}

// UserStore keeps accounts. Names are unique without regard to case and to
// compatibility variants (NFKC, then case folding); lookups take the exact name.
type UserStore interface {
	// CreateUser stores u and returns it with ID and CreatedAt. u.Password is a
	// digest. A taken name is ErrUsernameTaken.
	CreateUser(ctx context.Context, u User) (User, error)

	// ImportUsers stores accounts, with their times where they have them, and returns
	// the id of each: 0 where the name is taken, also by one before it.
	ImportUsers(ctx context.Context, users []User) ([]int64, error)

	// User returns the account with this id, unless it was deleted.
	User(ctx context.Context, id int64) (User, error)

	// LockUser is User, and keeps others from changing or deleting the account until
	// the transaction ends.
	LockUser(ctx context.Context, id int64) (User, error)

	// UserByName returns the account with exactly this name.
	UserByName(ctx context.Context, username string) (User, error)

	// UsersByEmail returns the accounts that are not disabled and have this
	// address, without regard to case; at most ten.
	UsersByEmail(ctx context.Context, email string) ([]User, error)

	// ListUsers returns accounts in the order of their ids, beginning after the id
	// `after`.
	ListUsers(ctx context.Context, after int64, limit int) ([]User, error)

	SetEmail(ctx context.Context, userID int64, email string) error
	SetUsername(ctx context.Context, userID int64, username string) error // ErrUsernameTaken
	SetPassword(ctx context.Context, userID int64, digest Secret) error
	SetDisabled(ctx context.Context, userID int64, disabled bool) error
	SetAdmin(ctx context.Context, userID int64, admin bool) error

	// Seen notes a sign-in.
	Seen(ctx context.Context, userID int64) error

	// DeleteUser empties the account's row: no name, no address, no password, no
	// tokens. The row stays, since messages point at it.
	DeleteUser(ctx context.Context, userID int64) error

	// HasAdmin says whether any account that is not disabled is an admin.
	HasAdmin(ctx context.Context) (bool, error)
}

// TokenStore keeps sign-ins.
type TokenStore interface {
	// CreateToken stores a token for its UserID, Label and Idle that ends after
	// ttl, and returns it with its times.
	CreateToken(ctx context.Context, t Token, digest Digest, ttl time.Duration) (Token, error)

	// TokenByDigest returns the token and its user. A token that is unknown or
	// expired, or whose user is disabled or deleted, is ErrNotFound.
	TokenByDigest(ctx context.Context, digest Digest) (Token, User, error)

	// TouchToken notes a use: last use is now, the expiry moves by Idle.
	TouchToken(ctx context.Context, tokenID int64) error

	// ListTokens returns a user's live tokens, newest first.
	ListTokens(ctx context.Context, userID int64, limit int) ([]Token, error)

	// Token returns one live token of the user.
	Token(ctx context.Context, userID, tokenID int64) (Token, error)

	// TokenUser returns the id of the user to whom a live token belongs.
	TokenUser(ctx context.Context, tokenID int64) (int64, error)

	// DeleteToken ends one token of the user.
	DeleteToken(ctx context.Context, userID, tokenID int64) error

	// DeleteTokens ends all tokens of the user except one (0: none is spared) and
	// returns their ids.
	DeleteTokens(ctx context.Context, userID, except int64) ([]int64, error)

	// LiveTokens returns those of the ids that are accepted now, in one query.
	LiveTokens(ctx context.Context, ids []int64) ([]int64, error)
}

// SessionStore keeps Sessions and their Members.
type SessionStore interface {
	// CreateSession stores a Session with this uri and owner, without members and
	// events. clientID may be nil; one that the owner has used is ErrDuplicate.
	CreateSession(ctx context.Context, uri string, ownerID int64, clientID *string) (Session, error)

	// SessionByClientID returns the Session that its owner created under clientID.
	SessionByClientID(ctx context.Context, ownerID int64, clientID string) (Session, error)

	// LockSession locks the Session's row until the transaction ends and returns
	// it as it is then. Every verb that appends an Event takes this lock first.
	LockSession(ctx context.Context, uri string) (Session, error)

	// Membership returns the Session with this uri and the user's role in it, ""
	// for a stranger. Without such a Session it is ErrNotFound.
	Membership(ctx context.Context, uri string, userID int64) (Membership, error)

	// Memberships returns those of the uris that the user is a Member of, in one
	// query, in any order.
	Memberships(ctx context.Context, userID int64, uris []string) ([]Membership, error)

	// MemberSessions returns up to limit uris of the sessions that a user is in, in the order of
	// session ids, beginning after the id `after`.
	MemberSessions(ctx context.Context, userID, after int64, limit int) ([]Session, error)

	// ListSessions returns the user's Sessions, latest activity first, beginning
	// after the Session that the cursor names (nil: from the start).
	ListSessions(ctx context.Context, userID int64, after *SessionCursor, limit int) ([]SessionSummary, error)

	// AllSessions returns Sessions of the whole installation in the order of ids,
	// beginning after the id `after`.
	AllSessions(ctx context.Context, after int64, limit int) ([]Session, error)

	AddMember(ctx context.Context, sessionID, userID int64, role Role, joinedSeq int64) error
	RemoveMember(ctx context.Context, sessionID, userID int64) error
	SetRole(ctx context.Context, sessionID, userID int64, role Role) error

	// Member returns the user as a Member of the Session.
	Member(ctx context.Context, sessionID, userID int64) (Member, error)

	// Members returns Members in the order they joined, beginning after the one whose
	// JoinedSeq is `after`.
	Members(ctx context.Context, sessionID, after int64, limit int) ([]Member, error)
	CountMembers(ctx context.Context, sessionID int64) (int64, error)

	SetOwner(ctx context.Context, sessionID, userID int64) error
	SetTitle(ctx context.Context, sessionID int64, title string) error
	SetAccess(ctx context.Context, sessionID int64, access Access) error
	CloseSession(ctx context.Context, sessionID int64) error

	// EraseSession takes a Session out of sight of everybody, ends all memberships,
	// Invites and bans, and returns the ids of those who were Members.
	EraseSession(ctx context.Context, sessionID int64) ([]int64, error)

	// Purge clears up to limit Events of erased Sessions away and says whether there
	// may be more.
	Purge(ctx context.Context, limit int) (more bool, err error)

	// MembersByName returns the ids of those Members who have one of these names or a
	// variant of it, by the name that was asked for.
	MembersByName(ctx context.Context, sessionID int64, names []string) (map[string]int64, error)

	// Ban keeps a User out; doing so again changes nothing.
	Ban(ctx context.Context, sessionID, userID int64) error
	Unban(ctx context.Context, sessionID, userID int64) error
	IsBanned(ctx context.Context, sessionID, userID int64) (bool, error)
	Bans(ctx context.Context, sessionID int64, limit int) ([]User, error)

	ReadStore
	InviteStore
}

// ReadStore keeps how far Members have read.
type ReadStore interface {
	// MoveRead moves a Member's read position up to seq, and says whether it was below.
	MoveRead(ctx context.Context, sessionID, userID, seq int64) (moved bool, err error)

	// SetNotify sets a Member's choice, and says whether it was another.
	SetNotify(ctx context.Context, sessionID, userID int64, notify Notify) (changed bool, err error)

	// UnreadIn returns what a Member has not read in one Session.
	UnreadIn(ctx context.Context, sessionID, userID int64) (Unread, error)

	// Unread returns the Sessions in which a User has something to read, in one query
	// over all of theirs.
	Unread(ctx context.Context, userID int64, limit int) ([]SessionUnread, error)
}

// InviteStore keeps Invites.
type InviteStore interface {
	// CreateInvite stores an Invite that ends after life, or never if that is 0.
	CreateInvite(ctx context.Context, invite Invite, life time.Duration) (Invite, error)

	// Invites returns those that can be used, the newest first.
	Invites(ctx context.Context, sessionID int64, limit int) ([]Invite, error)

	// InviteByCode returns an Invite and where it leads, also one that is spent.
	InviteByCode(ctx context.Context, code string) (Invite, Session, error)

	// UseInvite counts a use and returns the Invite as it was before.
	UseInvite(ctx context.Context, code string) (Invite, error)

	// RevokeInvite ends an Invite of a Session.
	RevokeInvite(ctx context.Context, sessionID, id int64) error
}

// SessionCursor is a place in a list of Sessions that is ordered by the time of
// their last Event, latest first, then by id, highest first.
type SessionCursor struct {
	Active time.Time
	ID     int64
}

// LogStore keeps the Events.
type LogStore interface {
	// AppendMessages stores drafts in one transaction of its own and returns one
	// Outcome for each, in their order. The transaction locks the sessions in the
	// order of their ids, then, under a snapshot taken after the locks, checks
	// client ids and membership, numbers and inserts. If it returns an error that
	// is not ambiguous (see Aborted) nothing was stored.
	AppendMessages(ctx context.Context, drafts []Draft) ([]Outcome, error)

	// Append stores e as the next Event of a Session that this transaction has
	// locked, and returns it with Seq, Rev, Ordinal and CreatedAt. It is for all
	// types but Messages; the names of e.User and e.Member are the caller's.
	Append(ctx context.Context, e Event) (Event, error)

	// SetMessage stores a Message as it is now, and who is mentioned in it. Under the
	// Session's lock.
	SetMessage(ctx context.Context, message Event) error

	// AddReaction and RemoveReaction change who has given a Message an emoji, and say
	// whether anything changed. since is the Seq of the Event that tells it.
	AddReaction(ctx context.Context, sessionID, seq, userID int64, emoji string, since int64) (added bool, err error)
	RemoveReaction(ctx context.Context, sessionID, seq, userID int64, emoji string) (removed bool, err error)

	// Reactions returns what is shown under a Message, at most one more than MaxEmojis.
	Reactions(ctx context.Context, sessionID, seq int64) ([]Reaction, error)
	ClearReactions(ctx context.Context, sessionID, seq int64) error

	// Search returns Messages that have all the words of a Query, the best first.
	Search(ctx context.Context, q Query) ([]Event, error)

	// Event returns one Event of a Session.
	Event(ctx context.Context, sessionID, seq int64) (Event, error)

	// MessageByClientID returns the Message that the user sent under clientID, and
	// the sum of its text as first sent.
	MessageByClientID(ctx context.Context, sessionID, userID int64, clientID string) (Event, int64, error)

	// ReadLog returns the Events of several ranges in one query: for each range in
	// order its Events ascending. Each range is bounded by its Limit, and all of
	// them together by maxBytes of text (at least one Event comes if there is
	// one). A range that was cut short is read on by asking again.
	ReadLog(ctx context.Context, ranges []Range, maxBytes int) ([]Event, error)

	// History returns Messages ascending: the newest, those before a seq, or those
	// after one. It ends at the page's limit or at maxBytes of text, whichever
	// comes first, and has at least one row if there is one. more says that there
	// are others beyond it (older ones, or with After newer ones).
	History(ctx context.Context, sessionID int64, p HistoryPage, maxBytes int) (messages []Event, more bool, err error)

	// Heads returns the Head of each of these Sessions, in one query. One that
	// does not exist is missing from the answer.
	Heads(ctx context.Context, sessionIDs []int64) (map[int64]int64, error)
}

// Range is a piece of a Session's Log: the first Limit Events with a Seq above
// After.
type Range struct {
	SessionID int64
	After     int64
	Limit     int
}

// HistoryPage says which Messages to return. At most one of After and Before is
// set; both are exclusive.
type HistoryPage struct {
	After  *int64
	Before *int64
	Limit  int
}

// Publisher carries Copies and Controls to the workers. Its methods never block
// and report nothing: what cannot be carried is dropped and counted, since the
// Log has it. Events of one Session must be handed over in Seq order.
type Publisher interface {
	// PublishEvents takes the cause of each Event; those beyond the last have none.
	PublishEvents(events []Event, causes []Cause)
	PublishControl(c Control)
}

// Mailer sends mail.
type Mailer interface {
	// Send hands the mail to the mail server, within the context's deadline.
	Send(ctx context.Context, m Mail) error
}

// Mail is a plain-text mail to one address.
type Mail struct {
	To      string
	Subject string
	Text    string
}
