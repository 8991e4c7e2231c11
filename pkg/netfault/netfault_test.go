package netfault

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers everything with itself behind a name, until the test ends.
func echo(t *testing.T, name string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = conn.Write([]byte(name))
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func start(t *testing.T, targets ...string) *Proxy {
	t.Helper()
	p, err := New(targets...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// read returns what comes, as long as there is something within a moment.
func read(t *testing.T, conn net.Conn, n int) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, n)
	n, _ = io.ReadFull(conn, got)
	return string(got[:n])
}

func TestProxy(t *testing.T) {
	t.Run("holds one way, and gives what it held when it is healed", func(t *testing.T) {
		p := start(t, echo(t, "a"))
		conn := dial(t, p)
		if got := read(t, conn, 1); got != "a" {
			t.Fatalf("got %q", got)
		}
		p.Set(Way{}, Way{Held: true})
		if _, err := conn.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if got := read(t, conn, 5); got != "" {
			t.Errorf("%q came through", got)
		}
		p.Heal()
		if got := read(t, conn, 5); got != "hello" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("slices and slows, and loses nothing", func(t *testing.T) {
		p := start(t, echo(t, ""))
		p.Set(Way{Slice: 7}, Way{Slice: 3, Delay: time.Microsecond, Rate: 10 << 20})
		conn := dial(t, p)
		sent := bytes.Repeat([]byte("0123456789"), 100)
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		if got := read(t, conn, len(sent)); got != string(sent) {
			t.Errorf("got %d of %d bytes", len(got), len(sent))
		}
	})
	t.Run("cuts what is there, and refuses what comes", func(t *testing.T) {
		p := start(t, echo(t, "a"))
		conn := dial(t, p)
		read(t, conn, 1)
		if n := p.Cut(); n != 1 {
			t.Errorf("%d connections were cut", n)
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("it goes on")
		}
		p.Refuse()
		if got := read(t, dial(t, p), 1); got != "" {
			t.Errorf("got %q", got)
		}
		p.Heal()
		if got := read(t, dial(t, p), 1); got != "a" {
			t.Errorf("got %q", got)
		}
		if n := p.Accepted(); n != 3 {
			t.Errorf("%d were tried", n)
		}
	})
	t.Run("picks any server, and another one where one is away", func(t *testing.T) {
		away, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		away.Close()
		p := start(t, echo(t, "a"), away.Addr().String(), echo(t, "b"))
		seen := map[string]bool{}
		for range 40 {
			seen[read(t, dial(t, p), 1)] = true
		}
		if !seen["a"] || !seen["b"] || len(seen) != 2 {
			t.Errorf("got %v", seen)
		}
	})
}
