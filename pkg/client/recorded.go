package client

import (
	"context"
	"encoding/json"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// Now is the time of the Recorders' clock, for Member.
func Now() int64 { return now() }

// Member notes that a user was added to a Session or removed from it: op is "add" or
// "remove". It is called after the answer; began is Now before the request.
func (r *Recorder) Member(uri string, user int64, op string, began int64) {
	line := struct {
		stamp
		URI   string `json:"uri"`
		User  int64  `json:"user"`
		Op    string `json:"op"`
		Began int64  `json:"t0"`
	}{stamp{Event: "member"}, uri, user, op, began}
	r.write(&line.stamp, &line)
}

// Fault notes that a fault begins or ends: phase is "begin" or "end".
func (r *Recorder) Fault(name, phase string) {
	line := struct {
		stamp
		Name  string `json:"name"`
		Phase string `json:"phase"`
	}{stamp{Event: "fault"}, name, phase}
	r.write(&line.stamp, &line)
}

// Stop notes that nobody sends any more and that all faults are over.
func (r *Recorder) Stop() { r.mark("stop") }

func (r *Recorder) mark(event string) {
	line := stamp{Event: event}
	r.write(&line, &line)
}

// Row is one Event of a Log in a history.
type Row struct {
	Seq, ID  int64
	ClientID *string
	User     int64
	Sum      string // see [Sum]
	Rev      int64
}

// MarshalJSON writes a Row as an array.
func (r Row) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{r.Seq, r.ID, r.ClientID, r.User, r.Sum, r.Rev})
}

// RowOf returns the Row of an Event. Those that tell of a change to a Message show
// that Message's newest text, which is not theirs and is left out.
func RowOf(e Event) Row {
	row := Row{Seq: e.Seq, ID: e.ID, ClientID: e.ClientID, User: e.User.ID, Sum: Sum(""), Rev: e.Rev}
	switch {
	case e.Type == chat.EventMessage:
		row.Sum = Sum(e.Message)
	case e.Type == chat.EventTitle:
		row.Sum = Sum(e.Title)
	case e.Target != 0:
		row.Rev = e.Seq
	}
	return row
}

// Log notes the whole Log of a Session as one source shows it at the end: "api" or
// "sql".
func (r *Recorder) Log(source, uri string, rows []Row) {
	line := struct {
		stamp
		Source string `json:"src"`
		URI    string `json:"uri"`
		Rows   []Row  `json:"rows"`
	}{stamp{Event: "hist"}, source, uri, append([]Row{}, rows...)}
	r.write(&line.stamp, &line)
}

// ReadLog reads the whole Log of a Session by REST and notes it.
func (r *Recorder) ReadLog(ctx context.Context, c *Client, uri string) error {
	events, err := c.AllEvents(ctx, uri)
	if err != nil {
		return err
	}
	rows := make([]Row, len(events))
	for i, e := range events {
		rows[i] = RowOf(e)
	}
	r.Log("api", uri, rows)
	return nil
}

// PostReliably is [Client.PostReliably] with each try noted. user is the Client's.
func (r *Recorder) PostReliably(ctx context.Context, c *Client, user int64, uri, text, clientID string) (Message, error) {
	if clientID == "" {
		clientID = NewClientID()
	}
	return c.postReliably(ctx, uri, text, clientID, &recordedPost{r, user, uri, Sum(text), clientID})
}

// recordedPost notes the tries of one Message.
type recordedPost struct {
	recorder *Recorder
	user     int64
	uri      string
	sum      string
	clientID string
}

func (p *recordedPost) sending(try int) {
	line := struct {
		stamp
		ClientID string `json:"cid"`
		URI      string `json:"uri"`
		User     int64  `json:"user"`
		Sum      string `json:"sha"`
		Try      int    `json:"att"`
	}{stamp{Event: "send"}, p.clientID, p.uri, p.user, p.sum, try}
	p.recorder.write(&line.stamp, &line)
}

func (p *recordedPost) sent(m Message, err error) {
	switch {
	case err == nil:
		line := struct {
			stamp
			ClientID string `json:"cid"`
			Status   int    `json:"status"`
			Seq      int64  `json:"seq"`
			ID       int64  `json:"id"`
		}{stamp{Event: "ok"}, p.clientID, 200, m.Seq, m.ID}
		p.recorder.write(&line.stamp, &line)
	case refused(err):
		line := struct {
			stamp
			ClientID string `json:"cid"`
			Status   int    `json:"status"`
		}{stamp{Event: "fail"}, p.clientID, status(err)}
		p.recorder.write(&line.stamp, &line)
	default:
		line := struct {
			stamp
			ClientID string `json:"cid"`
			Why      string `json:"why"`
		}{stamp{Event: "info"}, p.clientID, err.Error()}
		p.recorder.write(&line.stamp, &line)
	}
}

// Watch has the Recorder note what a device of a user sees, before the device looks
// at it. name is the device's and its alone. Hooks that are set already run as well.
func (r *Recorder) Watch(name string, user int64, hooks Hooks) Hooks {
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
