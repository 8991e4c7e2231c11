package httpd

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/telemetry"
)

// request is what the server knows of one request beside what was sent.
type request struct {
	id      string
	addr    netip.Addr // the client's
	began   time.Time
	route   string          // template of the route that took it, "" if none did
	who     int64           // the user's id, 0 before sign-in
	failure error           // of ours, to be logged
	span    *telemetry.Span // nil if it is not traced
}

// requestKey is where a fasthttp request carries its *request.
type requestKey struct{}

func requestOf(rctx *fasthttp.RequestCtx) *request {
	r, _ := rctx.UserValue(requestKey{}).(*request)
	return r
}

// cause is the request as the domain knows it.
func (r *request) cause() chat.Cause { return chat.Cause{RequestID: r.id, Trace: r.span.Parent()} }

// template is the template of the route that took the request, "" if none did.
func (r *request) template() string {
	if r.route == noRoute {
		return ""
	}
	return r.route
}

// around returns the handler that a connection calls: next, with everything
// around it that is the same for all requests.
func (s *Server) around(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(rctx *fasthttp.RequestCtx) {
		s.begin(rctx)
		s.metrics.inFlight.Inc()
		defer s.metrics.inFlight.Dec()
		defer s.end(rctx)
		defer s.recover(rctx)

		switch err := inspect(&rctx.Request.Header); {
		case err != nil:
			rctx.SetConnectionClose()
			s.fail(rctx, err)
		case !slices.Contains(fiber.DefaultMethods, string(rctx.Method())):
			s.fail(rctx, errMethodUnknown)
		case isPreflight(&rctx.Request.Header):
			rctx.SetStatusCode(fiber.StatusNoContent)
		default:
			next(rctx)
		}
	}
}

var errMethodUnknown = Refuse(fiber.StatusNotImplemented, "Method not known.")

// begin gives a request its id and the answer the headers that all answers have.
func (s *Server) begin(rctx *fasthttp.RequestCtx) {
	r := &request{
		id:    string(rctx.Request.Header.Peek(fiber.HeaderXRequestID)),
		addr:  s.clientAddr(rctx),
		began: time.Now(),
	}
	s.asked.Store(r.began.UnixNano())
	if !saneID.MatchString(r.id) {
		r.id = newID()
	}
	if s.tracer != nil {
		r.span = s.tracer.Request(s.traceparent(rctx))
	}
	rctx.SetUserValue(requestKey{}, r)
	s.setHeaders(rctx)
}

// saneID is what an id that comes from outside may look like.
var saneID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func newID() string {
	var random [8]byte
	rand.Read(random[:]) // never fails: see crypto/rand
	return hex.EncodeToString(random[:])
}

// noteRoute notes which route of the app took a request, unless that did so itself.
func noteRoute(c *fiber.Ctx) error {
	own := c.Route()
	err := c.Next()
	if r := requestOf(c.Context()); r.route == "" && c.Route() != own {
		r.route = c.Route().Path
	}
	return err
}

// end counts and logs an answered request.
func (s *Server) end(rctx *fasthttp.RequestCtx) {
	if s.draining.Load() {
		rctx.SetConnectionClose()
	}
	r := requestOf(rctx)
	method, status := methodLabel(string(rctx.Method())), rctx.Response.StatusCode()
	s.metrics.observe(r, method, status)
	r.span.Answer(method, r.template(), status)
	s.logAccess(rctx, r)
}

// recover answers a request whose handler panicked.
func (s *Server) recover(rctx *fasthttp.RequestCtx) {
	cause := recover()
	if cause == nil {
		return
	}
	s.metrics.panics.Inc()
	r := requestOf(rctx)
	s.log.Error("panic in a handler", "request_id", r.id, "route", r.route, "cause", cause, "stack", string(debug.Stack()))
	rctx.Response.Reset()
	s.setHeaders(rctx)
	refuse(rctx, fiber.StatusInternalServerError, serverError(r.id))
}

// unreadable answers what could not be read as a request. The connection is
// closed afterwards.
func (s *Server) unreadable(rctx *fasthttp.RequestCtx, err error) {
	s.begin(rctx)
	defer s.end(rctx)
	switch {
	case isTimeout(err):
		s.fail(rctx, errSlow)
		return
	case isSmallBuffer(err):
		err = errHeadTooLarge
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		err = errBodyTooLarge
	default:
		err = errMalformed
	}
	discard(rctx.Conn())
	s.fail(rctx, err)
}

var (
	errSlow         = Refuse(fiber.StatusRequestTimeout, "The request did not arrive in time.")
	errBodyTooLarge = Refuse(fiber.StatusRequestEntityTooLarge, "Request body too large.")
)

// discard reads what a client is still sending, so that it finds the answer and
// not a reset. It takes at most 1 MiB and a second, and gives up after a pause.
func discard(c net.Conn) {
	end := time.Now().Add(time.Second)
	buf := make([]byte, 16<<10)
	for left := 1 << 20; left > 0 && time.Now().Before(end); {
		if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			return
		}
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		left -= n
	}
}

func isSmallBuffer(err error) bool {
	_, ok := errors.AsType[*fasthttp.ErrSmallBuffer](err)
	return ok
}

func isTimeout(err error) bool {
	wait, ok := errors.AsType[net.Error](err)
	return ok && wait.Timeout() || strings.Contains(err.Error(), "timeout")
}
