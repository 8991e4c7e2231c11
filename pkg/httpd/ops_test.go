package httpd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestOps(t *testing.T) {
	var database, broker error
	ops := NewOps(OpsOptions{
		Log:      slog.New(slog.DiscardHandler),
		Metrics:  prometheus.NewRegistry(),
		Database: func(context.Context) error { return database },
		Broker:   func(context.Context) error { return broker },
	})
	ops.Handle("GET /debug/hub", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hub") }))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- ops.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := errors.Join(ops.Shutdown(ctx), <-done); err != nil {
			t.Error(err)
		}
	})
	ask := func(t *testing.T, path string) (int, string) {
		t.Helper()
		response, err := http.Get("http://" + ln.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		defer http.DefaultClient.CloseIdleConnections()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	ready := func(t *testing.T, wantStatus int, want string) {
		t.Helper()
		if status, body := ask(t, "/readyz"); status != wantStatus || body != want+"\n" {
			t.Errorf("answer %d %s, want %d %s", status, body, wantStatus, want)
		}
		if status, _ := ask(t, "/livez"); status != 200 {
			t.Errorf("not alive: %d", status)
		}
	}

	t.Run("G5 is ready with all there", func(t *testing.T) {
		ready(t, 200, `{"status":"ready","database":"ok","broker":"ok","draining":false}`)
	})
	t.Run("is degraded without a broker, and ready", func(t *testing.T) {
		broker = errors.New("amqp://user:hunter2@mq is away")
		ready(t, 200, `{"status":"degraded","database":"ok","broker":"failing","draining":false}`)
	})
	t.Run("is not ready without a database, and alive", func(t *testing.T) {
		database = errors.New("the schema is old")
		ready(t, 503, `{"status":"unready","database":"failing","broker":"failing","draining":false}`)
	})
	t.Run("is not ready when it is about to stop", func(t *testing.T) {
		database, broker = nil, nil
		ops.Drain()
		ready(t, 503, `{"status":"unready","database":"ok","broker":"ok","draining":true}`)
	})
	t.Run("shows profiles, metrics and what programs add", func(t *testing.T) {
		for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/hub"} {
			if status, _ := ask(t, path); status != 200 {
				t.Errorf("%s: %d", path, status)
			}
		}
	})
}
