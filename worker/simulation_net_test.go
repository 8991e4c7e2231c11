package worker

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipe is one direction of a simulated connection: what was written and has not been
// read, of at most pipeBytes.
type pipe struct {
	mu      sync.Mutex // guards all below
	changed *sync.Cond
	bytes   []byte
	held    bool // nothing arrives
	ended   bool // the writer has said all
	broken  bool
	reading deadline
	writing deadline
}

// pipeBytes is small, so that slow readers are noticed soon.
const pipeBytes = 1 << 10

type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func newPipe() *pipe {
	p := &pipe{}
	p.changed = sync.NewCond(&p.mu)
	return p
}

// set changes something and wakes whoever waits.
func (p *pipe) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.changed.Broadcast()
}

func (p *pipe) setDeadline(d *deadline, at time.Time) {
	p.set(func() {
		if d.timer != nil {
			d.timer.Stop()
		}
		d.at, d.timer = at, nil
		if !at.IsZero() {
			d.timer = time.AfterFunc(time.Until(at), func() { p.set(func() {}) })
		}
	})
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.broken:
			return 0, errReset
		case p.reading.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p.bytes) > 0 && !p.held:
			n := copy(b, p.bytes)
			p.bytes = p.bytes[n:]
			p.changed.Broadcast()
			return n, nil
		case p.ended && !p.held:
			return 0, io.EOF
		}
		p.changed.Wait()
	}
}

// put writes what there is room for. It is called with the lock.
func (p *pipe) put(b []byte) int {
	n := min(len(b), pipeBytes-len(p.bytes))
	p.bytes = append(p.bytes, b[:n]...)
	p.changed.Broadcast()
	return n
}

func (p *pipe) tryWrite(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken || p.ended {
		return 0, errReset
	}
	return p.put(b), nil
}

func (p *pipe) write(b []byte) (written int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.broken || p.ended:
			return written, errReset
		case p.writing.passed():
			return written, os.ErrDeadlineExceeded
		}
		written += p.put(b[written:])
		if written == len(b) {
			return written, nil
		}
		p.changed.Wait()
	}
}

var errReset = errors.New("connection reset")

// simConn is one end of a simulated connection.
type simConn struct{ in, out *pipe }

// newLink returns both ends of a connection.
func newLink() (near, far *simConn) {
	there, back := newPipe(), newPipe()
	return &simConn{in: back, out: there}, &simConn{in: there, out: back}
}

func (c *simConn) Read(b []byte) (int, error)     { return c.in.read(b) }
func (c *simConn) Write(b []byte) (int, error)    { return c.out.write(b) }
func (c *simConn) TryWrite(b []byte) (int, error) { return c.out.tryWrite(b) }

// Close ends both directions; the peer reads what was written before.
func (c *simConn) Close() error {
	c.out.set(func() { c.out.ended = true })
	c.in.set(func() { c.in.broken = true })
	return nil
}

// CloseWrite ends the outgoing direction.
func (c *simConn) CloseWrite() error {
	c.out.set(func() { c.out.ended = true })
	return nil
}

// SetLinger has Close take back what has not been read.
func (c *simConn) SetLinger(int) error {
	c.out.set(func() { c.out.broken = true })
	return nil
}

func (c *simConn) SetReadDeadline(t time.Time) error { c.in.setDeadline(&c.in.reading, t); return nil }
func (c *simConn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(&c.out.writing, t)
	return nil
}

func (c *simConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (*simConn) LocalAddr() net.Addr  { return &net.TCPAddr{} }
func (*simConn) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// cut breaks a connection for both ends, with all that is on its way.
func (c *simConn) cut() {
	for _, p := range []*pipe{c.in, c.out} {
		p.set(func() { p.broken = true })
	}
}

// hold lets nothing arrive at this end until release.
func (c *simConn) hold(held bool) { c.in.set(func() { c.in.held = held }) }
