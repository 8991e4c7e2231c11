package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

// postPatience bounds how long a message is tried, and how long the end of a talk
// waits for what was sent to come back.
const postPatience = 30 * time.Second

// talk is one session on the terminal. Its run alone prints and decides; the device
// and the poster hand over what they have.
type talk struct {
	*chatOptions
	me    *client.Client
	after int64 // where the live events begin

	shown  int64 // highest seq that was printed
	posted int64 // highest seq that was sent from here
	failed error // why a message was not sent; the last one

	events chan client.Event
	ends   chan string // why the session is watched no more
	sent   chan outcome
}

// outcome is what became of a line. The last one is at the end of the input.
type outcome struct {
	seq  int64
	err  error
	last bool
}

func newTalk(o *chatOptions, me *client.Client, head int64) *talk {
	return &talk{
		chatOptions: o,
		me:          me,
		after:       head,
		events:      make(chan client.Event),
		ends:        make(chan string),
		sent:        make(chan outcome),
	}
}

// run talks until ctx ends, the session does, or the input does and all that was
// sent has come back. What reads the input may stay behind: it ends with the process.
func (t *talk) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	device := t.me.Device(client.DeviceOptions{Hooks: t.hooks(ctx)})
	device.Subscribe(client.Position{URI: t.uri, After: t.after})
	signedOut := make(chan error, 1)
	running.Go(func() { signedOut <- device.Run(ctx) })
	running.Go(func() { t.post(ctx) })

	var over <-chan time.Time // set at the end of the input
	for {
		if over != nil && t.shown >= t.posted && !t.follow {
			return t.failed
		}
		select {
		case e := <-t.events:
			t.show(e)
		case reason := <-t.ends:
			t.note("The session is over for you: %s.", reason)
			return t.failed
		case o := <-t.sent:
			t.settle(o)
			if o.last {
				over = time.After(postPatience)
			}
		case err := <-signedOut:
			if err != nil {
				return err
			}
			signedOut = nil // ctx has ended
		case <-over:
			if !t.follow {
				return errors.New("what was sent did not come back in time; it is stored")
			}
		case <-ctx.Done():
			return t.interrupted(ctx)
		}
	}
}

// interrupted tells a person who is done from a program that was cut short.
func (t *talk) interrupted(ctx context.Context) error {
	if t.asks() || t.follow {
		return t.failed
	}
	return ctx.Err()
}

// settle notes what became of a line.
func (t *talk) settle(o outcome) {
	t.posted = max(t.posted, o.seq)
	if o.err != nil {
		t.failed = fmt.Errorf("a message was not sent: %w", o.err)
		t.note("Not sent: %v", o.err)
	}
}

// hooks hands what the device sees to run.
func (t *talk) hooks(ctx context.Context) client.Hooks {
	return client.Hooks{
		OnEvent: func(e client.Event) {
			select {
			case t.events <- e:
			case <-ctx.Done():
			}
		},
		OnEnd: func(_, reason string) {
			select {
			case t.ends <- reason:
			case <-ctx.Done():
			}
		},
		OnClose: func(err error, wait time.Duration) {
			if ctx.Err() == nil {
				t.note("The connection is lost (%v). Trying again in %v.", err, wait.Round(100*time.Millisecond))
			}
		},
	}
}

// post sends each line of the input, one after the other.
func (t *talk) post(ctx context.Context) {
	for {
		line, err := t.line(ctx)
		if ctx.Err() != nil {
			return
		}
		o := outcome{last: err != nil}
		if err != nil && !errors.Is(err, io.EOF) {
			o.err = fmt.Errorf("read the input: %w", err)
		}
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			o.seq, o.err = t.postOne(ctx, line)
		}
		select {
		case t.sent <- o:
		case <-ctx.Done():
			return
		}
		if o.last {
			return
		}
	}
}

func (t *talk) postOne(ctx context.Context, line string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, postPatience)
	defer cancel()
	posted, err := t.me.PostReliably(ctx, t.uri, line, "")
	return posted.Seq, err
}

// show prints an event, once.
func (t *talk) show(e client.Event) {
	if e.Seq <= t.shown {
		return
	}
	t.shown = e.Seq
	if t.json {
		encoded, err := json.Marshal(e)
		if err == nil {
			fmt.Fprintf(t.out, "%s\n", encoded)
		}
		return
	}
	if text := wording(e); text != "" {
		fmt.Fprintf(t.out, "%s %s\n", e.CreatedDate.Local().Format("2006-01-02 15:04:05"), text)
	}
}

// wording returns an event in words, "" for one that is not shown.
func wording(e client.Event) string {
	actor, subject := who(e.User), ""
	if e.Member != nil {
		subject = who(*e.Member)
	}
	switch e.Type {
	case chat.EventMessage:
		if e.Message == "" {
			return actor + ": (deleted)"
		}
		return actor + ": " + indented(e.Message)
	case chat.EventJoined:
		if subject == "" || subject == actor {
			return "* " + actor + " joined"
		}
		return "* " + actor + " added " + subject
	case chat.EventLeft:
		return "* " + subject + " left"
	case chat.EventRemoved:
		return "* " + actor + " removed " + subject
	case chat.EventRole:
		return "* " + subject + " is " + string(e.Role) + " now"
	case chat.EventTitle:
		return "* " + actor + " set the title: " + printable(e.Title)
	case chat.EventAccess:
		if e.Access == chat.AccessInvite {
			return "* the link lets nobody in now"
		}
		return "* the link lets people in now"
	case chat.EventClosed:
		return "* the session is closed"
	case chat.EventEdited:
		return fmt.Sprintf("* %s changed message %d: %s", actor, e.Target, indented(e.Message))
	case chat.EventDeleted:
		return fmt.Sprintf("* %s deleted message %d", actor, e.Target)
	case chat.EventReacted:
		return fmt.Sprintf("* message %d has %s", e.Target, reactions(e.Reactions))
	}
	return ""
}

// indented sets the lines of a message after the first in, so that none can look like
// another message.
func indented(text string) string {
	return strings.ReplaceAll(printableLines(text), "\n", "\n    ")
}

// reactions returns how often each one was given.
func reactions(all []chat.Reaction) string {
	if len(all) == 0 {
		return "no reactions"
	}
	words := make([]string, len(all))
	for i, r := range all {
		words[i] = fmt.Sprintf("%s %d", printable(r.Emoji), r.Count)
	}
	return strings.Join(words, ", ")
}

// who returns the name of a user; the account may be gone.
func who(u chat.PublicUser) string {
	if u.Username == "" {
		return fmt.Sprintf("(user %d)", u.ID)
	}
	return printable(u.Username)
}
