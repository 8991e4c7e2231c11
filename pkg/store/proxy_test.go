package store_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// proxy stands between the store and PostgreSQL.
type proxy struct {
	url  chat.Secret
	to   string
	deaf atomic.Bool  // cuts a connection when an answer is due
	upTo atomic.Int64 // how many bytes still go to the server; -1: all

	conns sync.WaitGroup
}

func startProxy(t *testing.T, to chat.Secret) *proxy {
	t.Helper()
	u, err := url.Parse(string(to))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{to: u.Host}
	p.upTo.Store(-1)
	u.Host = listener.Addr().String()
	p.url = chat.Secret(u.String())
	p.conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.conns.Go(func() { p.carry(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		p.conns.Wait()
	})
	return p
}

func (p *proxy) carry(client net.Conn) {
	defer client.Close()
	server, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	p.conns.Go(func() {
		defer client.Close()
		defer server.Close()
		p.copy(client, server, func(answer []byte) []byte {
			if p.deaf.Load() {
				return nil
			}
			return answer
		})
	})
	p.copy(server, client, func(question []byte) []byte {
		if left := p.upTo.Load(); left >= 0 {
			question = question[:min(int(left), len(question))]
			p.upTo.Add(-int64(len(question)))
			if len(question) == 0 {
				return []byte{}
			}
		}
		return question
	})
}

// copy carries what some makes of it; nil ends the connection.
func (p *proxy) copy(to io.Writer, from io.Reader, some func([]byte) []byte) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		carried := some(buffer[:n])
		if carried == nil {
			return
		}
		if _, err := to.Write(carried); err != nil {
			return
		}
	}
}
