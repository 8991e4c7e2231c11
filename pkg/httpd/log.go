package httpd

import (
	"context"
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"
)

// logAccess writes one line for a request: ids and the route's template, never
// contents, never a query. A path is shown only where no route took it.
func (s *Server) logAccess(rctx *fasthttp.RequestCtx, r *request) {
	status := rctx.Response.StatusCode()
	level := slog.LevelInfo
	if r.failure != nil {
		level = slog.LevelError
	}
	ctx := context.Background()
	if !s.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", r.id),
		slog.String("method", methodLabel(string(rctx.Method()))),
		slog.String("route", r.route),
		slog.Int("status", status),
		slog.Float64("seconds", time.Since(r.began).Seconds()),
		slog.Int("bytes", len(rctx.Response.Body())),
		slog.String("addr", r.addr.String()),
	}
	if r.span != nil {
		attrs = append(attrs, slog.String("trace_id", r.span.TraceID()))
	}
	if r.who != 0 {
		attrs = append(attrs, slog.Int64("user_id", r.who))
	}
	if r.route == "" {
		path := rctx.URI().PathOriginal()
		attrs = append(attrs, slog.String("path", string(path[:min(len(path), maxLoggedPath)])))
	}
	if r.failure != nil {
		attrs = append(attrs, slog.String("error", r.failure.Error()))
	}
	s.log.LogAttrs(ctx, level, "request", attrs...)
}

// maxLoggedPath bounds what a line of the log takes over from a request.
const maxLoggedPath = 100
