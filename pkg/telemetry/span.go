package telemetry

import (
	"context"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/chatire/chatire/pkg/chat"
)

// What OpenTelemetry has no name for.
const (
	batchKey   = attribute.Key("chatire.append.batch_size")
	socketsKey = attribute.Key("chatire.deliver.sockets")
)

// Span is a part of a trace that has begun. A nil Span is of something that is not
// traced, and its methods do nothing.
type Span struct{ span trace.Span }

// Mark is where a trace goes on: a span that has ended, and when. It is nil for what is
// not traced.
type Mark struct {
	parent chat.TraceParent
	at     time.Time
}

// begin begins a span whose parent began in this process, or in another one if it is
// remote.
func (t *Tracer) begin(parent chat.TraceParent, remote bool, name string, options ...trace.SpanStartOption) trace.Span {
	ctx := trace.ContextWithSpanContext(context.Background(), contextOf(parent).WithRemote(remote))
	_, span := t.tracer.Start(ctx, name, options...)
	return span
}

// Parent is what parts of this span have as theirs, nil if there is no span.
func (s *Span) Parent() *chat.TraceParent {
	if s == nil {
		return nil
	}
	parent := parentOf(s.span.SpanContext())
	return &parent
}

// TraceID returns the id of the trace in hex, "" if there is no span.
func (s *Span) TraceID() string {
	if s == nil {
		return ""
	}
	return s.span.SpanContext().TraceID().String()
}

// Request begins the span of a request. A traceparent that can be read says whether and
// as part of what it is traced; without one chance decides. Answer ends it.
func (t *Tracer) Request(traceparent string) *Span {
	if t == nil {
		return nil
	}
	_, span := t.tracer.Start(extract(traceparent), "request", trace.WithSpanKind(trace.SpanKindServer))
	if !span.IsRecording() {
		return nil
	}
	return &Span{span}
}

// methods are those that a span names.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"}

// Answer ends the span of a request. The route is its template, "" if none took it.
func (s *Span) Answer(method, route string, status int) {
	if s == nil {
		return
	}
	name := method
	if !slices.Contains(methods, method) {
		name, method = "HTTP", "_OTHER"
	}
	s.span.SetAttributes(semconv.HTTPRequestMethodKey.String(method), semconv.HTTPResponseStatusCode(status))
	if route != "" {
		name += " " + route
		s.span.SetAttributes(semconv.HTTPRoute(route))
	}
	s.span.SetName(name)
	if status >= 500 {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}

// Append implements chat.Tracer.
func (t *Tracer) Append(parent chat.TraceParent) (own chat.TraceParent, end func(batch int, err error)) {
	if t == nil {
		return parent, func(int, error) {}
	}
	span := t.begin(parent, false, "append")
	return parentOf(span.SpanContext()), func(batch int, err error) {
		if err != nil {
			span.SetStatus(codes.Error, "") // not what it says: that may name values
		}
		if batch > 0 {
			span.SetAttributes(batchKey.Int(batch))
		}
		span.End()
	}
}

// Publish begins the span of an Event on its way to the broker. Sent and then Confirm or
// Fail follow; one that is never sent has no span.
func (t *Tracer) Publish(parent *chat.TraceParent) *Span {
	if t == nil || parent == nil {
		return nil
	}
	return &Span{t.begin(*parent, false, "publish", trace.WithSpanKind(trace.SpanKindProducer))}
}

// Place is what packs go through: in words of OpenTelemetry a messaging system and a
// destination.
type Place struct{ System, Name string }

func (p Place) attributes(packed int) []attribute.KeyValue {
	return []attribute.KeyValue{
		semconv.MessagingSystemKey.String(p.System),
		semconv.MessagingDestinationName(p.Name),
		semconv.MessagingBatchMessageCount(packed),
	}
}

// Sent notes where the pack went that the Event is in, of which slot it is, and how many
// Events are in it.
func (s *Span) Sent(to Place, slot, packed int) {
	if s == nil {
		return
	}
	s.span.SetAttributes(to.attributes(packed)...)
	s.span.SetAttributes(
		semconv.MessagingOperationName("publish"),
		semconv.MessagingOperationTypeSend,
		semconv.MessagingDestinationPartitionID(strconv.Itoa(slot)))
}

// Confirm ends the span of what the broker has confirmed.
func (s *Span) Confirm() {
	if s != nil {
		s.span.End()
	}
}

// Fail ends the span of what may be lost.
func (s *Span) Fail() {
	if s != nil {
		s.span.SetStatus(codes.Error, "")
		s.span.End()
	}
}

// Receive is the span of an Event that has come in a pack, from began until now.
func (t *Tracer) Receive(parent chat.TraceParent, from Place, packed int, began time.Time) *Mark {
	if t == nil {
		return nil
	}
	span := t.begin(parent, true, "receive", trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindConsumer))
	span.SetAttributes(from.attributes(packed)...)
	span.SetAttributes(semconv.MessagingOperationName("receive"), semconv.MessagingOperationTypeProcess)
	now := time.Now()
	span.End(trace.WithTimestamp(now))
	return &Mark{parentOf(span.SpanContext()), now}
}

// Deliver is the span of an Event from its mark until it was written to so many sockets.
func (t *Tracer) Deliver(m *Mark, sockets int, until time.Time) {
	if t == nil || m == nil {
		return
	}
	span := t.begin(m.parent, false, "deliver", trace.WithTimestamp(m.at))
	span.SetAttributes(socketsKey.Int(sockets))
	span.End(trace.WithTimestamp(until))
}
