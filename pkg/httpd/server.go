package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/telemetry"
)

// Bounds of one request and of one connection.
const (
	maxBody         = 64 << 10 // 413 beyond
	maxHeaders      = 8 << 10  // request line and all headers; 431 beyond
	maxHeader       = 4 << 10  // one header; 431 beyond
	maxHeaderFields = 64       // 431 beyond

	readTimeout  = 10 * time.Second // from the first byte of a request to its last
	writeTimeout = 15 * time.Second
	idleTimeout  = 75 * time.Second // between two requests

	// maxConnections bounds the HTTP connections at once, not counting websockets, at
	// about 80 KB each. One more is answered 503 and closed.
	maxConnections = 10_000
)

// requestTimeout bounds what a handler may wait for, so that a database that hangs
// is answered with 503 within two seconds. A Route may state another.
const requestTimeout = 1900 * time.Millisecond

// Options are what a Server is made of.
type Options struct {
	Log     *slog.Logger
	Metrics prometheus.Registerer

	// CORSOrigins are the origins whose pages may call, or "*" alone for all of
	// them. Answers never allow credentials.
	CORSOrigins []string

	// TrustedProxies are the networks whose X-Forwarded-For and traceparent are believed.
	TrustedProxies []netip.Prefix

	Tracer *telemetry.Tracer // nil traces nothing
}

// Server is the public HTTP server. Programs mount their routes on its App before
// Serve is called.
type Server struct {
	app     *fiber.App
	log     *slog.Logger
	metrics *metrics
	cors    cors
	proxies []netip.Prefix
	tracer  *telemetry.Tracer // may be nil

	draining atomic.Bool  // connections end with their next answer
	asked    atomic.Int64 // when the last request began, in nanoseconds since 1970

	mu      sync.Mutex // guards all below
	ln      net.Listener
	stopped bool
}

// New makes a Server.
func New(o Options) *Server {
	s := &Server{
		log:     o.Log,
		metrics: newMetrics(o.Metrics),
		cors:    newCORS(o.CORSOrigins),
		proxies: o.TrustedProxies,
		tracer:  o.Tracer,
	}
	s.app = fiber.New(fiber.Config{
		AppName:                      "chatire",
		BodyLimit:                    maxBody,
		CaseSensitive:                true,
		Concurrency:                  maxConnections,
		DisableDefaultContentType:    true,
		DisablePreParseMultipartForm: true,
		DisableStartupMessage:        true,
		EnableTrustedProxyCheck:      true, // fiber itself trusts none: see clientAddr
		ErrorHandler:                 s.answerError,
		IdleTimeout:                  idleTimeout,
		Immutable:                    true, // a string of a request may be kept
		ReadBufferSize:               maxHeaders,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
	})
	s.app.Use(noteRoute)
	s.app.Server().KeepHijackedConns = true
	s.app.Server().CloseOnShutdown = true
	s.app.Server().ErrorHandler = s.unreadable
	return s
}

// App is where programs mount their routes.
func (s *Server) App() *fiber.App { return s.app }

// Serve answers requests that come to ln until Shutdown. It takes ln over.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	if s.stopped || s.ln != nil {
		s.mu.Unlock()
		return ln.Close()
	}
	s.ln = &closeOnce{Listener: ln}
	s.app.Server().Handler = s.around(s.app.Handler())
	s.mu.Unlock()

	if err := s.app.Server().Serve(s.ln); err != nil {
		return fmt.Errorf("serve http: %w", err)
	}
	return nil
}

const (
	// drainPatience bounds Drain.
	drainPatience = 5 * time.Second

	// drainQuiet is after how long without a request the clients that are left have
	// nothing to ask.
	drainQuiet = 250 * time.Millisecond
)

// Drain has each connection end with its next answer, which says so, and returns when none
// is left, or nobody asks anything. A client that is in the middle of something goes
// elsewhere then; Shutdown alone could end its connection as it sends the next request,
// of which it would not know what became.
func (s *Server) Drain(ctx context.Context) {
	s.draining.Store(true)
	ctx, cancel := context.WithTimeout(ctx, drainPatience)
	defer cancel()
	tick := time.NewTicker(drainQuiet / 10)
	defer tick.Stop()
	began := time.Now()
	for s.app.Server().GetOpenConnectionsCount() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		last := time.Unix(0, s.asked.Load())
		if time.Since(began) > drainQuiet && time.Since(last) > drainQuiet {
			return
		}
	}
}

// Shutdown stops accepting, lets the requests under way finish and returns, at the
// latest when ctx ends. Hijacked connections are their owner's to close. A Server
// that was shut down does not serve again.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	ln := s.ln
	s.stopped = true
	s.mu.Unlock()
	if ln == nil {
		return nil
	}
	if err := ln.Close(); err != nil { // also where Serve has not come as far as knowing it
		return fmt.Errorf("close listener: %w", err)
	}
	if err := s.app.Server().ShutdownWithContext(ctx); err != nil && ctx.Err() != nil {
		return fmt.Errorf("finish requests: %w", err)
	}
	return nil
}

// closeOnce is a listener that may be closed by everybody who holds it, and that waits
// where the system has no room for one more connection: the HTTP library would end with
// the first one.
type closeOnce struct {
	net.Listener
	once sync.Once
	err  error
}

// roomPause is how long to wait for room.
const roomPause = 20 * time.Millisecond

// Accept implements net.Listener.
func (l *closeOnce) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if !lacksRoom(err) {
			return conn, err
		}
		time.Sleep(roomPause)
	}
}

// lacksRoom says that another try may succeed: there were no descriptors or buffers, or
// the peer was gone already.
func lacksRoom(err error) bool {
	for _, reason := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

func (l *closeOnce) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}
