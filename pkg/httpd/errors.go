package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/chatire/chatire/pkg/chat"
)

// statuses is the one table from refusals to HTTP.
var statuses = map[chat.Code]int{
	chat.Invalid:      fiber.StatusBadRequest,
	chat.Unauthorized: fiber.StatusUnauthorized,
	chat.Forbidden:    fiber.StatusForbidden,
	chat.NotFound:     fiber.StatusNotFound,
	chat.Conflict:     fiber.StatusConflict,
	chat.Gone:         fiber.StatusGone,
	chat.Throttled:    fiber.StatusTooManyRequests,
	chat.Unavailable:  fiber.StatusServiceUnavailable,
}

// answerError turns what a handler returned into an answer.
func (s *Server) answerError(c *fiber.Ctx, err error) error {
	s.fail(c.Context(), err)
	return nil
}

// fail answers with an error. What is in no list of ours is shown as a request id
// and logged.
func (s *Server) fail(rctx *fasthttp.RequestCtx, err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		err = chat.ErrUnavailable
	}
	switch {
	case isRouting(err, fiber.StatusNotFound):
		err = chat.ErrNotFound
	case isRouting(err, fiber.StatusMethodNotAllowed):
		err = methodNotAllowed(string(rctx.Method()))
	}
	if refused, ok := errors.AsType[*chat.Error](err); ok && statuses[refused.Code] != 0 {
		answerRefusal(rctx, refused)
		return
	}
	if status, ok := errors.AsType[*statusError](err); ok {
		refuse(rctx, status.code, status.detail)
		return
	}
	r := requestOf(rctx)
	r.failure = err
	refuse(rctx, fiber.StatusInternalServerError, serverError(r.id))
}

// isRouting says whether fiber found no handler for this reason.
func isRouting(err error, status int) bool {
	routing, ok := errors.AsType[*fiber.Error](err)
	return ok && routing.Code == status
}

// serverError is all that a client learns of an error of ours.
func serverError(requestID string) string {
	return "A server error occurred. Its request id is " + requestID + "."
}

// Refuse returns an error that is answered with this status and sentence. It is
// for what only HTTP knows: all other refusals are a [chat.Error].
func Refuse(status int, detail string) error { return &statusError{status, detail} }

type statusError struct {
	code   int
	detail string
}

func (e *statusError) Error() string { return e.detail }

// answerRefusal writes a refusal: its fields, or else its sentence.
func answerRefusal(rctx *fasthttp.RequestCtx, e *chat.Error) {
	status := statuses[e.Code]
	h := &rctx.Response.Header
	switch {
	case e.RetryAfter > 0:
		h.Set(fiber.HeaderRetryAfter, strconv.Itoa(wholeSeconds(e.RetryAfter.Seconds())))
	case status == fiber.StatusTooManyRequests || status == fiber.StatusServiceUnavailable:
		h.Set(fiber.HeaderRetryAfter, "1")
	case status == fiber.StatusUnauthorized:
		h.Set(fiber.HeaderWWWAuthenticate, scheme)
	}
	if len(e.Fields) > 0 {
		writeJSON(rctx, status, e.Fields)
		return
	}
	refuse(rctx, status, e.Detail)
}

// wholeSeconds rounds up, so that nobody comes back too early.
func wholeSeconds(seconds float64) int { return max(1, int(math.Ceil(seconds))) }

// refuse answers with one sentence.
func refuse(rctx *fasthttp.RequestCtx, status int, detail string) {
	writeJSON(rctx, status, map[string]string{"detail": detail})
}

func writeJSON(rctx *fasthttp.RequestCtx, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // maps of texts always encode
	}
	rctx.Response.ResetBody()
	rctx.SetStatusCode(status)
	rctx.SetContentType(fiber.MIMEApplicationJSON)
	rctx.SetBody(text)
}
