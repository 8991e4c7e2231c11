package worker

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestSubscribe(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob := s.signUp(t, "ada"), s.signUp(t, "bob")
		room := s.room(t, ada, bob)

		t.Run("from the head gets what comes", func(t *testing.T) {
			d := s.connect(t, bob)
			d.subscribe(t, room, -1)
			d.want(t, map[string]any{"type": "subscribed", "uri": room, "head": 2, "epoch": s.worker.hub.epoch()})
			d.want(t, map[string]any{"type": "caught_up", "uri": room, "seq": 2})
			e := s.post(t, ada, room, "hello")
			f := d.want(t, map[string]any{"type": "event", "event": "message", "seq": e.Seq, "id": e.Seq, "rev": e.Seq, "message": "hello", "client_id": nil})
			user := f["user"].(map[string]any)
			if user["username"] != "ada" || user["email"] != "" {
				t.Errorf("the author is %v", user)
			}
		})
		t.Run("from 0 gets the whole log, then what comes", func(t *testing.T) {
			head := s.post(t, ada, room, "one more").Seq
			d := s.connect(t, ada)
			d.subscribe(t, room, 0)
			d.want(t, map[string]any{"type": "subscribed", "head": head})
			d.want(t, map[string]any{"type": "event", "seq": 1, "event": "joined", "role": "owner"})
			d.wantEvents(t, room, 2, head)
			d.want(t, map[string]any{"type": "caught_up", "seq": head})
			s.post(t, bob, room, "live")
			d.wantEvents(t, room, head+1, head+1)
		})
		t.Run("again replaces, and unsubscribe ends", func(t *testing.T) {
			d := s.connect(t, ada)
			d.subscribe(t, room, -1)
			d.want(t, map[string]any{"type": "subscribed"})
			d.want(t, map[string]any{"type": "caught_up"})
			d.subscribe(t, room, -1)
			d.want(t, map[string]any{"type": "subscribed"})
			d.want(t, map[string]any{"type": "caught_up"})
			e := s.post(t, bob, room, "once")
			d.wantEvents(t, room, e.Seq, e.Seq)
			d.quiet(t)
			d.send(t, map[string]any{"type": "unsubscribe", "uri": room})
			d.want(t, map[string]any{"type": "unsubscribed", "uri": room, "reason": "asked"})
			s.post(t, bob, room, "unseen")
			d.quiet(t)
			d.send(t, map[string]any{"type": "unsubscribe", "uri": room})
			d.want(t, map[string]any{"type": "unsubscribed", "reason": "asked"})
		})
		t.Run("refuses what one may not see, all the same", func(t *testing.T) {
			eve := s.signUp(t, "eve")
			d := s.connect(t, eve)
			for _, uri := range []string{room, "000000000000000", "nonsense", ""} {
				d.subscribe(t, uri, 0)
				f := d.want(t, map[string]any{"type": "error", "code": "not_found", "detail": "no such session"})
				if uri != "" && f["uri"] != uri {
					t.Errorf("got %v", f)
				}
			}
		})
		t.Run("resets a position of another log", func(t *testing.T) {
			d := s.connect(t, ada)
			d.subscribe(t, room, 1_000_000)
			d.want(t, map[string]any{"type": "reset", "uri": room, "oldest": 1, "epoch": s.worker.hub.epoch()})
			d.send(t, map[string]any{"type": "subscribe", "epoch": "another", "sessions": []any{
				map[string]any{"uri": room, "after": 1}, map[string]any{"uri": room, "after": 0},
			}})
			d.want(t, map[string]any{"type": "reset"})
			d.want(t, map[string]any{"type": "subscribed"})
		})
		for _, after := range []string{`null`, `-1`, `1.5`, `"1"`, `1e2`, `9007199254740992`, `99999999999999999999`, `[]`} {
			t.Run("refuses the position "+after, func(t *testing.T) {
				d := s.connect(t, ada)
				d.subscribe(t, room, -1)
				d.want(t, map[string]any{"type": "subscribed"})
				d.want(t, map[string]any{"type": "caught_up"})
				d.sendText(t, fmt.Sprintf(`{"type":"subscribe","sessions":[{"uri":%q,"after":%s}]}`, room, after))
				d.want(t, map[string]any{"type": "error", "code": "bad_position", "uri": room})
				e := s.post(t, bob, room, "still here")
				d.wantEvents(t, room, e.Seq, e.Seq)
			})
		}
	}, "CHATIRE_RATE_LIMIT=off")
}

func TestSubscribeLimits(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://", "CHATIRE_RATE_LIMIT=off")
	ada := s.signUp(t, "ada")
	room := s.room(t, ada)
	entries := func(n int, uri string) []any {
		list := make([]any, n)
		for i := range list {
			list[i] = map[string]any{"uri": uri}
		}
		return list
	}
	t.Run("201 in one frame: nothing of it is done", func(t *testing.T) {
		d := s.connect(t, ada)
		d.send(t, map[string]any{"type": "subscribe", "sessions": entries(201, room)})
		f := d.want(t, map[string]any{"type": "error", "code": "limit"})
		if _, has := f["uri"]; has {
			t.Errorf("it names a session: %v", f)
		}
		s.post(t, ada, room, "unseen")
		d.quiet(t)
	})
	t.Run("1001 in all", func(t *testing.T) {
		var rooms []string
		for range 1001 {
			rooms = append(rooms, s.room(t, ada))
		}
		d := s.connect(t, ada)
		for begin := 0; begin < 1000; begin += 200 {
			var list []any
			for _, uri := range rooms[begin : begin+200] {
				list = append(list, map[string]any{"uri": uri})
			}
			d.send(t, map[string]any{"type": "subscribe", "sessions": list})
			for live := 0; live < 200; {
				if d.next(t)["type"] == "caught_up" {
					live++
				}
			}
		}
		d.subscribe(t, rooms[1000], -1)
		d.want(t, map[string]any{"type": "error", "code": "limit"})
		d.subscribe(t, rooms[0], -1) // replacing is no more
		d.want(t, map[string]any{"type": "subscribed", "uri": rooms[0]})
	})
}

func TestSignIn(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://")
	ada := s.signUp(t, "ada")

	t.Run("by header needs no frame", func(t *testing.T) {
		d, _ := s.dial(t, "Authorization: Token "+string(ada.secret))
		d.want(t, map[string]any{"type": "hello", "heartbeat": 15})
	})
	t.Run("greets with the limits", func(t *testing.T) {
		d, _ := s.dial(t)
		d.send(t, map[string]any{"type": "auth", "token": string(ada.secret)})
		f := d.want(t, map[string]any{"type": "hello", "epoch": s.worker.hub.epoch()})
		limits := f["limits"].(map[string]any)
		if limits["subscribe"] != 200.0 || limits["subscriptions"] != 1000.0 || limits["frame_bytes"] != 16384.0 ||
			limits["message_chars"] != 2500.0 || limits["frames_per_10s"] != 100.0 {
			t.Errorf("limits are %v", limits)
		}
	})
	t.Run("takes frames that come right after it", func(t *testing.T) {
		room := s.room(t, ada)
		d, _ := s.dial(t)
		d.send(t, map[string]any{"type": "auth", "token": string(ada.secret)})
		d.subscribe(t, room, -1)
		d.want(t, map[string]any{"type": "hello"})
		d.want(t, map[string]any{"type": "subscribed"})
	})
	t.Run("twice is a bad frame", func(t *testing.T) {
		d := s.connect(t, ada)
		d.send(t, map[string]any{"type": "auth", "token": "x"})
		d.want(t, map[string]any{"type": "error", "code": "bad_frame"})
		d.quiet(t)
	})
	t.Run("with a bad token ends with 4401, both ways", func(t *testing.T) {
		d, _ := s.dial(t)
		d.send(t, map[string]any{"type": "auth", "token": "nonsense"})
		d.wantClosed(t, closeSignedOut)
		for _, header := range []string{"Token nonsense", "Bearer " + string(ada.secret), "Token"} {
			d, _ := s.dial(t, "Authorization: "+header)
			d.wantClosed(t, closeSignedOut)
		}
	})
	for _, first := range []string{`{"type":"ping"}`, `{"type":"auth"}`, `{"type":"auth","token":1}`, `{}`} {
		t.Run("must come first, not "+first, func(t *testing.T) {
			d, _ := s.dial(t)
			d.sendText(t, first)
			d.wantClosed(t, closeSignedOut)
		})
	}
	t.Run("must come within 5 seconds", func(t *testing.T) {
		d, _ := s.dial(t)
		begin := time.Now()
		d.wantClosed(t, closeNoAuth)
		if took := time.Since(begin); took < 4*time.Second {
			t.Errorf("closed after %v", took)
		}
	})
}

func TestBadFrames(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://")
	ada := s.signUp(t, "ada")
	fatal := []struct {
		name, text string
		code       int
	}{
		{"no JSON", `hello`, closeBadFrame},
		{"two objects", `{"type":"ping"}{"type":"ping"}`, closeBadFrame},
		{"a list", `[]`, closeBadFrame},
		{"null", `null`, closeBadFrame},
		{"nested 2,500 deep", strings.Repeat(`{"a":`, 2500) + `1` + strings.Repeat(`}`, 2500), closeBadFrame},
		{"text that is not UTF-8", "{\"type\":\"\xff\"}", closeBadText},
		{"more than 16 KiB", `{"type":"ping","x":"` + strings.Repeat("x", 17<<10) + `"}`, closeTooBig},
	}
	for _, c := range fatal {
		t.Run("close on "+c.name, func(t *testing.T) {
			d := s.connect(t, ada)
			writeRaw(t, d, 0x81, []byte(c.text)) // a library might refuse to send it
			d.wantClosed(t, c.code)
		})
	}
	t.Run("close on a binary message", func(t *testing.T) {
		d := s.connect(t, ada)
		if err := d.ws.WriteMessage(2, []byte("x")); err != nil {
			t.Fatal(err)
		}
		d.wantClosed(t, closeUnsupported)
	})
	t.Run("close on a length that no integer holds", func(t *testing.T) {
		d := s.connect(t, ada)
		header := []byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}
		if _, err := d.ws.NetConn().Write(header); err != nil {
			t.Fatal(err)
		}
		d.wantClosed(t, closeTooBig)
	})
	t.Run("take a message of 64 fragments, and close on one of 65", func(t *testing.T) {
		d := s.connect(t, ada)
		fragments := func(n int) {
			text := `{"type":"ping"}` + strings.Repeat(" ", n)
			writeRaw(t, d, 0x01, []byte(text[:15]))
			for range n - 2 {
				writeRaw(t, d, 0x00, []byte(" "))
			}
			writeRaw(t, d, 0x80, []byte(" "))
		}
		fragments(64)
		d.want(t, map[string]any{"type": "pong"})
		fragments(65)
		d.wantClosed(t, closeTooBig)
	})
	t.Run("answer what is JSON and makes no sense; the tenth closes", func(t *testing.T) {
		d := s.connect(t, ada)
		bad := []string{
			`{}`, `{"type":"dance"}`, `{"type":1}`, `{"type":"subscribe"}`, `{"type":"subscribe","sessions":{}}`,
			`{"type":"subscribe","sessions":[{}]}`, `{"type":"subscribe","sessions":[{"uri":1}]}`,
			`{"type":"subscribe","sessions":[],"epoch":1}`, `{"type":"unsubscribe"}`,
		}
		for _, text := range bad {
			d.sendText(t, text)
			d.want(t, map[string]any{"type": "error", "code": "bad_frame"})
		}
		d.sendText(t, `{"type":"typing"}`)
		d.wantClosed(t, closeBadFrame)
	})
	t.Run("close a flood with how long to wait", func(t *testing.T) {
		d := s.connect(t, ada)
		for range 101 {
			_ = d.ws.WriteString(`{"type":"ping"}`)
		}
		c := d.wantClosed(t, closeTooMany)
		var ms int
		if n, err := fmt.Sscan(c.reason, &ms); n != 1 || err != nil || ms < 1 || ms > 10_000 {
			t.Errorf("the reason is %q", c.reason)
		}
	})
}
