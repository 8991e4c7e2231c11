package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// patience bounds how long a program may take to become ready.
const patience = 60 * time.Second

// Build builds the three programs into a folder. flags are more flags of go build.
func Build(ctx context.Context, folder string, flags ...string) error {
	args := append([]string{"build"}, flags...)
	args = append(args, "-o", folder+"/",
		"github.com/chatire/chatire/api/cmd/chatire-api",
		"github.com/chatire/chatire/worker/cmd/chatire-worker",
		"github.com/chatire/chatire/ctl/cmd/chatirectl")
	build := exec.CommandContext(ctx, "go", args...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w: %s", err, out)
	}
	return nil
}

// Process is one of our programs. It may be started, ended and started again, always
// at the same addresses.
type Process struct {
	Name   string // of its log, such as worker-1
	Listen string // host:port
	Ops    string // host:port of health and metrics

	program string
	args    []string
	env     []string
	log     *os.File

	mu   sync.Mutex // guards all below
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	peak int64         // bytes that earlier runs of it took
}

// newProcess prepares a program with addresses of its own.
func newProcess(programs, logs, name, program string, env []string, args ...string) (*Process, error) {
	p := &Process{Name: name, program: filepath.Join(programs, program), args: args}
	var err error
	if p.Listen, err = FreeAddress(); err != nil {
		return nil, err
	}
	if p.Ops, err = FreeAddress(); err != nil {
		return nil, err
	}
	if p.log, err = os.Create(filepath.Join(logs, name+".log")); err != nil {
		return nil, fmt.Errorf("make log: %w", err)
	}
	p.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + logs,
		"CHATIRE_LISTEN=" + p.Listen, "CHATIRE_OPS_LISTEN=" + p.Ops, "CHATIRE_LOG_LEVEL=warn",
	}, env...)
	return p, nil
}

// givenPorts are those that FreeAddress has given away: nobody listens there until the
// process starts, nor while it is away.
var givenPorts struct {
	sync.Mutex
	ports map[int]bool
}

// FreeAddress returns an address that nobody listens on, and never the same twice. Its
// port is below those that the system gives to outgoing connections: one of them could
// take it until the process listens, or while it is away.
func FreeAddress() (string, error) {
	givenPorts.Lock()
	defer givenPorts.Unlock()
	if givenPorts.ports == nil {
		givenPorts.ports = map[int]bool{}
	}
	for range 1000 {
		port := 10_000 + rand.IntN(10_000)
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if givenPorts.ports[port] {
			continue
		}
		if ln, err := net.Listen("tcp", address); err == nil {
			ln.Close()
			givenPorts.ports[port] = true
			return address, nil
		}
	}
	return "", errors.New("no port is free")
}

// Log returns the file that has all that the process said.
func (p *Process) Log() string { return p.log.Name() }

// Start runs the process and waits until it is ready.
func (p *Process) Start(ctx context.Context) error {
	if err := p.Launch(); err != nil {
		return err
	}
	return p.AwaitReady(ctx)
}

// Launch runs the process.
func (p *Process) Launch() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := exec.Command(p.program, p.args...)
	cmd.Env, cmd.Stderr, cmd.Stdout = p.env, p.log, p.log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	p.cmd, p.done = cmd, done
	return nil
}

// AwaitReady waits until the process says that it is ready.
func (p *Process) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if p.isReady(ctx) {
			return nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-p.ended():
			return fmt.Errorf("%s ended instead of becoming ready: see %s", p.Name, p.log.Name())
		case <-ctx.Done():
			return fmt.Errorf("%s did not become ready: see %s", p.Name, p.log.Name())
		}
	}
}

func (p *Process) isReady(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Ops+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func (p *Process) ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// Signal sends a signal, if the process runs.
func (p *Process) Signal(signal syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(signal)
	}
}

// Kill ends the process as a power cut does.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Stop ends the process as an operator does, and waits for it.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

func (p *Process) end(signal syscall.Signal) {
	p.mu.Lock()
	cmd, done := p.cmd, p.done
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	peak := p.Peak()
	_ = cmd.Process.Signal(signal)
	select {
	case <-done:
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		<-done
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peak = max(p.peak, peak)
	if p.cmd == cmd {
		p.cmd = nil
	}
}

// PID is the process's number, 0 if it does not run.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Peak is the most memory that the process ever had, in bytes.
func (p *Process) Peak() int64 {
	now := statusOf(p.PID(), "VmHWM")
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.peak, now)
}

// statusOf reads a figure in bytes from /proc/PID/status, 0 if there is none.
func statusOf(pid int, field string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(field+":")); ok {
			kb, _ := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
			return kb << 10
		}
	}
	return 0
}
