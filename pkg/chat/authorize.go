package chat

import "slices"

// Action is something that a Role may allow.
type Action string

const (
	ActRead   Action = "read"   // history, log, details, and watching live
	ActPost   Action = "post"   // messages
	ActAdd    Action = "add"    // other users as members
	ActRemove Action = "remove" // other members
	ActTitle  Action = "title"  // set the title
	ActLeave  Action = "leave"  // end one's own membership
)

// rights says who may do what.
var rights = map[Action][]Role{
	ActRead:   {RoleOwner, RoleModerator, RoleMember, RoleReader},
	ActPost:   {RoleOwner, RoleModerator, RoleMember},
	ActAdd:    {RoleOwner, RoleModerator, RoleMember},
	ActRemove: {RoleOwner, RoleModerator},
	ActTitle:  {RoleOwner, RoleModerator},
	ActLeave:  {RoleModerator, RoleMember, RoleReader},
}

// changes lists what a closed Session does not take any more.
var changes = []Action{ActPost, ActAdd, ActTitle}

// authorize is the one place that decides. A stranger is told that there is no
// such Session.
func authorize(m Membership, action Action) error {
	switch {
	case m.Role == "":
		return ErrNotFound
	case !slices.Contains(rights[action], m.Role):
		return ErrForbidden
	case m.Session.ClosedAt != nil && slices.Contains(changes, action):
		return ErrClosed
	}
	return nil
}
