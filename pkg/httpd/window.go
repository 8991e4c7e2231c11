package httpd

import (
	"time"

	"github.com/chatire/chatire/pkg/config"
)

// window counts what happened under one key. How many things there were in the
// time that ends now is estimated from the window that runs and the one before,
// of which as much counts as is less than one window ago.
type window struct {
	began    time.Time
	count    int
	previous int
}

// advance moves the window to where now is in it.
func (w *window) advance(now time.Time, length time.Duration) {
	switch past := now.Sub(w.began); {
	case past < length:
	case past < 2*length:
		w.began, w.previous, w.count = w.began.Add(length), w.count, 0
	default:
		*w = window{began: now}
	}
}

// wait returns how long until one more fits.
func (w *window) wait(now time.Time, rate config.Rate) time.Duration {
	past := now.Sub(w.began)
	if room := rate.Count - 1 - w.count; room >= 0 {
		// What is left of the previous window must have shrunk to the room.
		return max(0, shrunk(w.previous, room, rate.Window)-past)
	}
	// This window is full: wait for its end, then for it to shrink.
	return rate.Window - past + shrunk(w.count, rate.Count-1, rate.Window)
}

// shrunk returns how far into a window only `room` of what the previous one
// counted is left.
func shrunk(count, room int, length time.Duration) time.Duration {
	if count <= room {
		return 0
	}
	return time.Duration(float64(length) * float64(count-room) / float64(count))
}
