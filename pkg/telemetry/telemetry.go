// Package telemetry sends traces to a collector: which parts a request and its Events
// had, in which process, and how long each took. It is the one door of OpenTelemetry,
// and what a span is called and says is in span.go alone.
//
// A trace goes from process to process as W3C trace context. What is not traced has nil
// where others have a [Span] or a [Mark], and costs a comparison with it.
package telemetry

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

const (
	// flushEvery is how often spans are sent, or when a batch of them is full.
	flushEvery = 2 * time.Second
	batchSpans = 512

	// waitingSpans bounds the spans that wait to be sent. What comes beyond is dropped:
	// nobody waits for a collector.
	waitingSpans = 2048

	// sendTimeout bounds sending one batch. One that cannot be sent is lost.
	sendTimeout = 5 * time.Second
)

// Options say where traces go.
type Options struct {
	// URL is the address of a collector that takes OTLP over HTTP; "" for no traces.
	URL string

	// Ratio is what part of the requests without a trace of their own is traced, from 0
	// to 1.
	Ratio float64

	Service string // the program; "" means chatire
	Version string // of this build
	Log     *slog.Logger
}

// Tracer makes spans and sends them in the background. A nil Tracer makes none.
type Tracer struct {
	tracer   trace.Tracer
	batches  sdktrace.SpanProcessor
	exporter *exporter
	http     *http.Client
}

// Open makes a Tracer, nil if no traces are wanted. It does not wait for the collector.
func Open(o Options) (*Tracer, error) {
	if o.URL == "" {
		return nil, nil
	}
	address, err := url.JoinPath(o.URL, "v1", "traces")
	if err != nil {
		return nil, fmt.Errorf("open telemetry: %w", err)
	}
	client := &http.Client{Timeout: sendTimeout, Transport: http.DefaultTransport.(*http.Transport).Clone()}
	otlp, err := otlptracehttp.New(context.Background(),
		otlptracehttp.WithEndpointURL(address),
		otlptracehttp.WithHTTPClient(client),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	if err != nil {
		return nil, fmt.Errorf("open telemetry: %w", err)
	}
	e := newExporter(otlp, o.Log)
	batches := sdktrace.NewBatchSpanProcessor(e,
		sdktrace.WithBatchTimeout(flushEvery),
		sdktrace.WithMaxExportBatchSize(batchSpans),
		sdktrace.WithMaxQueueSize(waitingSpans),
		sdktrace.WithExportTimeout(sendTimeout))
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithResource(resourceOf(o)),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.Ratio))),
		sdktrace.WithSpanProcessor(batches))
	return &Tracer{
		tracer:   provider.Tracer("github.com/chatire/chatire", trace.WithInstrumentationVersion(o.Version)),
		batches:  batches,
		exporter: e,
		http:     client,
	}, nil
}

// resourceOf says whose spans they are.
func resourceOf(o Options) *resource.Resource {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return resource.NewWithAttributes(semconv.SchemaURL,
		semconv.ServiceName(cmp.Or(o.Service, "chatire")),
		semconv.ServiceVersion(o.Version),
		semconv.HostName(host))
}

// Stop sends what waits, as long as ctx lets it, and leaves nothing running.
func (t *Tracer) Stop(ctx context.Context) error {
	if t == nil {
		return nil
	}
	err := t.batches.Shutdown(ctx)
	t.exporter.stop()
	t.http.CloseIdleConnections()
	if err != nil {
		return fmt.Errorf("send the last spans: %w", err)
	}
	return nil
}
