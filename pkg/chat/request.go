package chat

import "context"

// Cause is the request that something came from.
type Cause struct {
	RequestID string       // "" if there was no request
	Trace     *TraceParent // nil if it is not traced
}

// TraceParent names a span of a trace, as W3C trace context does: what came from it is
// part of it.
type TraceParent struct {
	TraceID [16]byte
	SpanID  [8]byte
}

// Tracer notes what the domain does for requests that are traced.
type Tracer interface {
	// Append begins the span of a post that waits for its transaction. end ends it, with
	// the number of drafts in the transaction, 0 if that is not known.
	Append(parent TraceParent) (own TraceParent, end func(batch int, err error))
}

type causeKey struct{}

// WithCause returns a context that carries the request it serves.
func WithCause(ctx context.Context, c Cause) context.Context {
	return context.WithValue(ctx, causeKey{}, c)
}

// CauseOf returns the request that ctx serves, nothing if it serves none.
func CauseOf(ctx context.Context) Cause {
	c, _ := ctx.Value(causeKey{}).(Cause)
	return c
}

// RequestID returns the id of the request that ctx serves, "" if none.
func RequestID(ctx context.Context) string { return CauseOf(ctx).RequestID }
