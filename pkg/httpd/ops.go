package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// OpsOptions are what an Ops is made of.
type OpsOptions struct {
	Log     *slog.Logger
	Metrics prometheus.Gatherer

	// Database returns nil if the database answers and its schema is the right
	// one. Without it the process is not ready. nil: there is none to ask.
	Database func(context.Context) error

	// Broker returns nil if the broker is there. Without it the process is
	// degraded, and ready all the same. nil: there is none to ask.
	Broker func(context.Context) error
}

// Ops is the operators' server: health, metrics and profiles. It listens on its
// own address, which is never public.
type Ops struct {
	log      *slog.Logger
	mux      *http.ServeMux
	server   *http.Server
	database func(context.Context) error
	broker   func(context.Context) error
	draining atomic.Bool
}

// NewOps makes an Ops.
func NewOps(o OpsOptions) *Ops {
	mux := http.NewServeMux()
	ops := &Ops{
		log:      o.Log,
		mux:      mux,
		database: o.Database,
		broker:   o.Broker,
		server: &http.Server{
			Handler:           mux,
			ReadHeaderTimeout: readTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaders,
			ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
		},
	}
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "alive")
	})
	mux.HandleFunc("GET /readyz", ops.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{
		ErrorLog:      slog.NewLogLogger(o.Log.Handler(), slog.LevelError),
		ErrorHandling: promhttp.HTTPErrorOnError,
	}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return ops
}

// Handle adds a page. The pattern is one of http.ServeMux.
func (o *Ops) Handle(pattern string, h http.Handler) { o.mux.Handle(pattern, h) }

// Drain makes the process unready for good: it is about to stop.
func (o *Ops) Drain() { o.draining.Store(true) }

// Serve answers requests that come to ln until Shutdown. It takes ln over.
func (o *Ops) Serve(ln net.Listener) error {
	if err := o.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve ops: %w", err)
	}
	return nil
}

// Shutdown stops accepting, lets requests under way finish and returns, at the
// latest when ctx ends; then it cuts off what is left.
func (o *Ops) Shutdown(ctx context.Context) error {
	if err := o.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("finish ops requests: %w", err), o.server.Close())
	}
	return nil
}

// health is the answer of /readyz.
type health struct {
	Status   string `json:"status"` // ready, degraded or unready
	Database string `json:"database"`
	Broker   string `json:"broker"`
	Draining bool   `json:"draining"`
}

// checkTimeout bounds one check.
const checkTimeout = 2 * time.Second

func (o *Ops) ready(w http.ResponseWriter, r *http.Request) {
	h := health{
		Status:   "ready",
		Database: o.check(r.Context(), "database", o.database),
		Broker:   o.check(r.Context(), "broker", o.broker),
		Draining: o.draining.Load(),
	}
	status := http.StatusOK
	switch {
	case h.Draining || h.Database == failing:
		h.Status, status = "unready", http.StatusServiceUnavailable
	case h.Broker == failing:
		h.Status = "degraded"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(h); err != nil {
		o.log.Debug("answer readiness", "error", err)
	}
}

// failing is how a failed check is shown; why it failed is in the log.
const failing = "failing"

func (o *Ops) check(ctx context.Context, name string, ask func(context.Context) error) string {
	if ask == nil {
		return "none"
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := ask(ctx); err != nil {
		o.log.Warn("readiness check failed", "check", name, "error", err)
		return failing
	}
	return "ok"
}
