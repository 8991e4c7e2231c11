package conversations_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

func TestEditAndDelete(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob, mod := s.signUp("ada"), s.signUp("bob"), s.signUp("mod")
		room := ada.open(bob, mod)
		_, err := ada.SetRole(t.Context(), room, "mod", chat.RoleModerator)
		must(t, err)
		adas, alsoAdas := ada.devices(room)
		bobs, _ := bob.devices(room)
		seq := bob.say(room, "helo")

		t.Run("an edit is shown everywhere", func(t *testing.T) {
			m, err := bob.Edit(t.Context(), room, seq, "hello")
			must(t, err)
			if m.Text != "hello" || m.Seq != seq || m.Rev <= seq || !m.Edited {
				t.Errorf("answered %+v", m)
			}
			shows(room, seq, "it is edited", func(m client.Message) bool { return m.Text == "hello" && m.Edited }, adas, alsoAdas, bobs)
		})
		t.Run("the same text stores nothing", func(t *testing.T) {
			before, err := bob.Session(t.Context(), room)
			must(t, err)
			_, err = bob.Edit(t.Context(), room, seq, "hello")
			must(t, err)
			if after, _ := bob.Session(t.Context(), room); after.Head != before.Head {
				t.Errorf("the head went from %d to %d", before.Head, after.Head)
			}
		})
		t.Run("only its author edits it", func(t *testing.T) {
			for _, p := range []*person{ada, mod} {
				_, err := p.Edit(t.Context(), room, seq, "mine")
				wantStatus(t, err, 403)
			}
			_, err := s.signUp("eve").Edit(t.Context(), room, seq, "mine")
			wantStatus(t, err, 404)
			_, err = bob.Edit(t.Context(), room, 1, "a join is no message")
			wantStatus(t, err, 404)
			_, err = bob.Edit(t.Context(), room, seq, " ")
			wantStatus(t, err, 400)
			_, err = bob.Edit(t.Context(), room, seq, strings.Repeat("x", chat.MaxMessage+1))
			wantStatus(t, err, 400)
		})
		t.Run("a retry of the post gets the newest text", func(t *testing.T) {
			first, err := bob.Post(t.Context(), room, "one", "key")
			must(t, err)
			_, err = bob.Edit(t.Context(), room, first.Seq, "two")
			must(t, err)
			again, err := bob.Post(t.Context(), room, "one", "key")
			must(t, err)
			if again.Seq != first.Seq || again.Text != "two" || again.Rev == first.Rev {
				t.Errorf("the retry got %+v", again)
			}
			_, err = bob.Post(t.Context(), room, "two", "key")
			wantStatus(t, err, 409)
		})
		t.Run("a deletion leaves nothing but the place", func(t *testing.T) {
			must(t, ada.React(t.Context(), room, seq, "👍"))
			must(t, mod.Delete(t.Context(), room, seq))
			must(t, mod.Delete(t.Context(), room, seq)) // again
			gone := func(m client.Message) bool { return m.Deleted && m.Text == "" && len(m.Reactions) == 0 }
			shows(room, seq, "it is deleted", gone, adas, alsoAdas, bobs)
			m, err := ada.Message(t.Context(), room, seq)
			must(t, err)
			if !gone(m) {
				t.Errorf("the history has %+v", m)
			}
			_, err = bob.Edit(t.Context(), room, seq, "back")
			wantStatus(t, err, 409)
			wantStatus(t, ada.React(t.Context(), room, seq, "👍"), 409)
		})
		t.Run("others do not delete it", func(t *testing.T) {
			adas := ada.say(room, "keep this")
			wantStatus(t, bob.Delete(t.Context(), room, adas), 403)
			wantStatus(t, s.signUp("mallory").Delete(t.Context(), room, adas), 404)
		})
		t.Run("a device that was away sees it as it is", func(t *testing.T) {
			late := bob.device(1, room)
			shows(room, seq, "it is deleted", func(m client.Message) bool { return m.Deleted }, late)
		})
		t.Run("the text is gone from the database", func(t *testing.T) {
			secret := "a-secret-word"
			seq := bob.say(room, secret)
			must(t, bob.Delete(t.Context(), room, seq))
			log, err := ada.AllEvents(t.Context(), room)
			must(t, err)
			if strings.Contains(fmt.Sprint(log), secret) {
				t.Error("the log still has it")
			}
		})
	})
}

// TestEditWindow has messages that can be changed for a moment only.
func TestEditWindow(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob := s.signUp("ada"), s.signUp("bob")
		room := ada.open(bob)
		seq := bob.say(room, "hello")
		time.Sleep(1100 * time.Millisecond)
		_, err := bob.Edit(t.Context(), room, seq, "too late")
		wantStatus(t, err, 403)
		if !strings.Contains(err.Error(), "1 second") {
			t.Errorf("the refusal says %q", err)
		}
		wantStatus(t, bob.Delete(t.Context(), room, seq), 403)
		must(t, ada.Delete(t.Context(), room, seq)) // the owner may at any time
	}, "CHATIRE_EDIT_WINDOW=1s")
}

func TestReactions(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob, eve := s.signUp("ada"), s.signUp("bob"), s.signUp("eve")
		room := ada.open(bob, eve)
		adas, alsoAdas := ada.devices(room)
		seq := ada.say(room, "hello")
		reactions := func(want string) func(m client.Message) bool {
			return func(m client.Message) bool { return fmt.Sprint(m.Reactions) == want }
		}
		must(t, bob.React(t.Context(), room, seq, "👍"))
		must(t, eve.React(t.Context(), room, seq, "❤"))
		must(t, ada.React(t.Context(), room, seq, "👍"))
		must(t, eve.React(t.Context(), room, seq, "👍"))
		both := fmt.Sprintf("[{👍 3 [%d %d %d]} {❤️ 1 [%d]}]", bob.id, ada.id, eve.id, eve.id)
		shows(room, seq, "all reactions are there", reactions(both), adas, alsoAdas)

		t.Run("one of a kind per member", func(t *testing.T) {
			before, err := bob.Session(t.Context(), room)
			must(t, err)
			must(t, bob.React(t.Context(), room, seq, "👍"))
			must(t, eve.React(t.Context(), room, seq, "❤️")) // the same, written out
			must(t, bob.Unreact(t.Context(), room, seq, "🎉"))
			if after, _ := bob.Session(t.Context(), room); after.Head != before.Head {
				t.Errorf("the head went from %d to %d", before.Head, after.Head)
			}
		})
		t.Run("taking one back", func(t *testing.T) {
			must(t, bob.Unreact(t.Context(), room, seq, "👍"))
			must(t, eve.Unreact(t.Context(), room, seq, "❤"))
			left := fmt.Sprintf("[{👍 2 [%d %d]}]", ada.id, eve.id)
			late := bob.device(1, room)
			shows(room, seq, "two are left", reactions(left), adas, alsoAdas, late)
		})
		t.Run("only an emoji is one", func(t *testing.T) {
			for _, bad := range []string{"a", "1", "👍👍", "👍a", "<b>", "\u200d", strings.Repeat("👍", 50), "é", "' OR 1=1", "%00", " "} {
				wantStatus(t, bob.React(t.Context(), room, seq, bad), 400)
			}
			for _, good := range []string{"👨‍👩‍👧", "🇩🇪", "#️⃣", "👍🏽", "©"} {
				must(t, bob.React(t.Context(), room, seq, good))
				must(t, bob.Unreact(t.Context(), room, seq, good))
			}
		})
		t.Run("not by strangers, nor to what is no message", func(t *testing.T) {
			wantStatus(t, s.signUp("mallory").React(t.Context(), room, seq, "👍"), 404)
			wantStatus(t, bob.React(t.Context(), room, 1, "👍"), 404)
			wantStatus(t, bob.React(t.Context(), room, 4711, "👍"), 404)
		})
		t.Run("a message has at most so many", func(t *testing.T) {
			seq := ada.say(room, "popular")
			emojis := []rune("😀😃😄😁😆😅😂🙂🙃😉😊😇😍😘😗😙😚😋😛😜")
			if len(emojis) != chat.MaxEmojis {
				t.Fatal(len(emojis))
			}
			for _, e := range emojis {
				must(t, bob.React(t.Context(), room, seq, string(e)))
			}
			wantStatus(t, bob.React(t.Context(), room, seq, "😝"), 409)
			must(t, eve.React(t.Context(), room, seq, string(emojis[3])))
			m, err := bob.Message(t.Context(), room, seq)
			must(t, err)
			if len(m.Reactions) != chat.MaxEmojis {
				t.Errorf("there are %d", len(m.Reactions))
			}
		})
	})
}

func TestRepliesAndMentions(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob, dot := s.signUp("ada"), s.signUp("Bob"), s.signUp("dot.")
		s.signUp("eve")
		room, other := ada.open(bob, dot), ada.open()
		adas, bobs := ada.device(0, room), bob.device(1, room)
		first := ada.say(room, "who comes?")

		t.Run("a reply quotes a message", func(t *testing.T) {
			reply, err := bob.Reply(t.Context(), room, "I do", "", first)
			must(t, err)
			shows(room, reply.Seq, "it replies", func(m client.Message) bool { return m.ReplyTo != nil && *m.ReplyTo == first }, adas, bobs)
			if m, _ := ada.Message(t.Context(), room, reply.Seq); m.ReplyTo == nil || *m.ReplyTo != first {
				t.Errorf("the history has %+v", m)
			}
			for _, bad := range []int64{1, 4711} {
				_, err := bob.Reply(t.Context(), room, "no", "", bad)
				wantStatus(t, err, 400)
			}
			elsewhere := ada.say(other, "not for you")
			_, err = bob.Reply(t.Context(), room, "no", "", elsewhere+100)
			wantStatus(t, err, 400)
		})
		t.Run("a mention is resolved to members", func(t *testing.T) {
			for text, want := range map[string][]int64{
				"@ada look":              {ada.id},
				"(@bob), @ADA!":          {ada.id, bob.id},
				"@bob @bob @bob":         {bob.id},
				"I mean @dot. and @ada.": {ada.id, dot.id},
				"mail me: x@ada":         nil,
				"@eve is not here":       nil,
				"@@ada":                  nil,
				"@":                      nil,
				"＠ada":                   nil,
			} {
				slices.Sort(want)
				m, err := ada.Post(t.Context(), room, text, "")
				must(t, err)
				if !slices.Equal(m.Mentions, want) {
					t.Errorf("%q mentions %v instead of %v", text, m.Mentions, want)
				}
				shows(room, m.Seq, "who is mentioned", func(m client.Message) bool { return slices.Equal(m.Mentions, want) }, bobs)
			}
		})
		t.Run("an edit mentions anew", func(t *testing.T) {
			seq := ada.say(room, "@bob")
			m, err := ada.Edit(t.Context(), room, seq, "@dot.")
			must(t, err)
			if !slices.Equal(m.Mentions, []int64{dot.id}) {
				t.Errorf("it mentions %v", m.Mentions)
			}
			shows(room, seq, "dot is mentioned", func(m client.Message) bool { return slices.Equal(m.Mentions, []int64{dot.id}) }, bobs)
		})
	})
}
