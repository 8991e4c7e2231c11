package httpd

import (
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gofiber/fiber/v2"
)

// fullListener has no room for the first connections that come.
type fullListener struct {
	net.Listener
	refusals atomic.Int64
}

func (l *fullListener) Accept() (net.Conn, error) {
	if l.refusals.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

// TestServerOutlivesAFullSystem has a process be out of descriptors for a while.
func TestServerOutlivesAFullSystem(t *testing.T) {
	r := prepare(Options{}, nil, open("/", func(c *fiber.Ctx) error { return c.SendStatus(http.StatusNoContent) }))
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	full := &fullListener{Listener: inner}
	full.refusals.Store(5)
	served := make(chan error, 1)
	go func() { served <- r.Serve(full) }()
	answer, err := http.Get("http://" + inner.Addr().String() + "/")
	if err != nil || answer.StatusCode != http.StatusNoContent {
		t.Errorf("%v, %v", answer, err)
	}
	if err == nil {
		answer.Body.Close()
	}
	if err := r.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
