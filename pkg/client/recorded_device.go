package client

import "github.com/chatire/chatire/pkg/history"

// recordedDevice notes what one device sees. In a history a device subscribes to a
// Session at most once on a connection, so a further subscription counts as a
// connection of its own.
type recordedDevice struct {
	recorder Recorded
	name     string
	user     int64

	last    int            // the highest number given
	current int            // the connection's
	numbers map[string]int // by uri, where the Session's subscription stands
}

func (d *recordedDevice) open() {
	clear(d.numbers)
	d.current = d.number()
}

// number begins another connection of the history.
func (d *recordedDevice) number() int {
	d.last++
	d.recorder.Write(history.Line{Kind: history.Opened, Device: d.name, User: history.UserID(d.user), Conn: d.last})
	return d.last
}

func (d *recordedDevice) subscribed(at Position) {
	conn := d.current
	if d.numbers[at.URI] != 0 {
		conn = d.number()
	}
	d.numbers[at.URI] = conn
	d.recorder.Write(history.Line{
		Kind: history.Subscribed, Device: d.name, Conn: conn, URI: at.URI, From: at.After, Epoch: at.Epoch,
	})
}

func (d *recordedDevice) frame(f Frame) {
	if f.Type != "event" {
		return
	}
	e, err := f.Event()
	if err != nil {
		e = Event{Seq: f.Seq} // the checker finds it corrupt
	}
	row := RowOf(e)
	conn := d.numbers[f.URI]
	if conn == 0 {
		conn = d.current // never subscribed: the checker says so
	}
	d.recorder.Write(history.Line{
		Kind: history.Received, Device: d.name, Conn: conn, URI: f.URI,
		Seq: row.Seq, ID: row.ID, ClientID: row.ClientID, User: row.User, Sum: row.Sum, Rev: row.Rev,
	})
}

func (d *recordedDevice) closed(err error) {
	d.recorder.Write(history.Line{Kind: history.Closed, Device: d.name, Conn: d.current, Code: end{err: err}.code()})
}
