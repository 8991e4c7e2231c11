package client

import (
	"context"
	"net/http"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/history"
)

// Recorded notes in a history what a client and its devices do.
type Recorded struct{ *history.Recorder }

// RowOf returns the Row of an Event. Those that tell of a change to a Message show
// that Message's newest text, which is not theirs and is left out.
func RowOf(e Event) history.Row {
	row := history.Row{Seq: e.Seq, ID: e.ID, ClientID: e.ClientID, User: history.UserID(e.User.ID), Sum: history.Sum(""), Rev: e.Rev}
	switch {
	case e.Type == chat.EventMessage:
		row.Sum = history.Sum(e.Message)
	case e.Type == chat.EventTitle:
		row.Sum = history.Sum(e.Title)
	case e.Target != 0:
		row.Rev = e.Seq
	}
	return row
}

// RowsOf returns the Rows of a Log.
func RowsOf(events []Event) []history.Row {
	rows := make([]history.Row, len(events))
	for i, e := range events {
		rows[i] = RowOf(e)
	}
	return rows
}

// PostReliably is [Client.PostReliably] with each try noted. user is the Client's.
func (r Recorded) PostReliably(ctx context.Context, c *Client, user int64, uri, text, clientID string) (Message, error) {
	if clientID == "" {
		clientID = NewClientID()
	}
	return c.postReliably(ctx, uri, text, clientID, &recordedPost{r, user, uri, history.Sum(text), clientID})
}

// recordedPost notes the tries of one Message.
type recordedPost struct {
	recorder Recorded
	user     int64
	uri      string
	sum      string
	clientID string
}

func (p *recordedPost) sending(try int) {
	p.recorder.Write(history.Line{
		Kind: history.Send, ClientID: &p.clientID, URI: p.uri, User: history.UserID(p.user), Sum: p.sum, Try: try,
	})
}

func (p *recordedPost) sent(m Message, err error) {
	line := history.Line{ClientID: &p.clientID}
	switch {
	case err == nil:
		line.Kind, line.Status, line.Seq, line.ID = history.Accepted, http.StatusOK, m.Seq, m.ID
	case refused(err):
		line.Kind, line.Status = history.Refused, status(err)
	default:
		line.Kind, line.Why = history.Unknown, err.Error()
	}
	p.recorder.Write(line)
}

// Watch notes what a device of a user sees, before the device looks at it. name is
// the device's and its alone. Hooks that are set already run as well.
func (r Recorded) Watch(name string, user int64, hooks Hooks) Hooks {
	d := &recordedDevice{recorder: r, name: name, user: user, numbers: map[string]int{}}
	inner := hooks
	hooks.OnOpen = func(connection string) {
		d.open()
		call(inner.OnOpen, connection)
	}
	hooks.OnFrame = func(f Frame) {
		d.frame(f)
		call(inner.OnFrame, f)
	}
	hooks.OnSubscribed = func(at Position, head int64) {
		d.subscribed(at)
		if inner.OnSubscribed != nil {
			inner.OnSubscribed(at, head)
		}
	}
	hooks.OnClose = func(err error, wait time.Duration) {
		d.closed(err)
		if inner.OnClose != nil {
			inner.OnClose(err, wait)
		}
	}
	return hooks
}

func call[T any](hook func(T), value T) {
	if hook != nil {
		hook(value)
	}
}
