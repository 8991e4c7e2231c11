package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// connections is how many websockets each load has, and members how many there are in a
// session.
const (
	connections = 120
	members     = 10
)

// load is how much is posted for how long.
type load struct {
	rate     int // messages a second
	duration time.Duration
}

// report is what is read of that of chatirectl bench.
type report struct {
	Deliveries    int64
	CommitToFrame struct{ P99 float64 } `json:"commit_to_frame_ms"`
}

// bench runs a load. It fails if an event is missing, comes twice or out of order.
func (s *story) bench(ctx context.Context, l load) (r report, err error) {
	args := []string{
		"bench", "http://" + s.in.APIs[0].Listen, "--websocket", strings.Join(s.in.Sockets(), ","), "--json",
		"--connections", fmt.Sprint(connections), "--members", fmt.Sprint(members),
		"--rate", fmt.Sprint(l.rate), "--duration", l.duration.String(), "--warmup", "0s",
	}
	s.say("chatirectl bench: %d connections, %d messages a second, each to %d of them, for %v", connections, l.rate, members, l.duration)
	var complaint strings.Builder
	cmd := exec.CommandContext(ctx, filepath.Join(s.programs, "chatirectl"), args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Env, cmd.Stderr = []string{"HOME=" + s.folder}, &complaint
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("chatirectl bench: %w: %s", err, complaint.String())
	}
	err = json.Unmarshal(out, &r)
	s.say("chatirectl bench has received all %d events, each once and in order", r.Deliveries)
	return r, err
}
