package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/chatire/chatire/pkg/config"
)

// Exit statuses of the servers.
const (
	exitOK      = 0
	exitFailed  = 1
	exitSetting = 78 // EX_CONFIG of sysexits.h: no restart will help
)

// Addresses are where a server listens unless its settings say otherwise.
type Addresses struct {
	Public, Ops string
}

// Main is the main function of a server: it reads the settings from the
// environment, runs the programs until SIGTERM or SIGINT, and returns the exit
// status. A second signal ends the process at once.
func Main(name string, a Addresses, programs ...New) int {
	c, err := config.Load(config.Environ())
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: the settings are wrong\n%v\n", name, err)
		return exitSetting
	}
	if c.Listen == "" {
		c.Listen = a.Public
	}
	if c.OpsListen == "" {
		c.OpsListen = a.Ops
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop)
	log := NewLog(os.Stderr, c.Level()).With("program", name)
	if strings.HasPrefix(string(c.BusURL), "memory:") {
		log.Warn("CHATIRE_BUS_URL names no broker: events reach the workers of other processes a second late, when they look for them")
	}
	if err := Run(ctx, Options{Name: name, Config: c, Log: log, Programs: programs}); err != nil && !errors.Is(err, context.Canceled) {
		log.Error("stopped", "error", err)
		return exitFailed
	}
	log.Info("stopped")
	return exitOK
}

// NewLog returns a log of one JSON object a line; control characters in values are
// escaped.
func NewLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}
