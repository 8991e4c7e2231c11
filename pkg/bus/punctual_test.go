package bus

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

func TestWritesHaveADeadline(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	raw, err := net.Dial("tcp", listener.Addr().String()) // nobody ever reads
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	written := make(chan error, 1)
	go func() {
		_, err := punctual{raw, 50 * time.Millisecond}.Write(make([]byte, 64<<20))
		written <- err
	}()
	select {
	case err := <-written:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote: %v", err)
		}
	case <-time.After(5 * time.Second):
		raw.Close()
		<-written
		t.Error("the write waited for ever")
	}
}

func TestBackoff(t *testing.T) {
	for failures := range 100 {
		longest := min(minBackoff<<min(failures, 10), maxBackoff)
		if d := backoff(failures); d < longest/2 || d > longest {
			t.Errorf("after %d failures: %v", failures, d)
		}
	}
}
