package client

import (
	"testing"

	"github.com/chatire/chatire/pkg/chat"
)

func TestView(t *testing.T) {
	user := chat.PublicUser{ID: 7, Username: "ada"}
	message := Event{Type: chat.EventMessage, Seq: 2, ID: 2, Rev: 2, User: user, Message: "one"}
	change := func(seq, rev int64, text string) Event {
		return Event{Type: chat.EventEdited, Seq: seq, ID: seq, Rev: rev, User: user, Target: 2, Message: text, Edited: true}
	}
	text := func(v *View) string { return v.Messages()[0].Text }

	t.Run("never goes back to an older form", func(t *testing.T) {
		v := NewView()
		newest := message
		newest.Rev, newest.Message = 4, "three" // read from the log
		v.Apply(newest)
		v.Apply(change(3, 3, "two")) // kept by a worker since it was new
		if text(v) != "three" {
			t.Errorf("it shows %q", text(v))
		}
		v.Apply(change(4, 4, "three"))
		if text(v) != "three" || v.Head != 4 {
			t.Errorf("it shows %q at %d", text(v), v.Head)
		}
	})
	t.Run("needs no more than what it has seen", func(t *testing.T) {
		v := NewView()
		v.Apply(change(3, 3, "two"))
		v.Apply(Event{Type: "unheard-of", Seq: 4})
		if len(v.Messages()) != 0 || v.Head != 4 {
			t.Errorf("it shows %+v at %d", v.Messages(), v.Head)
		}
	})
	t.Run("shows what was deleted as deleted", func(t *testing.T) {
		v := NewView()
		v.Apply(message)
		v.Apply(Event{Type: chat.EventReacted, Seq: 3, Rev: 3, Target: 2, Message: "one", Reactions: []chat.Reaction{{Emoji: "👍", Count: 1}}})
		v.Apply(Event{Type: chat.EventDeleted, Seq: 4, Rev: 4, Target: 2})
		if m := v.Messages()[0]; !m.Deleted || m.Text != "" || m.Reactions != nil {
			t.Errorf("it shows %+v", m)
		}
	})
}
