package chat_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/chatire/chatire/pkg/chat"
)

func TestAppenderJoinsTwins(t *testing.T) {
	t.Run("that wait or are under way, in one draft with one outcome", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			first, retry := a.postKeyed(1, "hi", "k"), a.postKeyed(1, "hi", "k")
			c := a.log.last(t, 1)
			if len(c.drafts) != 1 {
				t.Errorf("%d drafts are under way", len(c.drafts))
			}
			c.store()
			wantStored(t, first, 1)
			if got := <-retry; got.err != nil || got.Verdict != chat.Known || got.Seq != 1 {
				t.Errorf("the retry was answered %+v", got)
			}
			want := `
				# HELP chatire_posts_joined_total Posts that shared the outcome of an equal post under way.
				# TYPE chatire_posts_joined_total counter
				chatire_posts_joined_total 1
			`
			if err := testutil.GatherAndCompare(a.metrics, strings.NewReader(want)); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("also in a failure", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			first, retry := a.postKeyed(1, "hi", "k"), a.postKeyed(1, "hi", "k")
			a.log.last(t, 1).fail(chat.ErrUnavailable)
			wantUnavailable(t, first)
			wantUnavailable(t, retry)
		})
	})
	t.Run("but no post that differs in anything", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			key := "k"
			a.post(1, "now")
			a.postKeyed(1, "hi", "k")
			a.postKeyed(1, "ho", "k")
			a.postKeyed(1, "hi", "K")
			a.postKeyed(3, "hi", "k")
			a.postAs(t.Context(), chat.Draft{SessionID: 1, UserID: 2, ClientID: &key, Body: "hi", Sum: chat.SumOf("hi")})
			a.post(1, "hi")
			a.post(1, "hi")
			a.log.last(t, 1).store()
			if c := a.log.last(t, 2); len(c.drafts) != 7 {
				t.Errorf("%d of 7 drafts are under way: %q", len(c.drafts), c.texts())
			}
		})
	})
	t.Run("but asks the log about one that came later", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			a.postKeyed(1, "hi", "k")
			a.log.last(t, 1).store()
			retry := a.postKeyed(1, "hi", "k")
			a.log.last(t, 2).judge(chat.Known)
			if got := <-retry; got.Verdict != chat.Known || got.Seq != 7 {
				t.Errorf("the retry was answered %+v", got)
			}
		})
	})
}

func TestAppenderRefusesWhatWouldWaitTooLong(t *testing.T) {
	withAppender(t, func(t *testing.T, a *appending) {
		const bound = 4096
		a.post(1, "is being committed")
		waiting := make([]<-chan answer, bound)
		for i := range waiting {
			waiting[i] = a.post(1, "waits")
		}
		if slices.ContainsFunc(waiting, isAnswered) {
			t.Error("a post was refused before the queue was full")
		}
		refused := a.post(1, "is one too many")
		if !isAnswered(refused) {
			t.Fatal("the queue has no bound")
		}
		wantUnavailable(t, refused)
	})
}

func TestAppenderEnd(t *testing.T) {
	withAppender(t, func(t *testing.T, a *appending) {
		underWay, waiting := a.post(1, "a"), a.post(1, "b")
		a.stop()
		a.log.last(t, 1).store()
		wantStored(t, underWay, 1)
		a.log.last(t, 2).store()
		wantStored(t, waiting, 2)
		<-a.stopped
		for _, sessionID := range []int64{1, 2} {
			if got := <-a.post(sessionID, "too late"); chat.CodeOf(got.err) != chat.Unavailable || got.waited != 0 {
				t.Errorf("a post after the end was answered %+v", got)
			}
		}
	})
}

func TestAppenderPublishes(t *testing.T) {
	t.Run("nothing before the commit, and nothing in the way of the answer", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			held := make(chan struct{})
			a.published.held = held
			post := a.postAs(chat.WithCause(t.Context(), chat.Cause{RequestID: "request-1"}), chat.Draft{SessionID: 1, Body: "hi"})
			if events, _ := a.published.all(); len(events) != 0 {
				t.Errorf("published before the commit: %+v", events)
			}
			a.log.last(t, 1).store()
			wantStored(t, post, 1) // while the publisher is held
			close(held)
			events, causes := a.published.all()
			if len(events) != 1 || events[0].Seq != 1 || events[0].Rev != 1 || events[0].Ordinal != 1 || events[0].Body != "hi" {
				t.Errorf("published %+v", events)
			}
			if !slices.Equal(causes, []chat.Cause{{RequestID: "request-1"}}) {
				t.Errorf("published for the requests %+v", causes)
			}
		})
	})
	t.Run("what was stored and nothing else", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			a.post(1, "now")
			for _, text := range []string{"known", "stored", "clashed", "strange", "shut"} {
				a.post(1, text)
			}
			a.log.last(t, 1).store()
			a.log.last(t, 2).judge(chat.Known, chat.Stored, chat.Clashed, chat.Stranger, chat.Shut)
			events, _ := a.published.all()
			if len(events) != 2 || events[1].Body != "stored" || events[1].Seq != 7 {
				t.Errorf("published %+v", events)
			}
		})
	})
	t.Run("each session in the order of its seqs", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			const posts, sessions = 500, 5
			for range posts {
				a.post(1+rand.Int64N(sessions), "hi")
			}
			answered := map[*commit]bool{}
			for {
				begun := slices.DeleteFunc(a.log.commits(), func(c *commit) bool { return answered[c] })
				if len(begun) == 0 {
					break
				}
				c := begun[rand.IntN(len(begun))]
				answered[c] = true
				c.store()
			}
			events, _ := a.published.all()
			if len(events) != posts {
				t.Errorf("%d of %d posts were published", len(events), posts)
			}
			heads := map[int64]int64{}
			for _, e := range events {
				heads[e.SessionID]++
				if e.Seq != heads[e.SessionID] {
					t.Fatalf("session %d: seq %d came where %d was due", e.SessionID, e.Seq, heads[e.SessionID])
				}
			}
		})
	})
}
