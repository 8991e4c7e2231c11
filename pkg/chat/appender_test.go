package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

func TestAppenderCommitsInGroups(t *testing.T) {
	t.Run("a lone post waits for nobody", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			post := a.post(1, "hi")
			a.log.last(t, 1).store()
			if got := <-post; got.err != nil || got.waited != 0 {
				t.Errorf("answered %+v", got)
			}
		})
	})
	t.Run("posts that arrive during a commit go together in the next", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			first := a.post(1, "a")
			second, third, fourth := a.post(1, "b"), a.post(3, "c"), a.post(1, "d")
			a.log.last(t, 1).store()
			wantStored(t, first, 1)
			next := a.log.last(t, 2)
			if got := next.texts(); !slices.Equal(got, []string{"b", "c", "d"}) {
				t.Errorf("the next commit has %q", got)
			}
			next.store()
			wantStored(t, second, 2)
			wantStored(t, third, 1)
			wantStored(t, fourth, 3)
		})
	})
	t.Run("a commit takes 64 posts and 64 KB at most", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			a.post(1, "first")
			for range 70 {
				a.post(1, "short")
			}
			for range 10 {
				a.post(1, strings.Repeat("long ", 2000))
			}
			a.log.last(t, 1).store()
			for n, want := range []int{64, 12, 4} { // 6 short and 6 long fit
				c := a.log.last(t, n+2)
				if len(c.drafts) != want {
					t.Errorf("commit %d has %d posts, want %d", n+2, len(c.drafts), want)
				}
				c.store()
			}
		})
	})
	t.Run("a poster who gives up ends nobody's post", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			gone, cancel := context.WithCancel(t.Context())
			post := a.postAs(gone, chat.Draft{SessionID: 1, Body: "hi"})
			cancel()
			c := a.log.last(t, 1)
			if err := c.ctx.Err(); err != nil {
				t.Errorf("the commit ended: %v", err)
			}
			c.store()
			wantStored(t, post, 1)
		})
	})
}

func TestAppenderAfterAFailure(t *testing.T) {
	t.Run("tries each session of an aborted batch alone", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			a.post(5, "now")
			before, locked, after, again := a.post(1, "a"), a.post(3, "locked"), a.post(5, "b"), a.post(1, "c")
			a.log.last(t, 1).store()
			a.log.last(t, 2).abort()

			alone := a.log.last(t, 3)
			if got := alone.texts(); !slices.Equal(got, []string{"a", "c"}) {
				t.Errorf("the first session is tried with %q", got)
			}
			alone.store()
			wantStored(t, before, 1)
			wantStored(t, again, 2)
			a.log.last(t, 4).abort()
			wantUnavailable(t, locked)
			a.log.last(t, 5).store()
			wantStored(t, after, 2)
		})
	})
	t.Run("tries a session that was alone already no second time", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			post := a.post(1, "locked")
			a.log.last(t, 1).abort()
			wantUnavailable(t, post)
			a.log.last(t, 1)
		})
	})
	t.Run("keeps a locked session aside for a while, so that the others do not wait", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			locked := a.post(1, "locked")
			a.log.last(t, 1).abort()
			wantUnavailable(t, locked)

			held, other := a.post(1, "a"), a.post(2, "b")
			commits := a.log.last(t, 3)
			commits.store()
			wantStored(t, other, 1)
			a.log.commits()[1].store()
			wantStored(t, held, 1)

			time.Sleep(6 * time.Second) // in the time of the bubble
			first := a.post(2, "now")
			second, third := a.post(1, "c"), a.post(2, "d")
			a.log.last(t, 4).store()
			wantStored(t, first, 2)
			if got := a.log.last(t, 5).texts(); !slices.Equal(got, []string{"c", "d"}) {
				t.Errorf("the next commit has %q: the session is still aside", got)
			}
			a.log.last(t, 5).store()
			wantStored(t, second, 2)
			wantStored(t, third, 3)
		})
	})
	t.Run("keeps sessions aside again when those of an earlier time are done", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			const bound = 4096
			for sessionID := range int64(bound + 1) {
				locked := a.post(sessionID+10, "locked")
				a.log.last(t, int(sessionID)+1).abort()
				wantUnavailable(t, locked)
			}
			time.Sleep(6 * time.Second) // in the time of the bubble
			locked := a.post(1, "locked")
			a.log.last(t, bound+2).abort()
			wantUnavailable(t, locked)

			a.post(1, "is aside")
			other := a.post(2, "b")
			a.log.last(t, bound+4).store()
			wantStored(t, other, 1)
			a.log.commits()[bound+2].store()
		})
	})
	t.Run("tries nothing again if the outcome is not known", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			a.post(1, "now")
			first, second := a.post(1, "a"), a.post(3, "b")
			a.log.last(t, 1).store()
			lost := errors.New("the connection broke")
			a.log.last(t, 2).fail(fmt.Errorf("%w (%w)", chat.ErrUnavailable, lost))
			wantUnavailable(t, first)
			if got := <-second; !errors.Is(got.err, lost) || !errors.Is(got.err, chat.ErrUnavailable) {
				t.Errorf("answered %v", got.err)
			}
			a.log.last(t, 2)
			if events, _ := a.published.all(); len(events) != 1 {
				t.Errorf("published %+v", events)
			}
		})
	})
	t.Run("goes on with the next post", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			lost := a.post(1, "lost")
			a.log.last(t, 1).fail(chat.ErrUnavailable)
			wantUnavailable(t, lost)
			post := a.post(1, "hi")
			a.log.last(t, 2).store()
			wantStored(t, post, 1)
		})
	})
	t.Run("answers within two seconds though the database hangs", func(t *testing.T) {
		withAppender(t, func(t *testing.T, a *appending) {
			var posts []<-chan answer
			for range 6 {
				posts = append(posts, a.post(1, "hi"))
				time.Sleep(300 * time.Millisecond) // in the time of the bubble
			}
			for i, post := range posts {
				got := <-post
				if chat.CodeOf(got.err) != chat.Unavailable || got.waited > 2*time.Second {
					t.Errorf("post %d was answered %v after %v", i, got.err, got.waited)
				}
			}
		})
	})
}
