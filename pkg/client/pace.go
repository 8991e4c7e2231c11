package client

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Close codes of the protocol that a client obeys.
const (
	closeUnsupported = 1003
	closeNotUTF8     = 1007
	closeTooBig      = 1009
	closeRestart     = 1012
	closeTooMany     = 1013
	closeBadFrame    = 4400
	closeSignedOut   = 4401
	closeThrottled   = 4429
)

// end is how a connection ended, or why there was none.
type end struct {
	err   error
	lived time.Duration // since the sign-in; 0 if there was none

	// drained is when the server told the client to come back; zero if it did not.
	drained time.Time
}

func (e end) code() int {
	if closed, ok := errors.AsType[*CloseError](e.err); ok {
		return closed.Code
	}
	return 0
}

func (e end) signedOut() bool { return e.code() == closeSignedOut }

// pace is how long a device waits for what, foremost before it connects again.
type pace struct {
	backoff   backoff
	penance   time.Duration // after a frame that the server found bad
	restart   time.Duration // the most, after a restart without a drain
	lifetime  time.Duration // after which a connection counts as a good one
	heartbeat time.Duration // until the server has told its own
}

func newPace() pace {
	return pace{
		backoff:   newBackoff(),
		penance:   10 * time.Second,
		restart:   2 * time.Second,
		lifetime:  5 * time.Second,
		heartbeat: 5 * time.Second,
	}
}

// wait returns the pause after a connection.
func (p *pace) wait(e end) time.Duration {
	if e.lived >= p.lifetime {
		p.backoff.reset()
	}
	switch e.code() {
	case closeUnsupported, closeNotUTF8, closeTooBig, closeBadFrame:
		return p.penance + p.backoff.next()
	case closeTooMany, closeThrottled:
		return p.told(e.err)
	}
	if !e.drained.IsZero() {
		return max(0, time.Until(e.drained))
	}
	if e.code() == closeRestart {
		return rand.N(p.restart)
	}
	return p.refused(e.err)
}

// told reads how many milliseconds the server wants the client to wait.
func (p *pace) told(err error) time.Duration {
	closed, _ := errors.AsType[*CloseError](err)
	ms, err := strconv.ParseUint(closed.Reason, 10, 31)
	if err != nil {
		return p.backoff.next()
	}
	return time.Duration(ms) * time.Millisecond
}

// refused is the pause after a handshake that was refused, or any other break.
func (p *pace) refused(err error) time.Duration {
	answer, ok := errors.AsType[*Error](err)
	switch {
	case ok && answer.RetryAfter > 0:
		return answer.RetryAfter + p.backoff.next()
	case ok && answer.Status < http.StatusInternalServerError:
		return p.penance + p.backoff.next()
	}
	return p.backoff.next()
}
