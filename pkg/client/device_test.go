package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestDevice is long on purpose: each story stands alone and plays both ends.
func TestDevice(t *testing.T) {
	t.Run("hands over what follows its position", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		w.device.Subscribe(Position{URI: "u", After: 41, Epoch: "e"})
		p := site.accept().greet()
		p.wantSubscribe("u", 41, "e")
		p.subscribed("u", 43)
		p.events("u", 42, 43)
		p.send(`{"type":"caught_up","uri":"u","seq":43}`)
		w.want("u 42 text 42", "u 43 text 43", "u caught up at 43")
	})

	t.Run("begins at the head if told so, and goes on from there", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		w.device.Subscribe(Position{URI: "u", After: Head})
		p := site.accept().greet()
		p.want(`{"type":"subscribe","sessions":[{"uri":"u"}]}`)
		p.subscribed("u", 57)
		p.events("u", 58)
		w.want("u 58 text 58")
		p.cut()
		site.accept().greet().wantSubscribe("u", 58, "e")
	})

	t.Run("drops what it has", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		p := site.watched(w, "u")
		p.events("u", 1, 2, 2, 1, 3, 1)
		w.want("u 1 text 1", "u 2 text 2", "u 3 text 3")
		p.events("u", 4)
		w.want("u 4 text 4")
	})

	t.Run("subscribes again on a gap, once", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		p := site.watched(w, "u")
		p.events("u", 1, 3, 4, 5)
		p.wantSubscribe("u", 1, "e")
		p.subscribed("u", 5)
		p.events("u", 2, 3, 4, 5, 7)
		p.wantSubscribe("u", 5, "e")
		w.want("u 1 text 1", "u 2 text 2", "u 3 text 3", "u 4 text 4", "u 5 text 5")
	})

	t.Run("reads fields in any order", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		p := site.watched(w, "u")
		p.send(`{"message":"hi","seq":1,"event":"message","uri":"u","new":[1],"type":"event"}`)
		w.want("u 1 hi")
	})

	t.Run("advances over what it does not know", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		p := site.watched(w, "u")
		p.send(`{"type":"weather","uri":"u","seq":1}`)
		p.send(`{"type":"event","uri":"u","seq":1,"event":"painted","message":{"not":"a text"},"title":5}`)
		p.events("other", 9)
		p.events("u", 2)
		w.want("u 1 ", "u 2 text 2")
	})

	t.Run("resumes on the next connection", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		p := site.watched(w, "u")
		p.events("u", 1, 2)
		w.want("u 1 text 1", "u 2 text 2")
		p.cut()
		p = site.accept().greet()
		p.wantSubscribe("u", 2, "e")
		p.subscribed("u", 3)
		p.events("u", 3)
		w.want("u 3 text 3")
	})

	t.Run("forgets a Session's position on a reset", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		p := site.watched(w, "u", "v")
		p.events("u", 1)
		p.events("v", 1)
		w.want("u 1 text 1", "v 1 text 1")
		p.cut()
		p = site.accept().greet()
		p.next()
		p.send(`{"type":"reset","uri":"u","oldest":900,"epoch":"f"}`)
		p.wantSubscribe("u", 899, "f")
		p.send(`{"type":"subscribed","uri":"u","head":900,"from":"log","epoch":"f"}`)
		p.events("u", 900)
		p.subscribed("v", 2)
		p.events("v", 2)
		w.want("u reset to 899 of f", "u 900 text 900", "v 2 text 2")
	})

	t.Run("ends a Session that the server ended", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		p := site.watched(w, "u", "v")
		p.send(`{"type":"unsubscribed","uri":"u","reason":"removed"}`)
		w.want("u ended: removed")
		w.device.Subscribe(Position{URI: "x"})
		p.wantSubscribe("x", 0, "")
		p.send(`{"type":"error","code":"not_found","uri":"x","detail":"Not found."}`)
		w.want("x ended: not_found")
		p.cut()
		site.accept().greet().wantSubscribe("v", 0, "e")
	})

	t.Run("reports what the server finds wrong", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		p := site.watched(w, "u")
		p.send(`{"type":"error","code":"bad_frame","detail":"No."}`)
		w.want("error bad_frame ")
	})

	t.Run("watches no more what it unsubscribed from", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		p := site.watched(w, "u", "v")
		w.device.Unsubscribe("u")
		p.want(`{"type":"unsubscribe","uri":"u"}`)
		p.events("u", 1)
		p.send(`{"type":"unsubscribed","uri":"u","reason":"asked"}`)
		p.events("v", 1)
		w.want("v 1 text 1")
		if _, watched := w.device.Position("u"); watched {
			t.Error("it still has a position")
		}
		p.cut()
		site.accept().greet().wantSubscribe("v", 1, "e")
	})

	t.Run("does not come back to what it left in a break", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		p := site.watched(w, "u", "v")
		w.device.Unsubscribe("u")
		p.want(`{"type":"unsubscribe","uri":"u"}`)
		p.cut()
		site.accept().greet().wantSubscribe("v", 0, "e")
	})

	t.Run("expects no answer from before a break", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		w.device.Subscribe(Position{URI: "u"})
		p := site.accept().greet()
		p.wantSubscribe("u", 0, "")
		p.cut()
		p = site.accept().greet()
		p.wantSubscribe("u", 0, "")
		p.subscribed("u", 0)
		p.events("u", 2)
		p.wantSubscribe("u", 0, "e")
	})

	t.Run("asks for each life of the Log apart", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		w.device.Subscribe(Position{URI: "u", After: 3, Epoch: "e"}, Position{URI: "v", After: 4, Epoch: "f"})
		p := site.accept().greet()
		asked := map[string]bool{p.next(): true, p.next(): true}
		for _, frame := range []string{
			`{"type":"subscribe","sessions":[{"uri":"u","after":3}],"epoch":"e"}`,
			`{"type":"subscribe","sessions":[{"uri":"v","after":4}],"epoch":"f"}`,
		} {
			if !asked[frame] {
				t.Errorf("the client sent %v", asked)
			}
		}
	})

	t.Run("can unsubscribe and subscribe in one breath", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		p := site.watched(w, "u")
		w.device.Unsubscribe("u")
		w.device.Subscribe(Position{URI: "u", After: 0})
		p.want(`{"type":"unsubscribe","uri":"u"}`)
		p.wantSubscribe("u", 0, "")
		p.send(`{"type":"unsubscribed","uri":"u","reason":"asked"}`)
		p.subscribed("u", 1)
		p.events("u", 1)
		w.want("u 1 text 1")
	})

	t.Run("passes every frame to the raw hook", func(t *testing.T) {
		site := newSite(t)
		raw := make(chan string, 64)
		w := site.run(func(d *Device) {
			d.hooks.OnFrame = func(f Frame) { raw <- fmt.Sprint(f.Type, " ", f.URI, " ", f.Seq) }
		})
		p := site.watched(w, "u")
		p.events("u", 1, 1, 3)
		for _, want := range []string{"hello  0", "subscribed u 0", "event u 1", "event u 1", "event u 3"} {
			if got := <-raw; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		w.want("u 1 text 1")
	})

	t.Run("puts many Sessions into few frames", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		for i := range 1000 {
			w.device.Subscribe(Position{URI: fmt.Sprintf("%015x", i), After: 1 << 52, Epoch: "e"})
		}
		p := site.accept().greet()
		frames, sessions := 0, map[string]bool{}
		for len(sessions) < 1000 {
			text := p.next()
			var frame subscribeFrame
			if err := json.Unmarshal([]byte(text), &frame); err != nil {
				t.Fatal(err)
			}
			if len(text) > 16<<10 || len(frame.Sessions) > 200 {
				t.Errorf("a frame has %d bytes and %d sessions", len(text), len(frame.Sessions))
			}
			for _, e := range frame.Sessions {
				sessions[e.URI] = true
			}
			frames++
		}
		if frames != 5 {
			t.Errorf("it took %d frames", frames)
		}
	})

	t.Run("sends no more frames than a server takes", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		p := site.watched(w, "u")
		for i := range 100 {
			w.device.Subscribe(Position{URI: fmt.Sprintf("%015x", i)})
		}
		frames, sessions := 0, 0
		for sessions < 100 {
			sessions += strings.Count(p.next(), `"after"`)
			frames++
		}
		if frames > framesAtOnce+2 {
			t.Errorf("it took %d frames for 100 sessions", frames)
		}
	})

	t.Run("stops when signed out", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		site.accept().greet().close(4401, "")
		if err := <-w.ended; !errors.Is(err, ErrSignedOut) {
			t.Errorf("Run returned %v", err)
		}
		w.want("closed 4401")
	})

	t.Run("comes back when a drain says", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		p := site.watched(w, "u")
		told := time.Now()
		p.send(`{"type":"drain","reconnect_in_ms":150}`)
		p.events("u", 1)
		w.want("u 1 text 1")
		p.close(1012, "")
		site.accept()
		if waited := time.Since(told); waited < 150*time.Millisecond {
			t.Errorf("it came back after %v", waited)
		}
	})

	t.Run("waits as long as it is told when there are too many", func(t *testing.T) {
		site := newSite(t)
		w := site.run()
		closed := time.Now()
		site.accept().greet().close(4429, "150")
		w.want("closed 4429")
		site.accept()
		if waited := time.Since(closed); waited < 150*time.Millisecond {
			t.Errorf("it came back after %v", waited)
		}
	})

	t.Run("answers a ping and sends its own", func(t *testing.T) {
		site := newSite(t)
		site.run(func(d *Device) { d.pace.heartbeat = 100 * time.Millisecond })
		p := site.accept().greet()
		if err := p.conn.WritePing([]byte("are you there")); err != nil {
			t.Fatal(err)
		}
		for seen := map[string]bool{}; !seen["ping"] || !seen["are you there"]; {
			select {
			case pong := <-p.pongs:
				seen[pong] = true
			case <-time.After(patience):
				t.Fatalf("saw only %v", seen)
			}
		}
	})

	t.Run("drops a silent server", func(t *testing.T) {
		site := newSite(t)
		site.run(func(d *Device) { d.pace.heartbeat = 100 * time.Millisecond })
		p := site.accept().greet()
		if frame := p.next(); frame != "" {
			t.Errorf("the client sent %s", frame)
		}
		site.accept()
	})

	t.Run("leaves with a close frame", func(t *testing.T) {
		site := newSite(t)
		c, _ := New(site.http.URL, WithToken("secret"))
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- c.Device(DeviceOptions{}).Run(ctx) }()
		p := site.accept().greet()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
		if frame := p.next(); frame != "" {
			t.Errorf("the client sent %s", frame)
		}
	})
}

// watched accepts the device's connection and subscribes it to the whole of some
// empty Sessions.
func (s *site) watched(w *witness, uris ...string) *peer {
	s.t.Helper()
	var positions []Position
	for _, uri := range uris {
		positions = append(positions, Position{URI: uri})
	}
	w.device.Subscribe(positions...)
	p := s.accept().greet()
	p.next()
	for _, uri := range uris {
		p.subscribed(uri, 0)
	}
	return p
}

func TestPace(t *testing.T) {
	closed := func(code int, reason string) end { return end{err: &CloseError{Code: code, Reason: reason}} }
	refused := func(status int, after time.Duration) end {
		return end{err: fmt.Errorf("open: %w", &Error{Status: status, RetryAfter: after})}
	}
	for name, test := range map[string]struct {
		end      end
		from, to time.Duration
	}{
		"a cut":                     {end{err: errSilent}, 0, time.Second},
		"our fault":                 {closed(1011, ""), 0, time.Second},
		"no auth in time":           {closed(4408, ""), 0, time.Second},
		"does not read":             {closed(4410, ""), 0, time.Second},
		"a bad frame":               {closed(4400, ""), 10 * time.Second, 11 * time.Second},
		"not UTF-8":                 {closed(1007, ""), 10 * time.Second, 11 * time.Second},
		"a restart":                 {closed(1012, ""), 0, 2 * time.Second},
		"too many":                  {closed(1013, "2500"), 2500 * time.Millisecond, 2500 * time.Millisecond},
		"throttled":                 {closed(4429, "60000"), time.Minute, time.Minute},
		"throttled without a time":  {closed(4429, "soon"), 0, time.Second},
		"busy at the handshake":     {refused(http.StatusServiceUnavailable, 3*time.Second), 3 * time.Second, 4 * time.Second},
		"a proxy without a backend": {refused(http.StatusBadGateway, 0), 0, time.Second},
		"a wrong origin":            {refused(http.StatusForbidden, 0), 10 * time.Second, 11 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			for range 50 {
				p := newPace()
				if wait := p.wait(test.end); wait < test.from || wait > test.to {
					t.Errorf("wait is %v", wait)
				}
			}
		})
	}

	t.Run("backs off up to 8 s until a connection lived for 5 s", func(t *testing.T) {
		p, longest := newPace(), time.Duration(0)
		for range 200 {
			longest = max(longest, p.wait(end{err: errSilent}))
		}
		if longest < 4*time.Second || longest > 8*time.Second {
			t.Errorf("the longest wait is %v", longest)
		}
		for range 50 {
			if wait := p.wait(end{err: errSilent, lived: 5 * time.Second}); wait > time.Second {
				t.Errorf("after a good connection it waits %v", wait)
			}
		}
	})
}
