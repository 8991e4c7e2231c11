package admin

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/config"
	"github.com/chatire/chatire/pkg/httpd"
)

// Local is the admin API within this process, for whoever has the database: the same
// handlers with the same rules, and no network.
type Local struct {
	server    *httpd.Server
	transport *http.Transport
	done      chan struct{}
}

// LocalURL is the address of a Local for those who come by its Transport.
const LocalURL = "http://chatire.local"

// NewLocal serves the admin API to one administrator, who is not asked for a token. What
// is a fault of ours goes to the log. Close ends it.
func NewLocal(service *chat.Service, b Bus, admin chat.Admin, log *slog.Logger) *Local {
	metrics := prometheus.NewRegistry()
	a := New(service, b, config.RateLimit{Off: true}, metrics)
	a.local = &admin
	l := &Local{
		server: httpd.New(httpd.Options{Log: log, Metrics: metrics}),
		done:   make(chan struct{}),
	}
	trusted := func(context.Context, chat.Secret) (chat.Identity, error) {
		return chat.Identity{User: chat.User{Admin: true}}, nil
	}
	httpd.Mount(l.server.App(), trusted, a.Routes()...)
	listener := fasthttputil.NewInmemoryListener()
	l.transport = &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return listener.Dial() },
	}
	go func() {
		defer close(l.done)
		if err := l.server.Serve(listener); err != nil {
			log.Error("serve the admin API locally", "error", err)
		}
	}()
	return l
}

// Transport carries requests to it.
func (l *Local) Transport() http.RoundTripper { return l.transport }

// Close ends it. Nothing is left running.
func (l *Local) Close() {
	l.transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.server.Shutdown(ctx) // only idle connections are left
	<-l.done
}
