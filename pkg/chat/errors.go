package chat

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Code says what kind of refusal an [Error] is. The HTTP server and the command
// line each have one table from Code to their own status.
type Code string

const (
	Invalid      Code = "invalid"      // the input breaks a rule; Fields says where
	Unauthorized Code = "unauthorized" // no token, or one that is not accepted
	Forbidden    Code = "forbidden"    // known, and not allowed
	NotFound     Code = "not_found"    // no such thing, or nothing the asker may know of
	Conflict     Code = "conflict"     // contradicts what is stored
	Gone         Code = "gone"         // was good once, and is no more
	Throttled    Code = "throttled"    // too many; RetryAfter says when to come back
	Unavailable  Code = "unavailable"  // cannot say now; the outcome of a write is unknown
)

// Error is a refusal that somebody can act on. Every other error is ours and is
// shown to users as a request id only.
type Error struct {
	Code Code

	// Detail is a sentence for people. It is empty where Fields says it all.
	Detail string

	// Fields holds the complaints about each input field by its wire name. The
	// name "non_field_errors" stands for the input as a whole.
	Fields map[string][]string

	// RetryAfter is how long to wait before asking again. It is meant for
	// Throttled and Unavailable; 0 elsewhere.
	RetryAfter time.Duration
}

// NonField is the name under which complaints about a whole input are listed.
const NonField = "non_field_errors"

func (e *Error) Error() string {
	if e.Detail != "" {
		return e.Detail
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		parts = append(parts, name+": "+strings.Join(e.Fields[name], " "))
	}
	return strings.Join(parts, "; ")
}

// Errorf makes an Error with a sentence for people.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// FieldError makes an Invalid error about one field.
func FieldError(name string, complaints ...string) error {
	return &Error{Code: Invalid, Fields: map[string][]string{name: complaints}}
}

// CodeOf returns the Code of err, or "" where err is nil or is none of ours.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// The refusals that several verbs share. They are compared with errors.Is.
var (
	// ErrNotFound is the one answer for what does not exist and for what the
	// asker may not see: the two must look the same.
	ErrNotFound = Errorf(NotFound, "Not found.")

	// ErrForbidden is the answer to a member without the right.
	ErrForbidden = Errorf(Forbidden, "You do not have permission to perform this action.")

	// ErrClosed is the answer to a change of a closed Session.
	ErrClosed = Errorf(Conflict, "This session is closed.")

	// ErrUnavailable is the answer when the database cannot be asked, or when it
	// did not say whether it committed.
	ErrUnavailable error = &Error{
		Code:       Unavailable,
		Detail:     "Temporarily unavailable. Try again with the same client_id.",
		RetryAfter: time.Second,
	}
)

// ErrUsernameTaken is what a Store says of a name that another User has, or had a
// variant of.
var ErrUsernameTaken = FieldError("username", "A user with that username already exists.")

// Aborted marks an error of AppendMessages that came before the commit: nothing
// was stored, and each draft may be tried again. Any other error is ambiguous.
type Aborted struct{ Err error }

func (a *Aborted) Error() string { return a.Err.Error() }

// Unwrap returns the cause.
func (a *Aborted) Unwrap() error { return a.Err }

// ErrDuplicate is what a Store says of a row whose unique key is taken, where no
// refusal of its own is named.
var ErrDuplicate = Errorf(Conflict, "This already exists.")
