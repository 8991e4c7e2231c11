package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/chatire/chatire/pkg/chat"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),    // one for the process
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2")) // ends within ten seconds
}

// running is a server that answers.
type running struct {
	*Server
	url  string
	log  *bytes.Buffer // to be read after stop
	stop func()
}

// start starts a server with these routes.
func start(t *testing.T, o Options, authenticate Authenticate, routes ...Route) *running {
	t.Helper()
	r := prepare(o, authenticate, routes...)
	r.listen(t)
	return r
}

// prepare makes a server that does not listen yet.
func prepare(o Options, authenticate Authenticate, routes ...Route) *running {
	r := &running{log: &bytes.Buffer{}}
	o.Log, o.Metrics = slog.New(slog.NewJSONHandler(r.log, nil)), prometheus.NewRegistry()
	r.Server = New(o)
	Mount(r.App(), authenticate, routes...)
	return r
}

// listen makes the server answer until the test ends.
func (r *running) listen(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.url = "http://" + ln.Addr().String()
	done := make(chan error, 1)
	go func() { done <- r.Serve(ln) }()
	r.stop = sync.OnceFunc(func() {
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := errors.Join(r.Shutdown(ctx), <-done); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
}

func (r *running) get(t *testing.T, path string, header ...string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", r.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

// open is a route without a token.
func open(path string, get fiber.Handler) Route { return Route{Path: path, Open: true, Get: get} }

func failWith(err error) fiber.Handler { return func(*fiber.Ctx) error { return err } }

func TestErrors(t *testing.T) {
	s := start(t, Options{}, nil,
		open("/secret/", failWith(fmt.Errorf("read %s: %w", "postgres://user:hunter2@db", io.ErrUnexpectedEOF))),
		open("/panic/", func(*fiber.Ctx) error { panic("hunter2") }),
		open("/slow/", failWith(fmt.Errorf("ask: %w", context.DeadlineExceeded))),
		open("/throttled/", failWith(&chat.Error{Code: chat.Throttled, Detail: "Slower.", RetryAfter: 1200 * time.Millisecond})),
		open("/wrapped/", failWith(fmt.Errorf("store: %w", chat.FieldError("name", "Bad.", "Worse.")))),
		open("/fiber/", failWith(fiber.NewError(418, "hunter2"))),
		open("/gone/", failWith(Refuse(410, "Gone."))),
	)
	for _, path := range []string{"/secret/", "/panic/", "/fiber/"} {
		t.Run("shows only the request id of "+path, func(t *testing.T) {
			status, header, body := s.get(t, path, "X-Request-ID", "my-id")
			want := `{"detail":"A server error occurred. Its request id is my-id."}`
			if status != 500 || body != want || header.Get("X-Request-ID") != "my-id" || header.Get("X-Frame-Options") != "DENY" {
				t.Errorf("answer %d %s %v", status, body, header)
			}
		})
	}
	for path, want := range map[string]string{
		"/slow/":      "503 1 " + `{"detail":"Temporarily unavailable. Try again with the same client_id."}`,
		"/throttled/": "429 2 " + `{"detail":"Slower."}`,
		"/wrapped/":   "400  " + `{"name":["Bad.","Worse."]}`,
		"/gone/":      "410  " + `{"detail":"Gone."}`,
		"/nowhere/":   "404  " + `{"detail":"Not found."}`,
	} {
		t.Run("answers "+path, func(t *testing.T) {
			status, header, body := s.get(t, path)
			if got := fmt.Sprint(status, " ", header.Get("Retry-After"), " ", body); got != want {
				t.Errorf("answer %s, want %s", got, want)
			}
		})
	}
	t.Run("counts a panic and goes on", func(t *testing.T) {
		if n := testutil.ToFloat64(s.metrics.panics); n != 1 {
			t.Errorf("%v panics counted", n)
		}
	})
	t.Run("logs why, once, in one line", func(t *testing.T) {
		s.stop()
		var failures int
		for line := range strings.Lines(s.log.String()) {
			var entry map[string]any
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			if entry["error"] != nil && entry["request_id"] == "my-id" {
				failures++
			}
		}
		if failures != 2 || !strings.Contains(s.log.String(), "hunter2") {
			t.Errorf("%d failures logged:\n%s", failures, s.log)
		}
	})
}

func TestRoutes(t *testing.T) {
	ada := func(_ context.Context, s chat.Secret) (chat.Identity, error) {
		if s != "right" {
			return chat.Identity{}, chat.ErrInvalidToken
		}
		return chat.Identity{User: chat.User{ID: 7}}, nil
	}
	var deadline time.Duration
	s := prepare(Options{}, ada,
		open("/open/", func(c *fiber.Ctx) error { return c.SendString("open") }),
		Route{Path: "/closed/:name/", Within: time.Minute, Get: func(c *fiber.Ctx) error {
			end, _ := c.UserContext().Deadline()
			deadline = time.Until(end)
			return c.SendString(fmt.Sprint(Who(c).User.ID, c.Params("name"), chat.RequestID(c.UserContext())))
		}},
	)
	s.App().All("/foreign/", func(c *fiber.Ctx) error { return c.SendString("not by Mount") })
	s.listen(t)

	t.Run("let in who has a token", func(t *testing.T) {
		status, _, body := s.get(t, "/closed/x/", "Authorization", "Token right", "X-Request-ID", "r1")
		if status != 200 || body != "7xr1" {
			t.Errorf("answer %d %s", status, body)
		}
	})
	t.Run("give a handler its time", func(t *testing.T) {
		if deadline < 50*time.Second || deadline > time.Minute {
			t.Errorf("%v left", deadline)
		}
	})
	t.Run("refuse a bad token even where none is needed", func(t *testing.T) {
		if status, _, _ := s.get(t, "/open/", "Authorization", "Token wrong"); status != 401 {
			t.Errorf("answer %d", status)
		}
		if status, _, _ := s.get(t, "/open/"); status != 200 {
			t.Errorf("answer %d", status)
		}
	})
	t.Run("are counted under their template, whoever mounted them", func(t *testing.T) {
		s.get(t, "/foreign/")
		for _, route := range []string{"/open/", "/foreign/"} {
			if n := testutil.ToFloat64(s.metrics.requests.WithLabelValues("GET", route, "200")); n != 1 {
				t.Errorf("%v requests of %s", n, route)
			}
		}
	})
}

func TestClientAddr(t *testing.T) {
	s := start(t, Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}}, nil,
		open("/addr/", func(c *fiber.Ctx) error { return c.SendString(ClientAddr(c).String()) }))
	for _, c := range []struct {
		name, want string
		forwarded  []string
	}{
		{"without a proxy", "127.0.0.1", nil},
		{"behind one", "192.0.2.1", []string{"192.0.2.1"}},
		{"behind two", "192.0.2.1", []string{"192.0.2.1, 10.1.2.3"}},
		{"with a lie before the truth", "192.0.2.1", []string{"203.0.113.9, 192.0.2.1"}},
		{"with a lie in a header of its own", "192.0.2.1", []string{"203.0.113.9", "192.0.2.1"}},
		{"of IPv6", "2001:db8::1", []string{"2001:db8::1%eth0"}},
		{"that cannot be read", "127.0.0.1", []string{"unknown"}},
		{"within the network", "10.0.0.9", []string{"10.0.0.9"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var header []string
			for _, value := range c.forwarded {
				header = append(header, "X-Forwarded-For", value)
			}
			if _, _, got := s.get(t, "/addr/", header...); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	t.Run("is counted by network where one has many", func(t *testing.T) {
		if a, b := AddrKey(netip.MustParseAddr("2001:db8::1")), AddrKey(netip.MustParseAddr("2001:db8::2:3")); a != b {
			t.Errorf("%s and %s", a, b)
		}
		if a, b := AddrKey(netip.MustParseAddr("192.0.2.1")), AddrKey(netip.MustParseAddr("192.0.2.2")); a == b {
			t.Error("two addresses under one key")
		}
	})
}

func TestShutdown(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := start(t, Options{}, nil, open("/slow/", func(c *fiber.Ctx) error {
		close(entered)
		<-leave
		return c.SendString("done")
	}))
	answered := make(chan string, 1)
	go func() {
		response, err := http.Get(s.url + "/slow/")
		if err != nil {
			answered <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		answered <- string(body)
	}()
	<-entered

	t.Run("does not wait longer than it is told", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("lets a request finish", func(t *testing.T) {
		close(leave)
		s.stop()
		if got := <-answered; got != "done" {
			t.Errorf("the request under way got %s", got)
		}
	})
	t.Run("is for good", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(ln); err != nil {
			t.Error(err)
		}
		if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
			t.Error("it listens again")
		}
	})
}

func TestSlowRequest(t *testing.T) {
	s := prepare(Options{}, nil)
	s.App().Server().ReadTimeout = 200 * time.Millisecond
	s.listen(t)
	for name, sent := range map[string]string{
		"head": "GET / HTTP/1.1\r\nHost: x\r\n",
		"body": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx",
	} {
		t.Run("is cut off in its "+name, func(t *testing.T) {
			c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			io.WriteString(c, sent)
			c.SetDeadline(time.Now().Add(5 * time.Second))
			text, err := io.ReadAll(c)
			if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 408 ") {
				t.Errorf("read %q, %v", text, err)
			}
		})
	}
}

func TestHijack(t *testing.T) {
	s := prepare(Options{}, nil)
	kept := make(chan net.Conn, 1)
	s.App().All("/ws/", func(c *fiber.Ctx) error {
		c.Context().HijackSetNoResponse(true)
		c.Context().Hijack(func(conn net.Conn) { kept <- conn })
		return nil
	})
	s.listen(t)
	client, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	fmt.Fprint(client, "GET /ws/ HTTP/1.1\r\nHost: x\r\n\r\n")
	conn := <-kept
	s.stop()

	t.Run("leaves the connection to its new owner", func(t *testing.T) {
		if _, err := conn.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 5)
		if _, err := io.ReadFull(client, got); err != nil || string(got) != "hello" {
			t.Errorf("read %q, %v", got, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if _, err := client.Read(got); err != io.EOF {
			t.Errorf("closing was not seen: %v", err)
		}
	})
}
