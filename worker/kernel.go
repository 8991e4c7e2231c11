package worker

import (
	"errors"
	"net"
	"syscall"
)

// kernel takes bytes without anybody having to wait.
type kernel interface {
	// TryWrite writes as much of p as is taken at once, which may be nothing.
	TryWrite(p []byte) (n int, err error)
}

// kernelOf returns the kernel's side of a connection. One that has none, such as a
// pipe, is waited for.
func kernelOf(conn net.Conn) kernel {
	if k, ok := conn.(kernel); ok {
		return k
	}
	if c, ok := conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			return descriptor{raw}
		}
	}
	return waiting{conn}
}

// descriptor is a socket of the operating system.
type descriptor struct{ raw syscall.RawConn }

// TryWrite implements kernel.
func (d descriptor) TryWrite(p []byte) (n int, err error) {
	control := d.raw.Write(func(fd uintptr) bool {
		for n < len(p) {
			var m int
			m, err = syscall.Write(int(fd), p[n:])
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				err = nil
				return true
			case err != nil:
				return true
			}
			n += m
		}
		return true
	})
	return n, errors.Join(err, control)
}

// waiting is a connection that only knows how to wait.
type waiting struct{ net.Conn }

// TryWrite implements kernel.
func (w waiting) TryWrite(p []byte) (int, error) { return w.Write(p) }
