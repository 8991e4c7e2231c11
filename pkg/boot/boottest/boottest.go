// Package boottest runs processes of Chatire inside of tests, as an operator would.
package boottest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/config"
)

// patience is how long a process may take to start.
const patience = 30 * time.Second

// Process is one that runs.
type Process struct {
	URL  string // of the public server, such as http://127.0.0.1:1234
	Ops  string // of the operators' server
	Stop func() // ends it and waits for that; a test's end does so, too
}

// Options are what a process is made of. The database is one that has its schema, and the
// bus is inside of the process unless a setting says otherwise.
type Options struct {
	Database chat.Secret
	Name     string       // of the process in traces
	Settings []string     // variables of the environment, such as CHATIRE_RATE_LIMIT=off
	Log      *slog.Logger // silent when nil
	Programs []boot.New
}

// Start runs a process until the test ends.
func Start(t testing.TB, o Options) *Process {
	t.Helper()
	vars := map[string]string{
		"CHATIRE_DATABASE_URL": string(o.Database),
		"CHATIRE_SECRET":       strings.Repeat("s", config.MinSecret),
		"CHATIRE_LISTEN":       "127.0.0.1:0",
		"CHATIRE_OPS_LISTEN":   "127.0.0.1:0",
	}
	for _, setting := range o.Settings {
		name, value, _ := strings.Cut(setting, "=")
		vars[name] = value
	}
	c, err := config.Load(vars)
	if err != nil {
		t.Fatal(err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Process{}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- boot.Run(ctx, boot.Options{
			Name:     o.Name,
			Config:   c,
			Log:      o.Log,
			Programs: o.Programs,
			Ready: func(public, ops net.Addr) {
				p.URL, p.Ops = "http://"+public.String(), "http://"+ops.String()
				close(ready)
			},
		})
	}()
	p.Stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	select {
	case <-ready:
		t.Cleanup(p.Stop)
	case err := <-done:
		cancel()
		t.Fatalf("the process did not start: %v", err)
	case <-time.After(patience):
		p.Stop()
		t.Fatalf("the process did not start in %v", patience)
	}
	return p
}
