package docs_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/config"
)

// site is Chatire as one process, on SQLite.
type site struct {
	*boot.Kit
	url string
}

// startSite runs programs until the test ends.
func startSite(t *testing.T, programs ...boot.New) *site {
	t.Helper()
	c, err := config.Load(map[string]string{
		"CHATIRE_DATABASE_URL": "sqlite://" + filepath.Join(t.TempDir(), "chatire.db"),
		"CHATIRE_SECRET":       strings.Repeat("s", config.MinSecret),
		"CHATIRE_LISTEN":       "127.0.0.1:0",
		"CHATIRE_OPS_LISTEN":   "127.0.0.1:0",
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{}
	for i, makeProgram := range programs {
		programs[i] = func(k *boot.Kit) (boot.Program, error) {
			s.Kit = k
			return makeProgram(k)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- boot.Run(ctx, boot.Options{
			Config:   c,
			Log:      slog.New(slog.DiscardHandler),
			Programs: programs,
			Migrate:  true,
			Ready: func(public, _ net.Addr) {
				s.url = "http://" + public.String()
				close(ready)
			},
		})
	}()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Fatal("it does not start")
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return s
}

// awaitSubscriber waits until the worker receives from the bus.
func (s *site) awaitSubscriber(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if _, subscriber := s.Bus.Up(); subscriber {
			return
		}
	}
	t.Fatal("the worker does not receive from the bus")
}
