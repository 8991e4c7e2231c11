package boot

import (
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/config"
	"github.com/chatire/chatire/pkg/trace"
)

// ProcessTrace says when an Event passed a process; null where it did not.
type ProcessTrace struct {
	Host      string     `json:"host"`
	Handed    *time.Time `json:"handed"`
	Published *time.Time `json:"published"`
	Confirmed *time.Time `json:"confirmed"`
	Received  *time.Time `json:"received"`
	Written   *time.Time `json:"written"`
}

// ProcessStats says how a process is.
type ProcessStats struct {
	Host    string             `json:"host"`
	Version string             `json:"version"`
	Began   time.Time          `json:"began"`
	Values  map[string]float64 `json:"values"` // of the metrics in statsMetrics that it has
}

// statsMetrics are the metrics that answers have: of several series the sum, of a
// histogram the sum of what was observed.
var statsMetrics = map[string]bool{
	"chatire_admin_operations_total":  true,
	"chatire_append_batch_size":       true,
	"chatire_bus_slots":               true,
	"chatire_bus_slots_bound":         true,
	"chatire_degraded":                true,
	"chatire_http_requests_total":     true,
	"chatire_undelivered_age_seconds": true,
	"chatire_ws_catchup_connections":  true,
	"chatire_ws_connections":          true,
	"chatire_ws_draining":             true,
	"chatire_ws_frames_sent_total":    true,
	"chatire_ws_subscriptions":        true,
	"process_cpu_seconds_total":       true,
	"process_resident_memory_bytes":   true,
}

// answerer answers questions about a process.
type answerer struct {
	host    string
	began   time.Time
	metrics prometheus.Gatherer
	trace   *trace.Ring
}

func newAnswerer(metrics prometheus.Gatherer, ring *trace.Ring) *answerer {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &answerer{host, time.Now(), metrics, ring}
}

// answer is for [bus.Bus.OnQuestion].
func (a *answerer) answer(q bus.Question) any {
	switch q.Kind {
	case bus.AskTrace:
		marks, known := a.trace.Marks(q.URI, q.Seq)
		if !known {
			return nil
		}
		at := func(s trace.Stage) *time.Time {
			if marks[s].IsZero() {
				return nil
			}
			return &marks[s]
		}
		return ProcessTrace{a.host, at(trace.Handed), at(trace.Published), at(trace.Confirmed), at(trace.Received), at(trace.Written)}
	case bus.AskStats:
		return ProcessStats{a.host, config.Version, a.began, a.values()}
	}
	return nil
}

// values gathers the metrics that answers have. What cannot be gathered is left out.
func (a *answerer) values() map[string]float64 {
	families, _ := a.metrics.Gather()
	values := map[string]float64{}
	for _, f := range families {
		if !statsMetrics[f.GetName()] {
			continue
		}
		sum := 0.0
		for _, m := range f.GetMetric() {
			sum += valueOf(m)
		}
		values[f.GetName()] = sum
	}
	return values
}

// valueOf returns the value of a series.
func valueOf(m *dto.Metric) float64 {
	switch {
	case m.GetCounter() != nil:
		return m.GetCounter().GetValue()
	case m.GetHistogram() != nil:
		return m.GetHistogram().GetSampleSum()
	}
	return m.GetGauge().GetValue()
}
