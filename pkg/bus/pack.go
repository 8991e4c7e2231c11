package bus

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// A pack is what travels as one broker message. All numbers are big-endian.
//
//	magic      4  "CHTR"
//	version    1  1; what follows it is this version's
//	kind       1  events, control or ephemeral
//	published  8  the database's clock as the sender knows it, µs since 1970
//	sender     1+n
//	epoch      1+n  of the Log that the events are of
//	count      4  entries
//	entries
//	mac       32  HMAC-SHA256 of all before it
//
// An entry of events:
//
//	uri        1+n
//	seq        8
//	type       1+n
//	ends       8
//	committed  8  the database's clock, µs since 1970
//	request id 1+n
//	frame      4+n
//
// An entry of control is 4+n of JSON; of ephemeral, a tag (1: typing, 2: load,
// 3: presence) and
// 4+n of JSON. A tag that is not known is skipped.
const (
	packVersion = 1

	headerBytes = 4 + 1 + 1 + 8
	macBytes    = 32
	maxSender   = 64

	// packBytes is how much is packed together. What is larger alone goes alone.
	packBytes = 64 << 10
)

var packMagic = [4]byte{'C', 'H', 'T', 'R'}

type kind byte

const (
	kindEvents    kind = 1
	kindControl   kind = 2
	kindEphemeral kind = 3
)

const (
	tagTyping   = 1
	tagLoad     = 2
	tagPresence = 3
)

// Pack is what one delivery carried: one of its lists has entries. Others may have
// the same frames, so they must not be changed.
type Pack struct {
	Sender    string    // the Instance that published it
	Published time.Time // by the database's clock, as the sender knows it
	Epoch     string    // of the Log that Events are of
	Events    []chat.Copy
	Traces    []Trace // of Events that are traced, at most 8
	Controls  []chat.Control
	Typings   []chat.Typing
	Loads     []chat.Load
	Presences []chat.Presence
}

// Why a pack is refused.
var (
	// ErrVersion says that a newer or older Chatire sent it: read the Log.
	ErrVersion = errors.New("pack of another version")

	// ErrForged says that it was not signed with our secret.
	ErrForged = errors.New("pack with a wrong signature")

	// ErrForeign says that it is no pack.
	ErrForeign = errors.New("not a pack")

	// ErrDamaged says that it was signed by us and still cannot be read.
	ErrDamaged = errors.New("damaged pack")
)

// packer builds one pack after the other. Each must be closed before the next.
type packer struct {
	sealer *sealer
	buf    []byte
	count  uint32
	at     int // where the count is
}

func (p *packer) begin(k kind, now time.Time, epoch string) {
	p.buf = append(p.buf[:0], packMagic[:]...)
	p.buf = append(p.buf, packVersion, byte(k))
	p.buf = binary.BigEndian.AppendUint64(p.buf, uint64(now.UnixMicro()))
	p.buf = appendShort(p.buf, p.sealer.sender)
	p.buf = appendShort(p.buf, epoch)
	p.at, p.count = len(p.buf), 0
	p.buf = append(p.buf, 0, 0, 0, 0)
}

// fits says whether an entry can be added. The first one always can.
func (p *packer) fits(entry []byte) bool {
	return p.count == 0 || len(p.buf)+len(entry)+macBytes <= packBytes
}

func (p *packer) add(entry []byte) {
	p.buf = append(p.buf, entry...)
	p.count++
}

// close signs the pack and returns it. It is overwritten by the next one.
func (p *packer) close() []byte {
	binary.BigEndian.PutUint32(p.buf[p.at:], p.count)
	p.buf = p.sealer.seal(p.buf)
	return p.buf
}

// appendEntry appends the entry of an item.
func appendEntry(b []byte, i *item) []byte {
	switch word := i.word.(type) {
	case *chat.Control:
		return appendJSON(b, word)
	case *chat.Typing:
		return appendJSON(append(b, tagTyping), word)
	case *chat.Presence:
		return appendJSON(append(b, tagPresence), word)
	case *chat.Load:
		return appendJSON(append(b, tagLoad), word)
	default:
		return appendEvent(b, chat.CopyOf(i.event, i.requestID))
	}
}

func appendEvent(b []byte, c chat.Copy) []byte {
	b = appendShort(b, c.URI)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Seq))
	b = appendShort(b, string(c.Type))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Ends))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Committed.UnixMicro()))
	b = appendShort(b, c.RequestID)
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.Frame)))
	return append(b, c.Frame...)
}

func appendJSON(b []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // structs of numbers and strings always encode
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...)
}

// appendShort appends a text of at most 255 bytes; the rest of a longer one is cut.
func appendShort(b []byte, s string) []byte {
	s = cut(s, 255)
	return append(append(b, byte(len(s))), s...)
}

// decodePack reads a pack and checks its signature. A frame that shares its pack
// with others is a copy, so that keeping it keeps nothing else.
func decodePack(s *sealer, b []byte) (Pack, error) {
	switch {
	case len(b) < len(packMagic)+1 || [4]byte(b) != packMagic:
		return Pack{}, ErrForeign
	case b[4] != packVersion:
		return Pack{}, ErrVersion
	case len(b) < headerBytes+macBytes || !s.verify(b):
		return Pack{}, ErrForged
	}
	r := reader{rest: b[5 : len(b)-macBytes]}
	k := kind(r.byte())
	p := Pack{Published: r.time(), Sender: r.text(), Epoch: r.text()}
	count := r.uint32()
	if err := p.read(&r, k, count); err != nil {
		return Pack{}, err
	}
	if r.short || len(r.rest) > 0 || count == 0 {
		return Pack{}, ErrDamaged
	}
	return p, nil
}

func (p *Pack) read(r *reader, k kind, count uint32) error {
	for n := uint32(0); n < count && !r.short; n++ {
		switch k {
		case kindEvents:
			p.Events = append(p.Events, r.event(count == 1))
		case kindControl:
			var c chat.Control
			if err := r.json(&c); err != nil {
				return err
			}
			p.Controls = append(p.Controls, c)
		case kindEphemeral:
			if err := p.readEphemeral(r); err != nil {
				return err
			}
		default:
			return ErrDamaged
		}
	}
	return nil
}

// readEphemeral reads one entry of an ephemeral pack. What it does not know it skips.
func (p *Pack) readEphemeral(r *reader) error {
	switch r.byte() {
	case tagTyping:
		var t chat.Typing
		if err := r.json(&t); err != nil {
			return err
		}
		p.Typings = append(p.Typings, t)
	case tagLoad:
		var l chat.Load
		if err := r.json(&l); err != nil {
			return err
		}
		p.Loads = append(p.Loads, l)
	case tagPresence:
		var said chat.Presence
		if err := r.json(&said); err != nil {
			return err
		}
		p.Presences = append(p.Presences, said)
	default:
		r.bytes()
	}
	return nil
}
