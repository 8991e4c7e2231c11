package worker

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// outBound is how many bytes may wait for a socket that takes no more. What is
	// delivered beyond it is not kept: the subscription falls back to the log.
	outBound = 64 << 10

	// writePatience is how long a socket may take nothing at all before it counts as
	// not reading.
	writePatience = 10 * time.Second

	// lingerPatience is how long the peer has to answer a close.
	lingerPatience = time.Second
)

var (
	// errNotReading ends a socket that took nothing for writePatience.
	errNotReading = errors.New("the peer does not read")

	// errCut ends a socket that was cut off while it was behind.
	errCut = errors.New("what was to be sent is not the peer's any more")
)

// socket is the outgoing half of a connection. Whatever is to be sent, events,
// answers, pongs and the close, is put behind what is there and leaves in that
// order. Nobody waits for the kernel while holding a lock, and at most one
// goroutine writes: the one that found nobody writing, or, when the kernel takes
// no more, a goroutine that exists until it does.
//
// It is a net.Conn, so that the websocket library's own frames take the same way.
type socket struct {
	net.Conn // reads, addresses and deadlines
	kernel   kernel
	spawn    func(func()) // starts a goroutine that somebody waits for
	onFail   func(error)  // called once, without locks, when writing fails
	onTaken  func()       // called, without locks, when a peer that was slow has taken something

	mu      sync.Mutex // guards all below
	room    *sync.Cond // signalled when blocked ends or the socket closes
	out     []byte     // what nobody has begun to write
	writing bool       // somebody writes
	blocked bool       // the kernel took no more; a goroutine waits for it
	cut     bool       // what the kernel does not take at once is not sent
	closing bool       // nothing more is accepted; close when all is written
	closed  bool
}

func newSocket(conn net.Conn, spawn func(func()), onTaken func(), onFail func(error)) *socket {
	s := &socket{Conn: conn, spawn: spawn, onTaken: onTaken, onFail: onFail}
	s.room = sync.NewCond(&s.mu)
	s.kernel = kernelOf(conn)
	return s
}

// offer puts a frame behind what waits, if there is room for it. The caller must
// call flush when it has offered all it has. It reports false if the frame was not
// taken; a socket that is closed takes everything and sends nothing.
func (s *socket) offer(w wire) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || s.closed {
		return true
	}
	if s.blocked || len(s.out) > 0 && len(s.out)+len(w) > outBound {
		return false
	}
	s.append(w)
	return true
}

// put is offer for frames that are few and must not be lost, such as the end of a
// subscription: it takes them whatever waits.
func (s *socket) put(w wire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing && !s.closed {
		s.append(w)
	}
}

// send waits for room, puts a frame and flushes. It reports false if the socket
// closed instead.
func (s *socket) send(w wire) bool {
	if !s.waitRoom() {
		return false
	}
	s.put(w)
	s.flush()
	return true
}

// waitRoom waits until the kernel takes bytes again. It reports false if the
// socket closed instead.
func (s *socket) waitRoom() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.blocked && !s.closed {
		s.room.Wait()
	}
	return !s.closing && !s.closed
}

// buffers are what frames wait in. A connection holds one only while it has
// something to send.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

func (s *socket) append(w wire) {
	if s.out == nil {
		s.out = (*buffers.Get().(*[]byte))[:0]
	}
	s.out = append(s.out, w...)
}

func recycle(b []byte) {
	if cap(b) <= outBound {
		b = b[:0]
		buffers.Put(&b)
	}
}

// flush writes what waits, unless somebody is writing already: they will find it.
// It never blocks.
func (s *socket) flush() {
	s.mu.Lock()
	if s.writing || s.closed {
		s.mu.Unlock()
		return
	}
	s.writing = true
	s.writeAll()
}

// writeAll writes until nothing waits. It is called with the lock, as the one
// writer, and returns without it.
func (s *socket) writeAll() {
	for len(s.out) > 0 {
		buf := s.out
		s.out = nil
		s.mu.Unlock()
		n, err := s.kernel.TryWrite(buf)
		s.mu.Lock()
		switch {
		case err != nil:
			s.fail(err)
			return
		case n < len(buf) && s.cut:
			s.fail(errCut)
			return
		case n < len(buf):
			s.blocked = true
			s.mu.Unlock()
			s.spawn(func() { s.writeRest(buf, n) })
			return
		}
		recycle(buf)
	}
	s.writing = false
	if s.closing && !s.closed {
		s.shut()
	}
	s.mu.Unlock()
}

// writeRest waits for the kernel to take the rest of a buffer, as the one writer.
func (s *socket) writeRest(buf []byte, n int) {
	for n < len(buf) {
		_ = s.Conn.SetWriteDeadline(time.Now().Add(writePatience))
		m, err := s.Conn.Write(buf[n:])
		n += m
		if m > 0 {
			s.onTaken()
		}
		if err != nil && !(m > 0 && errors.Is(err, os.ErrDeadlineExceeded)) {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = errNotReading
			}
			s.mu.Lock()
			s.fail(err)
			return
		}
	}
	_ = s.Conn.SetWriteDeadline(time.Time{})
	recycle(buf)
	s.mu.Lock()
	s.blocked = false
	s.room.Broadcast()
	s.writeAll()
}

// cutOff keeps what has not been sent from a peer that may not have it any more. One
// that is behind has some of it on its way already: it loses the connection.
func (s *socket) cutOff() {
	s.mu.Lock()
	s.out, s.cut = nil, true
	blocked := s.blocked
	s.mu.Unlock()
	if blocked {
		s.abort()
	}
}

// abort ends the socket at once, with whatever is on its way.
func (s *socket) abort() {
	if tcp, ok := s.Conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = s.Conn.Close()
}

// isBlocked says that the kernel takes no more at the moment.
func (s *socket) isBlocked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blocked
}

// fail ends the socket after a failed write. It is called with the lock and
// returns without it.
func (s *socket) fail(err error) {
	first := !s.closed
	s.shut()
	s.mu.Unlock()
	if first {
		_ = s.Conn.Close()
		s.onFail(err)
	}
}

// shut marks the socket as closed for writing and lets go of everybody who waits.
// It is called with the lock.
func (s *socket) shut() {
	s.closed = true
	s.out = nil
	s.room.Broadcast()
	if tcp, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		_ = tcp.CloseWrite()
	}
}

// Write implements net.Conn for the websocket library's own frames. It never
// blocks: a pong that finds no room is left out, as RFC 6455 section 5.5.3 allows,
// while a close frame always fits.
func (s *socket) Write(p []byte) (int, error) {
	if isPong(p) {
		s.offer(p)
	} else {
		s.put(p)
	}
	s.flush()
	return len(p), nil
}

func isPong(p []byte) bool { return len(p) > 0 && p[0] == 0x8a }

// Close implements net.Conn: what was put before is written first, for as long as
// lingerPatience, then the peer sees the end. The reader of the socket ends it for
// good with hangUp.
func (s *socket) Close() error {
	s.mu.Lock()
	if s.closing || s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closing = true
	if s.writing {
		_ = s.Conn.SetWriteDeadline(time.Now().Add(lingerPatience))
		s.mu.Unlock()
		return nil
	}
	s.writing = true
	s.writeAll()
	return nil
}

// hangUp ends the socket after a close. It reads what still comes, for
// lingerPatience: bytes left unread would turn the end into a reset, and the peer
// might lose the close frame.
func (s *socket) hangUp() {
	_ = s.Conn.SetReadDeadline(time.Now().Add(lingerPatience))
	_, _ = io.CopyN(io.Discard, s.Conn, 1<<20)
	s.mu.Lock()
	s.shut()
	s.mu.Unlock()
	_ = s.Conn.Close()
}
