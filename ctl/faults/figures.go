package faults

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// get reads a page of the process's ops listener.
func (p *Process) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Ops+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// Figure returns a metric of the process, written as it is shown, with its labels.
func (p *Process) Figure(ctx context.Context, name string) (float64, error) {
	text, err := p.get(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("%s shows no %s", p.Name, name)
}

// Files is how many files the process has open.
func (p *Process) Files() int {
	open, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.PID())) // the pattern is a good one
	return len(open)
}

// Memory is what the process has in memory now, in bytes.
func (p *Process) Memory() int64 { return statusOf(p.PID(), "VmRSS") }

// cpuTimes is how long the machine's cores were idle, and how long in all, in ticks.
type cpuTimes struct{ idle, all int64 }

// readCPU reads the machine's times since its start; zeros where there are none.
func readCPU() (t cpuTimes) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return t
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	for i, field := range strings.Fields(string(line))[1:] {
		n, _ := strconv.ParseInt(field, 10, 64)
		if i == 3 || i == 4 { // idle, and waiting for disks
			t.idle += n
		}
		t.all += n
	}
	return t
}

// idleSince is the share of the machine that was idle since an earlier reading.
func idleSince(earlier cpuTimes) float64 {
	now := readCPU()
	if now.all == earlier.all {
		return 0
	}
	return float64(now.idle-earlier.idle) / float64(now.all-earlier.all)
}
