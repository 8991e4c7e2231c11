package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Kind says what a line tells.
type Kind string

const (
	Send       Kind = "send"   // a post begins: ClientID, URI, User, Sum, Try
	Accepted   Kind = "ok"     // a 2xx answer: ClientID, Status, Seq, ID
	Refused    Kind = "fail"   // an answer that says that this try stored nothing: ClientID, Status
	Unknown    Kind = "info"   // it may be stored or not: ClientID, Why
	Opened     Kind = "open"   // a connection: Device, User, Conn, which counts 1, 2, 3 ... on a device
	Subscribed Kind = "sub"    // events from From+1 on follow: Device, Conn, URI, From, Epoch
	Received   Kind = "recv"   // an event frame: Device, Conn, URI, Seq, ID, ClientID, User, Sum, Rev
	Closed     Kind = "close"  // a connection's end: Device, Conn, Code
	Member     Kind = "member" // somebody was added or removed: URI, User, Op, Began
	Fault      Kind = "fault"  // a fault begins or ends: Name, Phase
	Stop       Kind = "stop"   // nobody posts any more, and all faults are over
	Log        Kind = "hist"   // the whole Log of a Session at the end: Source, URI, Rows
	End        Kind = "end"    // the last line of a writer
)

// ID is a User as JSON tells it: a number of ours, or whatever another client has.
type ID string

// UserID returns the ID of a User.
func UserID(id int64) ID { return ID(strconv.FormatInt(id, 10)) }

// MarshalJSON implements json.Marshaler.
func (id ID) MarshalJSON() ([]byte, error) {
	if id == "" {
		return []byte("null"), nil
	}
	return []byte(id), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (id *ID) UnmarshalJSON(text []byte) error {
	*id = ID(bytes.Clone(text))
	if *id == "null" {
		*id = ""
	}
	return nil
}

// Row is one Event of a Log.
type Row struct {
	Seq, ID  int64
	ClientID *string // of a Message that has one
	User     ID      // its author
	Sum      string  // see [Sum]; of the newest text
	Rev      int64   // the seq of its last change; 0 counts like Seq
}

// MarshalJSON writes a Row as an array.
func (r Row) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{r.Seq, r.ID, r.ClientID, r.User, r.Sum, r.Rev})
}

var errRow = errors.New("a row is [seq, id, cid, user, sha] and maybe rev")

// UnmarshalJSON reads a Row from an array.
func (r *Row) UnmarshalJSON(text []byte) error {
	var fields []json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	if len(fields) < 5 || len(fields) > 6 {
		return errRow
	}
	for i, into := range []any{&r.Seq, &r.ID, &r.ClientID, &r.User, &r.Sum, &r.Rev}[:len(fields)] {
		if err := json.Unmarshal(fields[i], into); err != nil {
			return fmt.Errorf("%w: %w", errRow, err)
		}
	}
	return nil
}

// Line is one line of a history. Which fields count depends on its Kind.
type Line struct {
	Time    int64  `json:"t"`
	Process string `json:"p"`
	Number  int    `json:"n"`
	Kind    Kind   `json:"e"`

	ClientID *string `json:"cid"`
	URI      string  `json:"uri"`
	User     ID      `json:"user"`
	Sum      string  `json:"sha"`
	Try      int     `json:"att"`
	Status   int     `json:"status"`
	Seq      int64   `json:"seq"` // 0: the frame had none
	ID       int64   `json:"id"`
	Rev      int64   `json:"rev"`
	Why      string  `json:"why"`

	Device string `json:"dev"`
	Conn   int    `json:"conn"`
	From   int64  `json:"from"`
	Epoch  string `json:"epoch"`
	Code   int    `json:"code"`

	Op     string `json:"op"` // add or remove
	Began  int64  `json:"t0"` // when it was asked for
	Name   string `json:"name"`
	Phase  string `json:"phase"` // begin or end
	Source string `json:"src"`   // api or sql
	Rows   []Row  `json:"rows"`
}

// fields returns the names and values that a Kind of line has, in their order.
func (l *Line) fields() []any {
	switch l.Kind {
	case Send:
		return []any{"cid", l.ClientID, "uri", l.URI, "user", l.User, "sha", l.Sum, "att", l.Try}
	case Accepted:
		return []any{"cid", l.ClientID, "status", l.Status, "seq", l.Seq, "id", l.ID}
	case Refused:
		return []any{"cid", l.ClientID, "status", l.Status}
	case Unknown:
		return []any{"cid", l.ClientID, "why", l.Why}
	case Opened:
		return []any{"dev", l.Device, "user", l.User, "conn", l.Conn}
	case Subscribed:
		return []any{"dev", l.Device, "conn", l.Conn, "uri", l.URI, "from", l.From, "epoch", l.Epoch}
	case Received:
		frame := []any{"dev", l.Device, "conn", l.Conn, "uri", l.URI}
		if l.Seq != 0 {
			frame = append(frame, "seq", l.Seq)
		}
		return append(frame, "id", l.ID, "cid", l.ClientID, "user", l.User, "sha", l.Sum, "rev", l.Rev)
	case Closed:
		return []any{"dev", l.Device, "conn", l.Conn, "code", l.Code}
	case Member:
		return []any{"uri", l.URI, "user", l.User, "op", l.Op, "t0", l.Began}
	case Fault:
		return []any{"name", l.Name, "phase", l.Phase}
	case Log:
		return []any{"src", l.Source, "uri", l.URI, "rows", append([]Row{}, l.Rows...)}
	}
	return nil
}

// MarshalJSON writes the fields that the line's Kind has.
func (l Line) MarshalJSON() ([]byte, error) {
	out := bytes.NewBufferString("{")
	for i, pairs := 0, append([]any{"t", l.Time, "p", l.Process, "n", l.Number, "e", l.Kind}, l.fields()...); i < len(pairs); i += 2 {
		if i > 0 {
			out.WriteByte(',')
		}
		value, err := json.Marshal(pairs[i+1])
		if err != nil {
			return nil, fmt.Errorf("%s of a line: %w", pairs[i], err)
		}
		fmt.Fprintf(out, "%q:%s", pairs[i], value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
