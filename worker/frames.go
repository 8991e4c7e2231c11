package worker

import (
	"encoding/binary"
	"encoding/json"

	"github.com/chatire/chatire/pkg/chat"
)

// Close codes of the protocol: docs/PROTOCOL.md says what a client does on each.
const (
	closeUnsupported = 1003 // a binary message
	closeBadText     = 1007 // text that is not UTF-8
	closeTooBig      = 1009
	closeFault       = 1011 // ours
	closeRestart     = 1012 // a restart, a drain, or a new epoch
	closeFull        = 1013 // the reason is how many milliseconds to wait
	closeBadFrame    = 4400
	closeSignedOut   = 4401
	closeNoAuth      = 4408
	closeNotReading  = 4410
	closeTooMany     = 4429 // the reason is how many milliseconds to wait
)

// Limits that hello tells a client.
const (
	maxSubscribe     = 200      // entries of one subscribe frame
	maxSubscriptions = 1000     // of one connection
	maxClientFrame   = 16 << 10 // bytes of a client's message
)

// wire is a text message framed for a socket: one unfragmented frame without a
// mask (RFC 6455, section 5.2). It is made once and written to every reader.
type wire []byte

func newWire(payload []byte) wire {
	w := make(wire, 0, len(payload)+10)
	w = append(w, 0x81) // FIN, text
	switch n := len(payload); {
	case n < 126:
		w = append(w, byte(n))
	case n < 1<<16:
		w = append(w, 126)
		w = binary.BigEndian.AppendUint16(w, uint16(n))
	default:
		w = append(w, 127)
		w = binary.BigEndian.AppendUint64(w, uint64(n))
	}
	return append(w, payload...)
}

// Frames that a worker says. Their JSON is the protocol.
type (
	helloFrame struct {
		Type       string      `json:"type"`
		Connection string      `json:"connection"`
		Epoch      string      `json:"epoch"`
		Heartbeat  int         `json:"heartbeat"` // seconds
		Limits     helloLimits `json:"limits"`
	}
	helloLimits struct {
		Subscribe     int `json:"subscribe"`
		Subscriptions int `json:"subscriptions"`
		FrameBytes    int `json:"frame_bytes"`
		MessageChars  int `json:"message_chars"`
		FramesPer10s  int `json:"frames_per_10s"`
	}
	subscribedFrame struct {
		Type  string `json:"type"`
		URI   string `json:"uri"`
		Head  int64  `json:"head"`
		From  source `json:"from"`
		Epoch string `json:"epoch"`
	}
	caughtUpFrame struct {
		Type string `json:"type"`
		URI  string `json:"uri"`
		Seq  int64  `json:"seq"`
	}
	resetFrame struct {
		Type   string `json:"type"`
		URI    string `json:"uri"`
		Oldest int64  `json:"oldest"`
		Epoch  string `json:"epoch"`
	}
	unsubscribedFrame struct {
		Type   string    `json:"type"`
		URI    string    `json:"uri"`
		Reason endReason `json:"reason"`
	}
	noticeFrame struct {
		Type   string      `json:"type"`
		Notice chat.Notice `json:"notice"`
		URI    string      `json:"uri,omitempty"`
		Seq    int64       `json:"seq,omitempty"`
	}
	presenceFrame struct {
		Type   string  `json:"type"`
		URI    string  `json:"uri"`
		Online []int64 `json:"online,omitempty"`
		Joined []int64 `json:"joined,omitempty"`
		Left   []int64 `json:"left,omitempty"`
		Count  int     `json:"count,omitempty"`
	}
	typingFrame struct {
		Type string     `json:"type"`
		URI  string     `json:"uri"`
		User typingUser `json:"user"`
	}
	typingUser struct {
		ID       int64  `json:"id"`
		Username string `json:"username"`
	}
	pongFrame struct {
		Type string `json:"type"`
	}
	drainFrame struct {
		Type          string `json:"type"`
		ReconnectInMS int64  `json:"reconnect_in_ms"`
	}
	errorFrame struct {
		Type   string    `json:"type"`
		Code   errorCode `json:"code"`
		URI    string    `json:"uri,omitempty"`
		Detail string    `json:"detail"`
	}
)

// source says where a subscription's first events come from. It is for diagnosis.
type source string

const (
	fromLive source = "live"
	fromRing source = "ring"
	fromLog  source = "log"
)

// endReason says why a subscription ended.
type endReason string

const (
	endAsked   endReason = "asked"
	endRemoved endReason = "removed"
	endLeft    endReason = "left"
	endClosed  endReason = "closed"
	endDeleted endReason = "deleted"
)

// errorCode says what was wrong with a client's frame.
type errorCode string

const (
	errNotFound    errorCode = "not_found"
	errBadPosition errorCode = "bad_position"
	errLimit       errorCode = "limit"
	errBadFrame    errorCode = "bad_frame"
)

// encode frames one of the above.
func encode(frame any) wire {
	payload, err := json.Marshal(frame)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return newWire(payload)
}
