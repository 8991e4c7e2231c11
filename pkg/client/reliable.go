package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// NewClientID returns a name for a Message that nobody else uses.
func NewClientID() string { return rand.Text() }

// PostReliably sends a Message until its outcome is known or ctx ends, each time
// under the same clientID; "" makes one. It returns an *Error for a Message that was
// refused, and ErrUnknownOutcome for one that may be stored or not.
//
// A try stored nothing if its answer is a 4xx. After a try without such an answer,
// only an answer about this very Message settles it: a 401, 404 or 429 may come
// though the first try was stored.
func (c *Client) PostReliably(ctx context.Context, uri, text, clientID string) (Message, error) {
	if clientID == "" {
		clientID = NewClientID()
	}
	return c.postReliably(ctx, uri, text, clientID, noTries{})
}

// tries watches the tries of one Message.
type tries interface {
	sending(try int)
	sent(m Message, err error)
}

type noTries struct{}

func (noTries) sending(int)         {}
func (noTries) sent(Message, error) {}

func (c *Client) postReliably(ctx context.Context, uri, text, clientID string, watch tries) (Message, error) {
	pause, unknown := c.retry, false
	for try := 1; ; try++ {
		watch.sending(try)
		posted, err := c.Post(ctx, uri, text, clientID)
		watch.sent(posted, err)
		if err == nil || settles(err) {
			return posted, err
		}
		unknown = unknown || !refused(err)
		if !unknown && !comeBack(err) {
			return Message{}, err
		}
		if sleep(ctx, max(pause.next(), wanted(err))) {
			continue
		}
		if unknown {
			return Message{}, fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
		}
		return Message{}, err
	}
}

// settles says whether a refusal is about the Message itself, so that no try of it
// can have been stored or will be.
func settles(err error) bool {
	switch status(err) {
	case http.StatusBadRequest, http.StatusConflict,
		http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		return true
	}
	return false
}

// refused says whether this try stored nothing.
func refused(err error) bool {
	s := status(err)
	return s >= 400 && s < 500 && s != http.StatusRequestTimeout && s != http.StatusTooEarly
}

// comeBack says whether the server asked to try later.
func comeBack(err error) bool { return status(err) == http.StatusTooManyRequests }

// wanted returns how long the server asked to wait.
func wanted(err error) time.Duration {
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer.RetryAfter
	}
	return 0
}

// status returns the status of an answer, 0 if there was none.
func status(err error) int {
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer.Status
	}
	return 0
}
