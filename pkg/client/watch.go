package client

import "encoding/json"

// Head as a Position's After stands for the end of the Log at the moment at which
// the server subscribes.
const Head = -1

// Position is where a device stands in a Session.
type Position struct {
	URI string

	// After is the last Seq that was seen: 0 for the whole Log, Head for what is to
	// come.
	After int64

	// Epoch is the life of the Log that After belongs to; "" if not known.
	Epoch string
}

// watch is one Session of a device.
type watch struct {
	Position

	// asked holds the After of each subscribe on this connection that is still
	// without an answer. The server answers them in their order.
	asked []int64

	// dirty says that a subscribe is to be sent.
	dirty bool

	// left says that the device has unsubscribed and waits for the answer.
	left bool
}

// subscribeFrame is what the client sends.
type subscribeFrame struct {
	Type     string  `json:"type"`
	Sessions []entry `json:"sessions"`
	Epoch    string  `json:"epoch,omitempty"`
}

type entry struct {
	URI   string `json:"uri"`
	After *int64 `json:"after,omitempty"`
}

// entryBytes is at least what one entry takes in a frame.
const entryBytes = 64

// takeFrame returns the next frame that brings the server up to date, and notes
// what it asks; nil if there is nothing to send. A frame holds the Sessions of one
// life of the Log. The device's lock is held.
func (d *Device) takeFrame() []byte {
	if len(d.leaving) > 0 {
		uri := d.leaving[0]
		d.leaving = d.leaving[1:]
		return mustEncode(map[string]string{"type": "unsubscribe", "uri": uri})
	}
	frame := subscribeFrame{Type: "subscribe"}
	room := min(d.limits.Subscribe, d.limits.FrameBytes/entryBytes)
	var later []*watch
	for _, w := range d.dirty {
		switch {
		case !w.dirty: // asked for meanwhile, or not wanted any more
		case len(frame.Sessions) == 0:
			frame.Epoch = w.Epoch
			frame.Sessions = append(frame.Sessions, w.ask())
		case w.Epoch == frame.Epoch && len(frame.Sessions) < room:
			frame.Sessions = append(frame.Sessions, w.ask())
		default:
			later = append(later, w)
		}
	}
	d.dirty = later
	if len(frame.Sessions) == 0 {
		return nil
	}
	return mustEncode(frame)
}

// ask notes that the Session is asked for, and returns with what words.
func (w *watch) ask() entry {
	w.dirty = false
	w.asked = append(w.asked, w.After)
	if w.After == Head {
		return entry{URI: w.URI}
	}
	after := w.After
	return entry{URI: w.URI, After: &after}
}

// answered returns the After of the oldest subscribe without an answer.
func (w *watch) answered() (after int64, ok bool) {
	if len(w.asked) == 0 {
		return 0, false
	}
	after = w.asked[0]
	w.asked = w.asked[1:]
	return after, true
}

// mark has a subscribe sent for w. The device's lock is held.
func (d *Device) mark(w *watch) {
	if !w.dirty {
		w.dirty = true
		d.dirty = append(d.dirty, w)
	}
}

// watched returns the watch of a Session that the device wants to see, nil if it
// does not. The device's lock is held.
func (d *Device) watched(uri string) *watch {
	if w := d.watches[uri]; w != nil && !w.left {
		return w
	}
	return nil
}

// idle says that no answer is awaited, and none will be.
func (w *watch) idle() bool { return len(w.asked) == 0 && !w.dirty }

func mustEncode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // nothing that we send can fail to encode
	}
	return text
}
