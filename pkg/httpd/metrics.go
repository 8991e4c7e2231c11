package httpd

import (
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics count requests. Their labels come from the code: templates of routes,
// never paths, and a fixed set of methods.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	panics   prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatire_http_requests_total",
			Help: "Requests answered, by method, template of the route and status.",
		}, []string{"method", "route", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                           "chatire_http_request_duration_seconds",
			Help:                           "Time from the last byte of a request to its answer.",
			Buckets:                        []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 5},
			NativeHistogramBucketFactor:    1.1,
			NativeHistogramMaxBucketNumber: 100,
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "chatire_http_requests_in_flight",
			Help: "Requests being answered now.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatire_panics_recovered_total",
			Help: "Requests whose handler panicked; the process went on.",
		}),
	}
	reg.MustRegister(m.requests, m.duration, m.inFlight, m.panics)
	for _, fault := range []int{fiber.StatusInternalServerError, fiber.StatusServiceUnavailable} {
		m.requests.WithLabelValues(fiber.MethodGet, noRoute, strconv.Itoa(fault)) // so that their rate begins at 0
	}
	return m
}

// noRoute labels requests that no route took.
const noRoute = "none"

func (m *metrics) observe(r *request, method string, status int) {
	route := r.route
	if route == "" {
		route = noRoute
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(method, route).Observe(time.Since(r.began).Seconds())
}

// methodLabel returns the method, or "other" for one that is none of HTTP's own.
func methodLabel(method string) string {
	if slices.Contains(fiber.DefaultMethods, method) {
		return method
	}
	return "other"
}
