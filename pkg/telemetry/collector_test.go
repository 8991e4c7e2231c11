package telemetry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collected "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// span is one that the collector was given.
type span struct {
	*otlp.Span
	service string // whose it is
}

// attribute returns what a span says under a key, nil if nothing.
func (s span) attribute(key string) any { return attributeOf(s.Attributes, key) }

func attributeOf(all []*common.KeyValue, key string) any {
	i := slices.IndexFunc(all, func(kv *common.KeyValue) bool { return kv.Key == key })
	if i < 0 {
		return nil
	}
	switch value := all[i].Value.Value.(type) {
	case *common.AnyValue_IntValue:
		return int(value.IntValue)
	case *common.AnyValue_StringValue:
		return value.StringValue
	}
	return all[i].Value
}

// collector takes OTLP over HTTP, as a real one does.
type collector struct {
	*httptest.Server

	mu       sync.Mutex // guards all below
	requests int
	spans    []span
	words    []string // the text of all that came
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// ServeHTTP implements http.Handler.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	body, err := io.ReadAll(r.Body)
	var sent collected.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &sent) != nil {
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	c.words = append(c.words, sent.String())
	for _, of := range sent.ResourceSpans {
		service, _ := attributeOf(of.Resource.Attributes, "service.name").(string)
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, span{s, service})
			}
		}
	}
}

// count returns how often somebody has called.
func (c *collector) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

// named returns all spans of a name.
func (c *collector) named(name string) []span {
	return c.all(func(s span) bool { return s.Name == name })
}

// under returns the spans whose parent is this one.
func (c *collector) under(parent span) []span {
	return c.all(func(s span) bool {
		return string(s.ParentSpanId) == string(parent.SpanId) && string(s.TraceId) == string(parent.TraceId)
	})
}

func (c *collector) all(which func(span) bool) []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []span
	for _, s := range c.spans {
		if which(s) {
			found = append(found, s)
		}
	}
	return found
}

// knows says whether a word is in anything that came.
func (c *collector) knows(word string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.words, func(text string) bool { return strings.Contains(text, word) })
}
