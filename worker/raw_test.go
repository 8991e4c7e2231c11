package worker

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store/storetest"
)

func storeURL(t *testing.T) chat.Secret { return storetest.SQLite(t) }

// writeRaw sends a frame that no library would: masked with zeros.
func writeRaw(t *testing.T, d *device, first byte, payload []byte) {
	t.Helper()
	frame := []byte{first}
	if len(payload) < 126 {
		frame = append(frame, 0x80|byte(len(payload)))
	} else {
		frame = append(frame, 0x80|126)
		frame = binary.BigEndian.AppendUint16(frame, uint16(len(payload)))
	}
	frame = append(frame, 0, 0, 0, 0)
	if _, err := d.ws.NetConn().Write(append(frame, payload...)); err != nil {
		t.Fatal(err)
	}
}

// ask sends a raw request and returns the answer.
func (s *site) ask(t *testing.T, request string) *http.Response {
	t.Helper()
	address := strings.TrimSuffix(strings.TrimPrefix(s.url, "ws://"), "/ws/")
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "HOST", address)); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// handshakeWith is a handshake with other lines instead of some of its own.
func handshakeWith(first string, replaced map[string]string, more ...string) string {
	lines := []string{first}
	for _, l := range []struct{ name, value string }{
		{"Host", "HOST"}, {"Upgrade", "websocket"}, {"Connection", "Upgrade"},
		{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}, {"Sec-WebSocket-Version", "13"},
	} {
		value, ok := replaced[l.name]
		if !ok {
			value = l.value
		}
		if value != "" {
			lines = append(lines, l.name+": "+value)
		}
	}
	return strings.Join(append(lines, more...), "\r\n") + "\r\n\r\n"
}

func TestHandshake(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://",
		"CHATIRE_PUBLIC_URL=https://chat.example.com", "CHATIRE_CORS_ORIGINS=https://app.example.com")
	const get = "GET /ws/ HTTP/1.1"
	cases := []struct {
		name    string
		request string
		status  int
	}{
		{"without an origin is taken", handshakeWith(get, nil), 101},
		{"of the public address is taken", handshakeWith(get, nil, "Origin: https://chat.example.com"), 101},
		{"of a listed origin is taken", handshakeWith(get, nil, "Origin: https://app.example.com"), 101},
		{"with an extension gets none", handshakeWith(get, nil, "Sec-WebSocket-Extensions: permessage-deflate"), 101},
		{"of another origin", handshakeWith(get, nil, "Origin: https://evil.example"), 403},
		{"of the origin null", handshakeWith(get, nil, "Origin: null"), 403},
		{"of a host that begins alike", handshakeWith(get, nil, "Origin: https://chat.example.com.evil.example"), 403},
		{"of http for https", handshakeWith(get, nil, "Origin: http://chat.example.com"), 403},
		{"of another port", handshakeWith(get, nil, "Origin: https://chat.example.com:8443"), 403},
		{"with the token in its address", handshakeWith("GET /ws/?token=x HTTP/1.1", nil), 400},
		{"without the slash", handshakeWith("GET /ws HTTP/1.1", nil), 404},
		{"of version 12", handshakeWith(get, map[string]string{"Sec-WebSocket-Version": "12"}), 426},
		{"without a version", handshakeWith(get, map[string]string{"Sec-WebSocket-Version": ""}), 426},
		{"without a key", handshakeWith(get, map[string]string{"Sec-WebSocket-Key": ""}), 400},
		{"with a key of another length", handshakeWith(get, map[string]string{"Sec-WebSocket-Key": "eA=="}), 400},
		{"by POST", handshakeWith("POST /ws/ HTTP/1.1", nil, "Content-Length: 0"), 400},
		{"by HTTP/1.0", handshakeWith("GET /ws/ HTTP/1.0", nil), 400},
		{"that is none", handshakeWith(get, map[string]string{"Upgrade": ""}), 400},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := s.ask(t, c.request)
			if r.StatusCode != c.status {
				t.Errorf("answered %s", r.Status)
			}
			if c.status == 426 && r.Header.Get("Sec-WebSocket-Version") != "13" {
				t.Error("does not say which version is spoken")
			}
			if r.Header.Get("Sec-WebSocket-Extensions") != "" {
				t.Error("an extension was negotiated")
			}
		})
	}
}
