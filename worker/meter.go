package worker

import (
	"encoding/binary"
	"io"
)

// maxFragments bounds the frames of which a client's message may consist.
const maxFragments = 64

// meter reads a client's frames on their way to the websocket library and looks at
// their headers only (RFC 6455, section 5.2): the library takes any number of
// fragments, and fails on a length beyond what fits an integer.
type meter struct {
	from    io.Reader
	tooMuch func() // called once, when a client goes beyond a bound

	header    [10]byte // of the frame that is being read, as far as it has come
	have      int
	skip      uint64 // bytes of mask and payload that are still to come
	fragments int    // of the message that is being read
	over      bool
}

// Read implements io.Reader. After a bound was passed nothing more comes.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	if m.over || !m.inspect(p[:n]) {
		return 0, io.EOF
	}
	return n, err
}

// inspect reports whether all frames that the bytes touch are within the bounds.
func (m *meter) inspect(p []byte) bool {
	for len(p) > 0 {
		if m.skip > 0 {
			step := min(m.skip, uint64(len(p)))
			m.skip -= step
			p = p[step:]
			continue
		}
		m.header[m.have] = p[0]
		m.have++
		p = p[1:]
		if m.have == m.headerSize() && !m.frame() {
			m.over = true
			m.tooMuch()
			return false
		}
	}
	return true
}

// headerSize returns how long the header is without its mask, as far as it is known.
func (m *meter) headerSize() int {
	if m.have < 2 {
		return 2
	}
	switch m.header[1] & 0x7f {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

// frame judges a header that is complete and begins to skip what follows it.
func (m *meter) frame() bool {
	length := uint64(m.header[1] & 0x7f)
	switch length {
	case 126:
		length = uint64(binary.BigEndian.Uint16(m.header[2:]))
	case 127:
		length = binary.BigEndian.Uint64(m.header[2:])
	}
	final, control := m.header[0]&0x80 != 0, m.header[0]&0x08 != 0
	if !control {
		m.fragments++
	}
	if length > maxClientFrame || m.fragments > maxFragments {
		return false
	}
	if final && !control {
		m.fragments = 0
	}
	m.have = 0
	m.skip = length
	if m.header[1]&0x80 != 0 {
		m.skip += 4
	}
	return true
}
