package ctl

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// latencies collects durations from 1 µs to a minute with three digits.
type latencies struct {
	mu sync.Mutex // guards h, which is made when it is needed
	h  *hdrhistogram.Histogram
}

func newLatencies() *latencies { return &latencies{} }

func emptyHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, time.Minute.Microseconds(), 2)
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.h == nil {
		l.h = emptyHistogram()
	}
	_ = l.h.RecordValue(min(max(d.Microseconds(), 1), time.Minute.Microseconds()))
}

// mergeInto adds what was collected to all.
func (l *latencies) mergeInto(all *hdrhistogram.Histogram) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.h != nil {
		all.Merge(l.h)
	}
}

// benchReport is what a run has measured. Times are in milliseconds.
type benchReport struct {
	Connections         int         `json:"connections"`
	Sessions            int         `json:"sessions"`
	Members             int         `json:"members"`
	Seconds             float64     `json:"seconds"`
	Accepted            int64       `json:"accepted"`
	AcceptedPerSecond   float64     `json:"accepted_per_second"`
	Deliveries          int64       `json:"deliveries"`
	DeliveriesPerSecond float64     `json:"deliveries_per_second"`
	PostToAnswer        percentiles `json:"post_to_answer_ms"`
	PostToFrame         percentiles `json:"post_to_frame_ms"`
	CommitToFrame       percentiles `json:"commit_to_frame_ms"`
	MemoryPerConnection *float64    `json:"memory_per_connection_bytes"` // null if --ops was not given
	Errors              int64       `json:"errors"`
	OwnCPUShare         float64     `json:"own_cpu_share"` // of all processors
}

type percentiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func percentilesOf(h *hdrhistogram.Histogram) percentiles {
	ms := func(us int64) float64 { return float64(us) / 1000 }
	return percentiles{
		P50: ms(h.ValueAtQuantile(50)),
		P95: ms(h.ValueAtQuantile(95)),
		P99: ms(h.ValueAtQuantile(99)),
		Max: ms(h.Max()),
	}
}

func (b *bench) report() benchReport {
	frame, commit, post := emptyHistogram(), emptyHistogram(), emptyHistogram()
	b.post.mergeInto(post)
	for _, w := range b.watchers {
		w.frame.mergeInto(frame)
		w.commit.mergeInto(commit)
	}
	deliveries := frame.TotalCount()
	seconds := b.ended.Sub(b.due(b.measured)).Seconds()
	return benchReport{
		Connections:         len(b.watchers),
		Sessions:            b.rooms(),
		Members:             len(b.members),
		Seconds:             seconds,
		Accepted:            b.accepted.Load(),
		AcceptedPerSecond:   float64(b.accepted.Load()) / seconds,
		Deliveries:          deliveries,
		DeliveriesPerSecond: float64(deliveries) / seconds,
		PostToAnswer:        percentilesOf(post),
		PostToFrame:         percentilesOf(frame),
		CommitToFrame:       percentilesOf(commit),
		Errors:              b.refused.Load(),
		OwnCPUShare:         (b.cpuEnd - b.cpuBegin).Seconds() / seconds / float64(runtime.NumCPU()),
	}
}

func (r *benchReport) print(w io.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-24s"+format+"\n", append([]any{name}, args...)...)
	}
	line("connections", "%d in %d sessions of %d", r.Connections, r.Sessions, r.Members)
	line("accepted", "%d in %.1f s, %.0f/s", r.Accepted, r.Seconds, r.AcceptedPerSecond)
	line("deliveries", "%d, %.0f/s, none missing", r.Deliveries, r.DeliveriesPerSecond)
	for _, p := range []struct {
		name string
		percentiles
	}{{"post to answer", r.PostToAnswer}, {"post to frame", r.PostToFrame}, {"commit to frame", r.CommitToFrame}} {
		line(p.name, "p50 %.1f  p95 %.1f  p99 %.1f  max %.1f ms", p.P50, p.P95, p.P99, p.Max)
	}
	if r.MemoryPerConnection != nil {
		line("memory per connection", "%.1f KB", *r.MemoryPerConnection/1000)
	}
	line("own share of the CPUs", "%.0f %%", r.OwnCPUShare*100)
}

// workerMemory returns the bytes that a worker uses in user space, nil if it cannot
// be asked: the heap and the stacks that are in use after a collection.
func workerMemory(ctx context.Context, ops string) *float64 {
	if ops == "" {
		return nil
	}
	// Asking for the heap with gc=1 has it collected first.
	if _, _, err := readPage(ctx, ops+"/debug/pprof/heap?gc=1"); err != nil {
		return nil
	}
	text, _, err := readPage(ctx, ops+"/metrics")
	if err != nil {
		return nil
	}
	var sum float64
	for scan := bufio.NewScanner(bytes.NewReader(text)); scan.Scan(); {
		name, value, _ := strings.Cut(scan.Text(), " ")
		if name == "go_memstats_heap_inuse_bytes" || name == "go_memstats_stack_inuse_bytes" {
			n, _ := strconv.ParseFloat(value, 64)
			sum += n
		}
	}
	return &sum
}

func memoryPerConnection(before, after *float64, connections int) *float64 {
	if before == nil || after == nil {
		return nil
	}
	each := (*after - *before) / float64(connections)
	return &each
}
