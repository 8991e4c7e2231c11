package bus

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// reader takes a pack apart. A stated length is compared with what is there before
// anything is done with it; one that is too large makes the reader short, and a
// short reader yields zeros.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if r.short || n < 0 || n > len(r.rest) {
		r.short = true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *reader) time() time.Time { return time.UnixMicro(r.int64()).UTC() }

// text reads a text with a length of one byte.
func (r *reader) text() string { return string(r.take(int(r.byte()))) }

// bytes reads bytes with a length of four bytes; they alias the pack.
func (r *reader) bytes() []byte {
	n := r.uint32()
	if uint64(n) > uint64(len(r.rest)) {
		r.short = true
		return nil
	}
	return r.take(int(n))
}

func (r *reader) json(v any) error {
	text := r.bytes()
	if r.short {
		return ErrDamaged
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

func (r *reader) event(alone bool) chat.Copy {
	c := chat.Copy{
		URI:       r.text(),
		Seq:       r.int64(),
		Type:      chat.EventType(r.text()),
		Ends:      r.int64(),
		Committed: r.time(),
		RequestID: r.text(),
		Frame:     r.bytes(),
	}
	if !alone {
		c.Frame = bytes.Clone(c.Frame)
	}
	return c
}
