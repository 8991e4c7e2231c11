package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// ErrSignedOut is why a [Device] ends by itself: its token is not accepted, or not
// any more.
var ErrSignedOut = errors.New("the token is not accepted")

// ErrUnknownOutcome says that a Message may be stored or not. Sending it again
// under the same client id does no harm.
var ErrUnknownOutcome = errors.New("it is not known whether the message was stored")

// Error is an answer that is no 2xx.
type Error struct {
	Status int

	// Detail is the server's sentence, and Fields are its complaints about fields
	// by their names. Mostly one of the two is there.
	Detail string
	Fields map[string][]string

	// RetryAfter is how long the server asked to wait, 0 if it did not.
	RetryAfter time.Duration

	// Oldest is the lowest Seq that is retained, with 410 only.
	Oldest int64
}

func (e *Error) Error() string {
	if refusal := e.refusal(); refusal.Error() != "" {
		return fmt.Sprintf("%d: %s", e.Status, refusal.Error())
	}
	return fmt.Sprintf("%d: %s", e.Status, http.StatusText(e.Status))
}

// Unwrap makes [chat.CodeOf] work on both sides of the wire.
func (e *Error) Unwrap() error { return e.refusal() }

func (e *Error) refusal() *chat.Error {
	if taken := chat.ErrUsernameTaken.(*chat.Error); e.Status == http.StatusBadRequest && reflect.DeepEqual(e.Fields, taken.Fields) {
		return taken
	}
	return &chat.Error{Code: codes[e.Status], Detail: e.Detail, Fields: e.Fields, RetryAfter: e.RetryAfter}
}

var codes = map[int]chat.Code{
	http.StatusBadRequest:         chat.Invalid,
	http.StatusUnauthorized:       chat.Unauthorized,
	http.StatusForbidden:          chat.Forbidden,
	http.StatusNotFound:           chat.NotFound,
	http.StatusConflict:           chat.Conflict,
	http.StatusTooManyRequests:    chat.Throttled,
	http.StatusServiceUnavailable: chat.Unavailable,
}

// errorOf reads a refusal. What it does not understand of the body is left out: a
// proxy may have written it.
func errorOf(answer *http.Response, body []byte) *Error {
	e := &Error{Status: answer.StatusCode, RetryAfter: retryAfter(answer.Header)}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return e
	}
	for name, value := range fields {
		var complaints []string
		switch {
		case name == "detail" && json.Unmarshal(value, &e.Detail) == nil:
		case name == "oldest" && json.Unmarshal(value, &e.Oldest) == nil:
		case json.Unmarshal(value, &complaints) == nil:
			if e.Fields == nil {
				e.Fields = map[string][]string{}
			}
			e.Fields[name] = complaints
		}
	}
	return e
}

// retryAfter reads whole seconds, the only form that Chatire writes.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
