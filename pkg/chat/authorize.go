package chat

import "slices"

// Action is something that somebody may be allowed to do in a Session.
type Action string

const (
	ActRead     Action = "read"     // history, log, details, search, and watching live
	ActFollow   Action = "follow"   // one's own read position and choice of notifications
	ActPost     Action = "post"     // messages
	ActEdit     Action = "edit"     // one's own messages
	ActDelete   Action = "delete"   // one's own messages
	ActModerate Action = "moderate" // delete the messages of others
	ActReact    Action = "react"    // to messages
	ActAdd      Action = "add"      // other users as members
	ActRemove   Action = "remove"   // other members
	ActBan      Action = "ban"      // users, for good; and see who is banned
	ActInvite   Action = "invite"   // make, see and revoke invites
	ActTitle    Action = "title"    // set the title
	ActAccess   Action = "access"   // say who may join
	ActRole     Action = "role"     // give others a role, also one's own
	ActLeave    Action = "leave"    // end one's own membership
	ActClose    Action = "close"    // let nothing more be posted
	ActErase    Action = "erase"    // delete the session with all that is in it

	ActPreview Action = "preview" // see what the link leads to
	ActJoin    Action = "join"    // with the link
	ActAccept  Action = "accept"  // with an invite
)

// stranger is the Role of who has none.
const stranger Role = ""

// rule says who may do something.
type rule struct {
	roles  []Role
	closed bool // in a closed Session, too
}

// Those who may do the same things.
var (
	leaders  = []Role{RoleOwner, RoleModerator}
	writers  = []Role{RoleOwner, RoleModerator, RoleMember}
	everyone = []Role{RoleOwner, RoleModerator, RoleMember, RoleReader}
	anybody  = []Role{RoleOwner, RoleModerator, RoleMember, RoleReader, stranger}
)

// rules is all that there is to be allowed.
var rules = map[Action]rule{
	ActRead:     {roles: everyone, closed: true},
	ActFollow:   {roles: everyone, closed: true},
	ActPost:     {roles: writers},
	ActEdit:     {roles: writers},
	ActDelete:   {roles: writers, closed: true},
	ActModerate: {roles: leaders, closed: true},
	ActReact:    {roles: writers},
	ActAdd:      {roles: writers},
	ActRemove:   {roles: leaders, closed: true},
	ActBan:      {roles: leaders, closed: true},
	ActInvite:   {roles: leaders},
	ActTitle:    {roles: leaders},
	ActAccess:   {roles: leaders},
	ActRole:     {roles: []Role{RoleOwner}, closed: true},
	ActLeave:    {roles: []Role{RoleModerator, RoleMember, RoleReader}, closed: true},
	ActClose:    {roles: []Role{RoleOwner}, closed: true},
	ActErase:    {roles: []Role{RoleOwner}, closed: true},

	ActPreview: {roles: anybody, closed: true},
	ActJoin:    {roles: anybody},
	ActAccept:  {roles: anybody},
}

// policy is what an installation allows or not, for all its Sessions.
type policy struct {
	noLinks bool // only invites let people in
}

// authorize is the one place that decides what somebody may do. A stranger is told
// that there is no such Session, unless they have the link and it leads in.
func (p policy) authorize(m Membership, action Action) error {
	r := rules[action]
	switch {
	case m.Role == stranger && !slices.Contains(r.roles, stranger):
		return ErrNotFound
	case m.Role == stranger && action != ActAccept && !p.opens(m.Session):
		return ErrNotFound
	case !slices.Contains(r.roles, m.Role):
		return ErrForbidden
	case m.Role == stranger && m.Banned:
		return errBanned
	case m.Session.ClosedAt != nil && !r.closed:
		return ErrClosed
	}
	return nil
}

// authorizeOver is authorize for what is done to another Member: they must be below
// the one who does it. The owner is only spoken of as the one who stays.
func (p policy) authorizeOver(m Membership, action Action, other Role) error {
	if err := p.authorize(m, action); err != nil {
		return err
	}
	switch {
	case other == RoleOwner:
		return ErrOwnerStays
	case other == RoleModerator && m.Role != RoleOwner:
		return ErrForbidden
	}
	return nil
}

// opens says whether a Session's link lets people in.
func (p policy) opens(s Session) bool { return !p.noLinks && s.Access == AccessLink }

// errBanned is the answer to somebody who was told to stay away.
var errBanned = Errorf(Forbidden, "You cannot join this session.")
