package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/chatire/chatire/pkg/chat"
)

// header names what W3C trace context is carried in.
const header = "traceparent"

// Format returns the traceparent of something that is traced.
func Format(p chat.TraceParent) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), contextOf(p)), carrier)
	return carrier[header]
}

// Parse reads a traceparent. It is not ok if it is damaged, or of something that is not
// traced.
func Parse(traceparent string) (p chat.TraceParent, ok bool) {
	c := trace.SpanContextFromContext(extract(traceparent))
	return parentOf(c), c.IsSampled()
}

// extract returns a context with what a traceparent says, which is nothing if it is
// damaged.
func extract(traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{header: traceparent})
}

func contextOf(p chat.TraceParent) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: p.TraceID, SpanID: p.SpanID, TraceFlags: trace.FlagsSampled})
}

func parentOf(c trace.SpanContext) chat.TraceParent {
	return chat.TraceParent{TraceID: c.TraceID(), SpanID: c.SpanID()}
}
