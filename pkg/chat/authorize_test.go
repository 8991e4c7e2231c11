package chat

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// The columns of the table below: who asks, in which state of the session.
var (
	askers = []Role{RoleOwner, RoleModerator, RoleMember, RoleReader, stranger}
	states = []struct {
		name    string
		session Session
		policy  policy
		banned  bool
	}{
		{name: "open", session: Session{Access: AccessLink}},
		{name: "closed", session: Session{Access: AccessLink, ClosedAt: &time.Time{}}},
		{name: "invite only", session: Session{Access: AccessInvite}},
		{name: "no links here", session: Session{Access: AccessLink}, policy: policy{noLinks: true}},
		{name: "banned", session: Session{Access: AccessLink}, banned: true},
	}
)

// what each answer is written as in the table.
var answers = map[string]error{"yes": nil, "404": ErrNotFound, "403": ErrForbidden, "409": ErrClosed, "ban": errBanned}

// table says what comes of each action: in each state for owner, moderator, member,
// reader and stranger. A ban is looked at for strangers only: nobody banned is a member.
var table = map[Action][5]string{
	//            open                     closed                   invite only              no links here            banned
	ActRead:     {"yes yes yes yes 404", "yes yes yes yes 404", "yes yes yes yes 404", "yes yes yes yes 404", "yes yes yes yes 404"},
	ActFollow:   {"yes yes yes yes 404", "yes yes yes yes 404", "yes yes yes yes 404", "yes yes yes yes 404", "yes yes yes yes 404"},
	ActPost:     {"yes yes yes 403 404", "409 409 409 403 404", "yes yes yes 403 404", "yes yes yes 403 404", "yes yes yes 403 404"},
	ActEdit:     {"yes yes yes 403 404", "409 409 409 403 404", "yes yes yes 403 404", "yes yes yes 403 404", "yes yes yes 403 404"},
	ActDelete:   {"yes yes yes 403 404", "yes yes yes 403 404", "yes yes yes 403 404", "yes yes yes 403 404", "yes yes yes 403 404"},
	ActModerate: {"yes yes 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404"},
	ActReact:    {"yes yes yes 403 404", "409 409 409 403 404", "yes yes yes 403 404", "yes yes yes 403 404", "yes yes yes 403 404"},
	ActAdd:      {"yes yes yes 403 404", "409 409 409 403 404", "yes yes yes 403 404", "yes yes yes 403 404", "yes yes yes 403 404"},
	ActRemove:   {"yes yes 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404"},
	ActBan:      {"yes yes 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404"},
	ActInvite:   {"yes yes 403 403 404", "409 409 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404"},
	ActTitle:    {"yes yes 403 403 404", "409 409 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404"},
	ActAccess:   {"yes yes 403 403 404", "409 409 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404", "yes yes 403 403 404"},
	ActRole:     {"yes 403 403 403 404", "yes 403 403 403 404", "yes 403 403 403 404", "yes 403 403 403 404", "yes 403 403 403 404"},
	ActLeave:    {"403 yes yes yes 404", "403 yes yes yes 404", "403 yes yes yes 404", "403 yes yes yes 404", "403 yes yes yes 404"},
	ActClose:    {"yes 403 403 403 404", "yes 403 403 403 404", "yes 403 403 403 404", "yes 403 403 403 404", "yes 403 403 403 404"},
	ActErase:    {"yes 403 403 403 404", "yes 403 403 403 404", "yes 403 403 403 404", "yes 403 403 403 404", "yes 403 403 403 404"},
	ActPreview:  {"yes yes yes yes yes", "yes yes yes yes yes", "yes yes yes yes 404", "yes yes yes yes 404", "yes yes yes yes ban"},
	ActJoin:     {"yes yes yes yes yes", "409 409 409 409 409", "yes yes yes yes 404", "yes yes yes yes 404", "yes yes yes yes ban"},
	ActAccept:   {"yes yes yes yes yes", "409 409 409 409 409", "yes yes yes yes yes", "yes yes yes yes yes", "yes yes yes yes ban"},
}

// TestAuthorize compares every role, action and state with the table, and the table
// with the list of actions: a new action without a row fails.
func TestAuthorize(t *testing.T) {
	listed, written := slices.Sorted(maps.Keys(rules)), slices.Sorted(maps.Keys(table))
	if !slices.Equal(listed, written) {
		t.Fatalf("the code has the actions %q and the table %q", listed, written)
	}
	for _, action := range listed {
		for i, state := range states {
			want := strings.Fields(table[action][i])
			for j, role := range askers {
				m := Membership{Session: state.session, Role: role, Banned: state.banned}
				got := state.policy.authorize(m, action)
				if expected, ok := answers[want[j]]; !ok || !errors.Is(got, expected) || expected == nil && got != nil {
					t.Errorf("%s by %q in a session that is %s: %v instead of %s", action, role, state.name, got, want[j])
				}
			}
		}
	}
}

// TestAuthorizeOver is for what one member does to another.
func TestAuthorizeOver(t *testing.T) {
	for _, action := range []Action{ActRemove, ActBan} {
		for _, role := range askers {
			for _, other := range askers[:4] {
				m := Membership{Role: role, Session: Session{Access: AccessLink}}
				got := policy{}.authorizeOver(m, action, other)
				var want error
				switch {
				case role == stranger:
					want = ErrNotFound
				case role == RoleMember, role == RoleReader:
					want = ErrForbidden
				case other == RoleOwner:
					want = ErrOwnerStays
				case other == RoleModerator && role == RoleModerator:
					want = ErrForbidden
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s of a %s by a %q: %v instead of %v", action, other, role, got, want)
				}
			}
		}
	}
}
