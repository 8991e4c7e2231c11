package worker

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/config"
)

// Size of the fan-out that is measured.
const (
	benchConnections = 1000
	benchMembers     = 10 // of each session
)

// sinks opens TCP connections whose other ends throw away what comes.
func sinks(b *testing.B, n int) []net.Conn {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	conns := make([]net.Conn, n)
	for i := range conns {
		ours, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		theirs, err := ln.Accept()
		if err != nil {
			b.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(io.Discard, theirs)
		}()
		b.Cleanup(func() {
			ours.Close()
			<-done
			theirs.Close()
		})
		conns[i] = ours
	}
	return conns
}

// cpu returns the processor time that this process has used.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkDelivery compares the processor time of a delivery, from a frame that the
// bus has brought to sockets, with that of a bare write to the same sockets in the
// same run. The readers' share is in both.
func BenchmarkDelivery(b *testing.B) {
	conns := sinks(b, benchConnections)
	hub := newHub(context.Background(), HubOptions{Log: slog.New(slog.DiscardHandler), Limits: config.RateLimit{Off: true}},
		newMetrics(prometheus.NewRegistry()))
	cursors := make([]*cursor, benchConnections/benchMembers)
	for i := range cursors {
		cursors[i] = &cursor{hub: hub, uri: fmt.Sprintf("%015x", i), ring: ring{budget: &hub.budget}}
	}
	raw := make([]*socket, len(conns))
	for i, conn := range conns {
		c := &Connection{hub: hub}
		c.socket = newSocket(conn, hub.spawn, func() {}, func(error) {})
		cur := cursors[i%len(cursors)]
		s := &subscription{conn: c, cursor: cur, userID: int64(i), live: true}
		cur.live = append(cur.live, s)
		raw[i] = c.socket
	}
	text := newWire(chat.EventFrame(&chat.Event{
		URI: cursors[0].uri, Seq: 1_000_000, Type: chat.EventMessage, Body: fmt.Sprintf("%0200d", 7),
		User: chat.User{ID: 4711, Username: "somebody"}, CreatedAt: time.Now(),
	}))
	var bare, whole time.Duration
	deliveries := 0
	w := hub.newWave()
	b.ResetTimer()
	for n := range b.N {
		begin := cpu()
		for i := range raw {
			if _, err := raw[i].kernel.TryWrite(text); err != nil {
				b.Fatal(err)
			}
		}
		middle := cpu()
		for _, cur := range cursors {
			cur.accept(frame{seq: int64(n + 1), kind: chat.EventMessage, wire: text, received: time.Now(), committed: time.Now()}, w)
			w.flush()
		}
		bare, whole = bare+middle-begin, whole+cpu()-middle
		deliveries += len(raw)
	}
	b.ReportMetric(float64(bare.Nanoseconds())/float64(deliveries), "ns-bare/delivery")
	b.ReportMetric(float64(whole.Nanoseconds())/float64(deliveries), "ns/delivery")
	b.ReportMetric(whole.Seconds()/bare.Seconds(), "times-bare-write")
}
