package client

// recordedDevice notes what one device sees. In a history a device subscribes to a
// Session at most once on a connection, so a further subscription counts as a
// connection of its own.
type recordedDevice struct {
	recorder *Recorder
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
	line := struct {
		stamp
		Device string `json:"dev"`
		User   int64  `json:"user"`
		Conn   int    `json:"conn"`
	}{stamp{Event: "open"}, d.name, d.user, d.last}
	d.recorder.write(&line.stamp, &line)
	return d.last
}

func (d *recordedDevice) subscribed(at Position) {
	conn := d.current
	if d.numbers[at.URI] != 0 {
		conn = d.number()
	}
	d.numbers[at.URI] = conn
	line := struct {
		stamp
		Device string `json:"dev"`
		Conn   int    `json:"conn"`
		URI    string `json:"uri"`
		From   int64  `json:"from"`
		Epoch  string `json:"epoch"`
	}{stamp{Event: "sub"}, d.name, conn, at.URI, at.After, at.Epoch}
	d.recorder.write(&line.stamp, &line)
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
	line := struct {
		stamp
		Device   string  `json:"dev"`
		Conn     int     `json:"conn"`
		URI      string  `json:"uri"`
		Seq      int64   `json:"seq"`
		ID       int64   `json:"id"`
		ClientID *string `json:"cid"`
		User     int64   `json:"user"`
		Sum      string  `json:"sha"`
		Rev      int64   `json:"rev"`
	}{stamp{Event: "recv"}, d.name, conn, f.URI, row.Seq, row.ID, row.ClientID, row.User, row.Sum, row.Rev}
	d.recorder.write(&line.stamp, &line)
}

func (d *recordedDevice) closed(err error) {
	line := struct {
		stamp
		Device string `json:"dev"`
		Conn   int    `json:"conn"`
		Code   int    `json:"code"`
	}{stamp{Event: "close"}, d.name, d.current, end{err: err}.code()}
	d.recorder.write(&line.stamp, &line)
}
