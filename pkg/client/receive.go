package client

// event takes an event frame: the next of its Session is handed over, one that was
// seen is dropped, and one beyond a gap makes the device subscribe again from where
// it stands.
func (d *Device) event(uri []byte, seq int64, text []byte) {
	frame := Frame{Type: "event", Seq: seq, Text: text}
	next, gap := false, false
	d.mu.Lock()
	w := d.watched(string(uri))
	if w != nil {
		frame.URI = w.URI // saves a copy
		next = w.After != Head && seq == w.After+1
		gap = w.After != Head && seq > w.After+1 && w.idle()
	}
	d.mu.Unlock()

	if d.hooks.OnFrame != nil {
		if w == nil {
			frame.URI = string(uri)
		}
		d.hooks.OnFrame(frame)
	}
	switch {
	case next:
		d.deliver(w, frame)
	case gap:
		d.again(w)
	}
}

// deliver hands over the next Event and moves the position behind it. A frame that
// cannot be decoded is a gap.
func (d *Device) deliver(w *watch, f Frame) {
	var e Event
	if d.hooks.OnEvent != nil {
		var err error
		if e, err = f.Event(); err != nil {
			d.again(w)
			return
		}
	}
	d.mu.Lock()
	wanted := !w.left && w.After+1 == f.Seq
	if wanted {
		w.After = f.Seq
	}
	d.mu.Unlock()
	if wanted && d.hooks.OnEvent != nil {
		d.hooks.OnEvent(e)
	}
}

// again subscribes anew from where the device stands.
func (d *Device) again(w *watch) {
	d.mu.Lock()
	d.mark(w)
	d.mu.Unlock()
	d.flush()
}

// receive takes the frames that steer subscriptions.
func (d *Device) receive(c control) {
	switch c.Type {
	case "subscribed":
		d.subscribed(c)
	case "caught_up":
		if d.hooks.OnCaughtUp != nil {
			d.hooks.OnCaughtUp(c.URI, c.Seq)
		}
	case "reset":
		d.reset(c)
	case "unsubscribed":
		d.unsubscribed(c)
	case "error":
		d.complain(c)
	default:
		d.hear(c)
	}
}

// hear takes the frames that are passed on as they are.
func (d *Device) hear(c control) {
	switch {
	case c.Type == "notice" && d.hooks.OnNotice != nil:
		d.hooks.OnNotice(c.Notice, c.URI, c.Seq)
	case c.Type == "presence" && d.hooks.OnPresence != nil:
		d.hooks.OnPresence(c.URI, c.Presence)
	case c.Type == "typing" && d.hooks.OnTyping != nil:
		d.hooks.OnTyping(c.URI, c.User.ID, c.User.Username)
	}
}

// subscribed answers a subscribe.
func (d *Device) subscribed(c control) {
	d.mu.Lock()
	w := d.watches[c.URI]
	if w == nil {
		d.mu.Unlock()
		return
	}
	after, asked := w.answered()
	if after == Head {
		after = c.Head
	}
	if asked && w.After == Head {
		w.After = c.Head
	}
	if w.idle() || w.Epoch == "" {
		w.Epoch = c.Epoch
	}
	d.mu.Unlock()
	if asked && d.hooks.OnSubscribed != nil {
		d.hooks.OnSubscribed(Position{URI: c.URI, After: after, Epoch: c.Epoch}, c.Head)
	}
}

// reset answers a subscribe from a position that the Log does not have.
func (d *Device) reset(c control) {
	d.mu.Lock()
	w := d.watches[c.URI]
	if w == nil {
		d.mu.Unlock()
		return
	}
	if w.answered(); w.left {
		d.mu.Unlock()
		return
	}
	w.After, w.Epoch = max(0, c.Oldest-1), c.Epoch
	d.mark(w)
	at := w.Position
	d.mu.Unlock()
	if d.hooks.OnReset != nil {
		d.hooks.OnReset(at)
	}
	d.flush()
}

// unsubscribed ends a Session, unless the device has asked for it again.
func (d *Device) unsubscribed(c control) {
	d.mu.Lock()
	w := d.watches[c.URI]
	ended := w != nil && w.idle()
	tell := ended && !w.left
	if ended {
		delete(d.watches, c.URI)
	}
	d.mu.Unlock()
	if tell && d.hooks.OnEnd != nil {
		d.hooks.OnEnd(c.URI, c.Reason)
	}
}

// complain takes an error frame. A Session that is not there ends.
func (d *Device) complain(c control) {
	d.mu.Lock()
	w := d.watches[c.URI]
	if w != nil {
		w.answered()
	}
	ended := w != nil && c.Code == "not_found" && w.idle()
	left := w != nil && w.left // an unsubscribed is still to come
	if ended && !left {
		delete(d.watches, c.URI)
	}
	d.mu.Unlock()
	switch {
	case left:
	case ended && d.hooks.OnEnd != nil:
		d.hooks.OnEnd(c.URI, c.Code)
	case !ended && d.hooks.OnError != nil:
		d.hooks.OnError(c.Code, c.URI, c.Detail)
	}
}
