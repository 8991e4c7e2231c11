package conversations_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/client"
)

// find returns the texts of what is found.
func (p *person) find(search client.Search) (texts []string) {
	p.t.Helper()
	found, err := p.Search(p.t.Context(), search)
	must(p.t, err)
	for _, m := range found.Messages {
		texts = append(texts, m.Text)
	}
	return texts
}

func TestSearch(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob, eve := s.signUp("ada"), s.signUp("bob"), s.signUp("eve")
		room, other, foreign := ada.open(bob), bob.open(ada), eve.open()
		ada.say(room, "The quick brown fox")
		bob.say(room, "jumps over the lazy dog; quick, quick!")
		ada.say(other, "A QUICK word, Übermut")
		eve.say(foreign, "quick and secret")

		want := func(t *testing.T, p *person, search client.Search, texts ...string) {
			t.Helper()
			if got := p.find(search); fmt.Sprint(got) != fmt.Sprint(texts) {
				t.Errorf("%+v found %q instead of %q", search, got, texts)
			}
		}
		t.Run("finds words in one session, the best first", func(t *testing.T) {
			want(t, ada, client.Search{URI: room, Text: "quick"}, "jumps over the lazy dog; quick, quick!", "The quick brown fox")
			want(t, ada, client.Search{URI: room, Text: "quick fox"}, "The quick brown fox")
			want(t, ada, client.Search{URI: room, Text: "lazy fox"})
			want(t, ada, client.Search{URI: room, Text: "bro"}, "The quick brown fox") // the beginning of a word
			want(t, ada, client.Search{URI: room, Text: "bro "})                       // a whole word
			want(t, ada, client.Search{URI: room, Text: `"quick' & (fox) | !dog:* -- \`})
			want(t, ada, client.Search{URI: room, Text: `"quick' & (fox) | -- \`}, "The quick brown fox")
		})
		t.Run("finds words in all sessions of one's own", func(t *testing.T) {
			if got := ada.find(client.Search{Text: "quick"}); len(got) != 3 || strings.Contains(fmt.Sprint(got), "secret") {
				t.Errorf("found %q", got)
			}
			want(t, ada, client.Search{Text: "ÜBERMUT"}, "A QUICK word, Übermut")
			want(t, eve, client.Search{Text: "quick"}, "quick and secret")
			want(t, s.signUp("lonely"), client.Search{Text: "quick"})
			found, err := bob.Search(t.Context(), client.Search{Text: "word"})
			must(t, err)
			if len(found.Messages) != 1 || found.Messages[0].URI != other || found.Messages[0].User.ID != ada.id {
				t.Errorf("found %+v", found)
			}
		})
		t.Run("asks for membership", func(t *testing.T) {
			_, err := ada.Search(t.Context(), client.Search{URI: foreign, Text: "quick"})
			wantStatus(t, err, 404)
		})
		t.Run("can be by author and date", func(t *testing.T) {
			want(t, bob, client.Search{Text: "quick", Author: "bob"}, "jumps over the lazy dog; quick, quick!")
			want(t, bob, client.Search{Text: "quick", Author: "nobody"})
			want(t, bob, client.Search{URI: room, Text: "quick", Since: time.Now().Add(time.Hour)})
			want(t, bob, client.Search{URI: room, Text: "quick", Until: time.Now().Add(-time.Hour)})
			if got := bob.find(client.Search{URI: room, Text: "quick", Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}); len(got) != 2 {
				t.Errorf("found %q", got)
			}
		})
		t.Run("does not find old words", func(t *testing.T) {
			edited, deleted := ada.say(room, "first xylophone"), ada.say(room, "second xylophone")
			if got := ada.find(client.Search{URI: room, Text: "xylophone"}); len(got) != 2 {
				t.Errorf("found %q", got)
			}
			_, err := ada.Edit(t.Context(), room, edited, "first zither")
			must(t, err)
			must(t, ada.Delete(t.Context(), room, deleted))
			want(t, ada, client.Search{URI: room, Text: "xylophone"})
			want(t, ada, client.Search{URI: room, Text: "zither"}, "first zither")
		})
		t.Run("goes in pages", func(t *testing.T) {
			for i := range 7 {
				ada.say(room, fmt.Sprintf("page %d", i))
			}
			var got []string
			search := client.Search{URI: room, Text: "page", Limit: 3}
			for pages := 0; ; pages++ {
				found, err := ada.Search(t.Context(), search)
				must(t, err)
				for _, m := range found.Messages {
					got = append(got, m.Text)
				}
				if !found.HasMore {
					break
				}
				search.Cursor = found.Cursor
			}
			if fmt.Sprint(got) != "[page 6 page 5 page 4 page 3 page 2 page 1 page 0]" {
				t.Errorf("found %q", got)
			}
		})
		t.Run("refuses what is no search", func(t *testing.T) {
			for _, bad := range []client.Search{
				{}, {Text: "!!!"}, {Text: strings.Repeat("x", 201)}, {Text: strings.Repeat("x ", 11)},
				{Text: "x", Cursor: "y"}, {Text: "x", Cursor: "1000"}, {Text: "x", Cursor: "-1"}, {Text: "x", Limit: -1},
			} {
				_, err := ada.Search(t.Context(), bad)
				wantStatus(t, err, 400)
			}
		})
		t.Run("ends with the session", func(t *testing.T) {
			must(t, ada.EraseSession(t.Context(), room))
			want(t, bob, client.Search{Text: "fox"})
		})
	})
}
