package httpd

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
)

// TestDrain has clients in the middle of talking when the server is about to stop.
func TestDrain(t *testing.T) {
	r := start(t, Options{}, nil, Route{Path: "/said/", Open: true, Post: func(c *fiber.Ctx) error { return c.SendStatus(http.StatusNoContent) }})
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	defer transport.CloseIdleConnections()
	say := func() (last bool, err error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/said/", strings.NewReader("x"))
		if err != nil {
			return true, err
		}
		answer, err := transport.RoundTrip(request)
		if err != nil {
			return true, err
		}
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
		return answer.Close, err
	}
	var talking sync.WaitGroup
	var told, begun sync.WaitGroup
	for range 8 {
		begun.Add(1)
		talking.Go(func() {
			for n := 0; ; n++ {
				last, err := say()
				if err != nil {
					t.Errorf("request %d: %v", n, err)
				}
				if n == 10 {
					begun.Done()
				}
				if last {
					return // it goes elsewhere
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	begun.Wait()
	told.Go(func() { r.Drain(t.Context()) })
	talking.Wait()
	told.Wait()
	if left := r.app.Server().GetOpenConnectionsCount(); left > 0 {
		t.Errorf("%d connections are left", left)
	}
}

// TestDrainOfTheIdle has a client that asks nothing more.
func TestDrainOfTheIdle(t *testing.T) {
	r := start(t, Options{}, nil, Route{Path: "/said/", Open: true, Get: func(c *fiber.Ctx) error { return c.SendStatus(http.StatusNoContent) }})
	answer, err := http.Get(r.url + "/said/")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	began := time.Now()
	r.Drain(t.Context())
	if took := time.Since(began); took > drainPatience/2 {
		t.Errorf("waited %v for a client that asks nothing", took)
	}
}
