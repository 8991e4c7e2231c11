package ctl

import (
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

func TestTablesEscapeWhatTerminalsObey(t *testing.T) {
	hostile := []client.AdminSession{{ID: 1, URI: "0123456789abcde", Title: "red\x1b[31m\u202e\tpill\n" + "\u009b2J", CreatedDate: time.Unix(0, 0)}}
	var b strings.Builder
	if err := sessionKind(false).printList(&b, output{format: formatTable}, hostile); err != nil {
		t.Fatal(err)
	}
	want := "ID  URI              TITLE                              OWNER-ID  EVENTS  MESSAGES  CREATED               CLOSED\n" +
		`1   0123456789abcde  red\x1b[31m\u202e\tpill\n\u009b2J  0         0       0         1970-01-01T00:00:00Z  -` + "\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestWording(t *testing.T) {
	ada := chat.PublicUser{ID: 1, Username: "ada"}
	bob := chat.PublicUser{ID: 2, Username: "bob"}
	tests := []struct {
		event client.Event
		want  string
	}{
		{client.Event{Type: chat.EventMessage, User: ada, Message: "one\ntwo\x1b[2J"}, "ada: one\n    two\\x1b[2J"},
		{client.Event{Type: chat.EventMessage, User: ada}, "ada: (deleted)"},
		{client.Event{Type: chat.EventMessage, User: chat.PublicUser{ID: 7}, Message: "hi"}, "(user 7): hi"},
		{client.Event{Type: chat.EventJoined, User: ada, Member: &ada}, "* ada joined"},
		{client.Event{Type: chat.EventJoined, User: ada, Member: &bob}, "* ada added bob"},
		{client.Event{Type: chat.EventLeft, User: ada, Member: &ada}, "* ada left"},
		{client.Event{Type: chat.EventRemoved, User: ada, Member: &bob}, "* ada removed bob"},
		{client.Event{Type: chat.EventRole, User: ada, Member: &bob, Role: chat.RoleOwner}, "* bob is owner now"},
		{client.Event{Type: chat.EventTitle, User: ada, Title: "tea\r"}, `* ada set the title: tea\r`},
		{client.Event{Type: chat.EventClosed, User: ada}, "* the session is closed"},
		{client.Event{Type: chat.EventAccess, User: ada, Access: chat.AccessInvite}, "* the link lets nobody in now"},
		{client.Event{Type: chat.EventAccess, User: ada, Access: chat.AccessLink}, "* the link lets people in now"},
		{client.Event{Type: chat.EventEdited, User: ada, Target: 7, Message: "one\ntwo"}, "* ada changed message 7: one\n    two"},
		{client.Event{Type: chat.EventDeleted, User: ada, Target: 7}, "* ada deleted message 7"},
		{client.Event{Type: chat.EventReacted, User: ada, Target: 7}, "* message 7 has no reactions"},
		{client.Event{Type: chat.EventReacted, User: ada, Target: 7, Reactions: []chat.Reaction{{Emoji: "👍", Count: 2}, {Emoji: "❤️", Count: 1}}}, "* message 7 has 👍 2, ❤️ 1"},
		{client.Event{Type: "of a later version", User: ada}, ""},
	}
	for _, tt := range tests {
		if got := wording(tt.event); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
