package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/chatire/chatire/pkg/chat"
)

// Frame is one frame from the server, as it came.
type Frame struct {
	Type string // "event", "subscribed" ...
	URI  string // "" where the frame is about no Session
	Seq  int64  // of events and caught_up

	// Text is the whole frame. It is valid only until the hook returns.
	Text []byte
}

// Event decodes a frame of Type "event". A field that came in another shape, as
// those of later versions may, is left out.
func (f Frame) Event() (Event, error) {
	var e Event
	err := json.Unmarshal(f.Text, &e)
	if _, odd := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !odd {
		return Event{}, fmt.Errorf("decode event frame: %w", err)
	}
	return e, nil
}

// control is every field of the frames that steer a device.
type control struct {
	Type string `json:"type"`
	URI  string `json:"uri"`
	Seq  int64  `json:"seq"`

	Connection  string `json:"connection"`
	Epoch       string `json:"epoch"`
	Heartbeat   int    `json:"heartbeat"` // seconds
	Limits      limits `json:"limits"`
	Head        int64  `json:"head"`
	From        string `json:"from"`
	Oldest      int64  `json:"oldest"`
	Reason      string `json:"reason"`
	Code        string `json:"code"`
	Detail      string `json:"detail"`
	ReconnectIn int64  `json:"reconnect_in_ms"`

	Notice chat.Notice     `json:"notice"`
	User   chat.PublicUser `json:"user"`
	Presence
}

type limits struct {
	Subscribe     int `json:"subscribe"`
	Subscriptions int `json:"subscriptions"`
	FrameBytes    int `json:"frame_bytes"`
}

var (
	eventPrefix = []byte(`{"type":"event","uri":"`)
	seqPrefix   = []byte(`","seq":`)
)

// peekEvent reads uri and seq off an event frame whose fields stand in the order in
// which Chatire writes them. ok is false for all else, which must be decoded.
func peekEvent(text []byte) (uri []byte, seq int64, ok bool) {
	rest, ok := bytes.CutPrefix(text, eventPrefix)
	if !ok {
		return nil, 0, false
	}
	end := bytes.IndexByte(rest, '"')
	if end < 0 || bytes.IndexByte(rest[:end], '\\') >= 0 {
		return nil, 0, false
	}
	uri = rest[:end]
	rest, ok = bytes.CutPrefix(rest[end:], seqPrefix)
	if !ok {
		return nil, 0, false
	}
	digits := bytes.IndexAny(rest, ",}")
	if digits < 0 {
		return nil, 0, false
	}
	seq, err := strconv.ParseInt(string(rest[:digits]), 10, 64)
	return uri, seq, err == nil
}
