package telemetry

import (
	"context"
	"log/slog"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// complainEvery is how often the log says that spans cannot be sent.
const complainEvery = time.Minute

// exporter sends spans, and is the end of every failure to do so. The library would tell
// a handler that the whole process shares.
type exporter struct {
	sdktrace.SpanExporter
	log *slog.Logger

	giveUp  context.CancelFunc // has what is being sent end
	ending  context.Context
	stopped chan struct{} // closed when nothing more will be sent

	// Only the library's goroutine that sends uses these.
	lost       int // spans since the last complaint
	complained time.Time
}

func newExporter(to sdktrace.SpanExporter, log *slog.Logger) *exporter {
	e := &exporter{SpanExporter: to, log: log, stopped: make(chan struct{})}
	e.ending, e.giveUp = context.WithCancel(context.Background())
	return e
}

// ExportSpans implements sdktrace.SpanExporter. It never fails.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.ending, cancel)()
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.complain(err, len(spans))
	}
	return nil
}

func (e *exporter) complain(err error, spans int) {
	e.lost += spans
	if time.Since(e.complained) < complainEvery {
		return
	}
	e.log.Warn("cannot send traces", "lost_spans", e.lost, "error", err)
	e.lost, e.complained = 0, time.Now()
}

// Shutdown implements sdktrace.SpanExporter. The library calls it when all is sent.
func (e *exporter) Shutdown(ctx context.Context) error {
	defer close(e.stopped)
	return e.SpanExporter.Shutdown(ctx)
}

// stop gives up what is still being sent and waits for the end.
func (e *exporter) stop() {
	e.giveUp()
	<-e.stopped
}
