package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/store/storetest"
)

// TestSmuggling sends heads that two servers could read in two ways. A request that
// hides in the body of such a one would post a message.
func TestSmuggling(t *testing.T) {
	eachDatabase(t, nil, func(t *testing.T, s *server) {
		ada := signUp(t, s, "ada")
		path := "/api/chats/" + ada.open() + "/messages/"
		body := `{"message":"smuggled"}`
		hidden := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Token %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			path, ada.token, len(body), body)
		head := func(lines ...string) string {
			return "POST " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Token " + ada.token + "\r\nContent-Type: application/json\r\n" +
				strings.Join(lines, "\r\n") + "\r\n\r\n"
		}
		chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)

		attacks := map[string]string{
			"a length and chunks":                 head("Content-Length: 22", "Transfer-Encoding: chunked") + chunked,
			"chunks and a length":                 head("Transfer-Encoding: chunked", "Content-Length: 5") + "0\r\n\r\n",
			"two lengths":                         head("Content-Length: 22", "Content-Length: 5") + body,
			"two equal lengths":                   head("Content-Length: 22", "Content-Length: 22") + body,
			"a list of lengths":                   head("Content-Length: 22, 22") + body,
			"a negative length":                   head("Content-Length: -1") + body,
			"a signed length":                     head("Content-Length: +22") + body,
			"a hexadecimal length":                head("Content-Length: 0x16") + body,
			"an empty length":                     head("Content-Length:") + body,
			"a length beyond all numbers":         head("Content-Length: 18446744073709551638") + body,
			"a folded header":                     head("X-A: b", " Content-Length: 0", "Content-Length: 22") + body,
			"a folded length":                     head("Content-Length:", " 22") + body,
			"a folded encoding":                   head("Transfer-Encoding:", "\tchunked") + chunked,
			"a space before the colon":            head("Content-Length : 22") + body,
			"a space before the name":             "POST " + path + " HTTP/1.1\r\n Host: x\r\nHost: x\r\nContent-Length: 22\r\n\r\n" + body,
			"an encoding nobody knows":            head("Transfer-Encoding: xchunked") + chunked,
			"an encoding twice":                   head("Transfer-Encoding: chunked", "Transfer-Encoding: identity") + chunked,
			"two encodings":                       head("Transfer-Encoding: identity, chunked") + chunked,
			"the encoding identity":               head("Transfer-Encoding: identity", "Content-Length: 22") + body,
			"chunks in HTTP/1.0":                  strings.Replace(head("Transfer-Encoding: chunked"), "HTTP/1.1", "HTTP/1.0", 1) + chunked,
			"a carriage return in a value":        head("X-A: b\rContent-Length: 5", "Content-Length: 22") + body,
			"a line that ends too early":          head("X-A: b\nContent-Length: 0", "Content-Length: 22") + body,
			"a line that ends with one sign":      head("X-A: b\nX-C: d", "Content-Length: 22") + body,
			"a NUL in a value":                    head("X-A: b\x00c", "Content-Length: 22") + body,
			"a name that is none":                 head("X A: b", "Content-Length: 22") + body,
			"a name with a control":               head("Transfer-Encoding\x0b: chunked", "Content-Length: 22") + body,
			"no name":                             head(": chunked", "Content-Length: 22") + body,
			"a line without a colon":              head("Content-Length 22", "Content-Length: 22") + body,
			"two hosts":                           head("Host: y", "Content-Length: 22") + body,
			"two tokens":                          head("Authorization: Token x", "Content-Length: 22") + body,
			"two content types":                   head("Content-Type: text/plain", "Content-Length: 22") + body,
			"no host":                             "POST " + path + " HTTP/1.1\r\nAuthorization: Token " + ada.token + "\r\nContent-Length: 0\r\n\r\n",
			"a chunk of a size that is no number": head("Transfer-Encoding: chunked") + "zz\r\n" + body + "\r\n0\r\n\r\n",
			"a chunk that is longer":              head("Transfer-Encoding: chunked") + "5\r\n" + body + "\r\n0\r\n\r\n",
			"a target with a space":               strings.Replace(head("Content-Length: 22"), path, path+" x", 1) + body,
			"a target with a control":             strings.Replace(head("Content-Length: 22"), path, path+"\x01", 1) + body,
			"a protocol that is none":             strings.Replace(head("Content-Length: 22"), "HTTP/1.1", "JUNK/9", 1) + body,
			"a request line that is none":         "POST\r\nHost: x\r\n\r\n",
		}
		for name, attack := range attacks {
			t.Run("D13 refuses "+name, func(t *testing.T) {
				s.unchanged(t, func() {
					answers := s.wire(t, attack+hidden)
					if len(answers) != 1 || answers[0].status != 400 {
						t.Errorf("answers %v", answers)
					}
				})
			})
		}
		t.Run("while two requests in one packet are two", func(t *testing.T) {
			answers := s.wire(t, hidden+head("Transfer-Encoding: chunked", "Connection: close")+chunked)
			if len(answers) != 2 || answers[0].status != 200 || answers[1].status != 200 {
				t.Errorf("answers %v", answers)
			}
		})
	})
}

func TestLargeHeads(t *testing.T) {
	s := serve(t, storetest.SQLite(t), nil)
	for name, attack := range map[string]string{
		"a header of 5 KiB":  "GET /auth/ HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("a", 5<<10) + "\r\n\r\n",
		"200 headers":        "GET /auth/ HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", 200) + "\r\n",
		"a head of 40 KiB":   "GET /auth/ HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: "+strings.Repeat("b", 2000)+"\r\n", 20) + "\r\n",
		"a target of 5 KiB":  "GET /" + strings.Repeat("a", 5<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"a target of 20 KiB": "GET /" + strings.Repeat("a", 20<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run("D14 refuses "+name, func(t *testing.T) {
			answers := s.wire(t, attack)
			if len(answers) != 1 || answers[0].status != 431 || answers[0].header.Get("X-Request-Id") == "" {
				t.Errorf("answers %v", answers)
			}
		})
	}
	t.Run("B8 answers a token with a NUL as a bad one", func(t *testing.T) {
		answers := s.wire(t, "GET /auth/me/ HTTP/1.1\r\nHost: x\r\nAuthorization: Token a\x00b\r\nConnection: close\r\n\r\n")
		if len(answers) != 1 || answers[0].status != 401 {
			t.Errorf("answers %v", answers)
		}
	})
	t.Run("A11 reads no body that is said to be large", func(t *testing.T) {
		for _, length := range []string{"65537", "9223372036854775807"} {
			answers := s.wire(t, "POST /auth/users/create/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "+length+"\r\n\r\n")
			if len(answers) != 1 || answers[0].status != 413 {
				t.Errorf("answers %v", answers)
			}
		}
		chunks := strings.Repeat("4000\r\n"+strings.Repeat("x", 0x4000)+"\r\n", 8) + "0\r\n\r\n"
		answers := s.wire(t, "POST /auth/users/create/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks)
		if len(answers) != 1 || answers[0].status != 413 {
			t.Errorf("answers %v", answers)
		}
	})
}

func TestLargeBody(t *testing.T) {
	s := serve(t, storetest.SQLite(t), nil)
	t.Run("A11 can read the answer and no reset", func(t *testing.T) {
		c := s.dial(t)
		go io.WriteString(c, "POST /auth/users/create/ HTTP/1.1\r\nHost: x\r\nContent-Length: 921600\r\n\r\n"+strings.Repeat("x", 900<<10))
		text, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 413 ") {
			t.Errorf("read %.100q, %v", text, err)
		}
	})
}

// dial opens a connection that is closed with the test.
func (s *server) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// wire sends bytes as they are and returns what is answered until the server
// closes, or says nothing for a while.
func (s *server) wire(t *testing.T, text string) []answer {
	t.Helper()
	c := s.dial(t)
	go io.WriteString(c, text) // fails where the server closes early
	var answers []answer
	for r := bufio.NewReader(c); ; {
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			return answers
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		answers = append(answers, answer{response.StatusCode, response.Header, string(body), response.Close})
	}
}

func TestPagesOfOthers(t *testing.T) {
	const listed, evil = "https://hostname.example.com", "https://evil.example"
	from := func(origin string) http.Header { return http.Header{"Origin": {origin}} }
	preflight := func(origin string) http.Header {
		return http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"PATCH"}, "Access-Control-Request-Headers": {"authorization"}}
	}
	const allow = "Access-Control-Allow-Origin"

	t.Run("with a list", func(t *testing.T) {
		s := serve(t, storetest.SQLite(t), settings{"CHATIRE_CORS_ORIGINS": listed})
		t.Run("G1 are not let in from elsewhere", func(t *testing.T) {
			for _, origin := range []string{evil, "null", listed + ".evil.example", "http://hostname.example.com", listed + ":8443", "HTTPS://hostname.example.com"} {
				for _, got := range []answer{s.send(t, "OPTIONS", "/api/chats/", preflight(origin), ""), s.send(t, "GET", "/auth/", from(origin), "")} {
					if _, there := got.header[allow]; there || got.header.Get("Access-Control-Allow-Methods") != "" {
						t.Errorf("%s is let in: %v", origin, got.header)
					}
				}
			}
		})
		t.Run("G2 are echoed if they are listed", func(t *testing.T) {
			for _, got := range []answer{
				s.send(t, "OPTIONS", "/api/chats/x/", preflight(listed), ""), s.send(t, "GET", "/auth/", from(listed), ""),
				s.send(t, "GET", "/nowhere/", from(listed), ""), s.send(t, "GET", "/auth/me/", from(listed), ""), s.send(t, "FOO", "/auth/", from(listed), ""),
				s.send(t, "POST", create, from(listed), strings.Repeat("x", 65<<10)),
			} {
				if got.header.Get(allow) != listed || got.header.Get("Vary") != "Origin" || got.header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("answer %d with %v", got.status, got.header)
				}
			}
		})
	})
	t.Run("with everybody", func(t *testing.T) {
		s := serve(t, storetest.SQLite(t), settings{"CHATIRE_CORS_ORIGINS": "*"})
		t.Run("G1 get no credentials", func(t *testing.T) {
			for _, got := range []answer{s.send(t, "OPTIONS", "/api/chats/", preflight(evil), ""), s.send(t, "GET", "/auth/me/", from(evil), "")} {
				if got.header.Get(allow) != "*" || got.header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("answer %d with %v", got.status, got.header)
				}
			}
		})
	})
	t.Run("with nobody", func(t *testing.T) {
		s := serve(t, storetest.SQLite(t), nil)
		if got := s.send(t, "GET", "/auth/", from(evil), ""); got.header.Get(allow) != "" {
			t.Errorf("answer with %v", got.header)
		}
	})
}

func TestEveryAnswer(t *testing.T) {
	s := serve(t, storetest.SQLite(t), nil)
	ada := signUp(t, s, "countess")
	answers := map[string]answer{
		"200": ada.call("GET", "/auth/me/", ""), "201": (&user{t: t, s: s}).call("POST", create, `{"username":"b","password":"`+password+`"}`),
		"400": ada.call("POST", create, "{"), "401": s.send(t, "GET", "/auth/me/", nil, ""), "404": ada.call("GET", "/api/nope/", ""),
		"405": ada.call("PUT", "/api/chats/", ""), "413": ada.call("POST", create, strings.Repeat("x", 65<<10)), "415": s.send(t, "POST", create, nil, "x"),
		"501": ada.call("FOO", "/api/chats/", ""),
	}
	for status, got := range answers {
		t.Run("G7 has the headers that protect, "+status, func(t *testing.T) {
			if fmt.Sprint(got.status) != status {
				t.Fatalf("answer %d %s", got.status, got.body)
			}
			for name, want := range map[string]string{
				"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
				"Cache-Control": "no-store", "Server": "", "Set-Cookie": "",
				"Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
					"connect-src 'self'; require-trusted-types-for 'script'; trusted-types vue",
			} {
				if got.header.Get(name) != want {
					t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
				}
			}
			if len(got.header.Get("X-Request-Id")) < 8 {
				t.Errorf("X-Request-Id: %q", got.header.Get("X-Request-Id"))
			}
		})
	}
	t.Run("takes over a sane request id only", func(t *testing.T) {
		for id, taken := range map[string]bool{"a-1.B_2": true, strings.Repeat("x", 65): false, "a b": false, "é": false, "": false} {
			if got := s.send(t, "GET", "/auth/", http.Header{"X-Request-Id": {id}}, "").header.Get("X-Request-Id"); (got == id) != taken || got == "" {
				t.Errorf("%q was answered with %q", id, got)
			}
		}
	})
	t.Run("G4 is no page of the operators'", func(t *testing.T) {
		for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/healthz?x", "/livez", "/readyz", "/debug/hub", "/config", "/.env", "/.git/config", "/index.html", "/.keep", "/assets/", "/assets/../index.html"} {
			s.send(t, "GET", path, nil, "").want(t, 404, notFound)
		}
	})
	t.Run("G4 is counted without anything of the request's", func(t *testing.T) {
		uri := ada.open()
		ada.call("GET", "/api/chats/"+uri+"/", "")
		ada.call("EVIL", "/api/chats/"+uri+"/", "")
		ada.call("GET", "/evil-path/", "")
		metrics := s.operators(t, "/metrics").body
		for _, want := range []string{
			`chatire_http_requests_total{code="200",method="GET",route="/api/chats/:uri/"} 1`, `code="501",method="other",route="none"`, "chatire_http_requests_in_flight 0",
			`chatire_http_request_duration_seconds_count{method="GET",route="/api/chats/:uri/"} 1`, "chatire_panics_recovered_total 0",
		} {
			if !strings.Contains(metrics, want) {
				t.Errorf("%s is missing", want)
			}
		}
		for _, no := range []string{uri, "countess", "EVIL", "evil-path", "127.0.0.1"} {
			if strings.Contains(metrics, no) {
				t.Errorf("the metrics show %s", no)
			}
		}
	})
	t.Run("G5 is healthy", func(t *testing.T) {
		s.operators(t, "/livez").wantStatus(t, 200)
		s.operators(t, "/readyz").want(t, 200, `{"status":"ready","database":"ok","broker":"ok","draining":false}`+"\n")
	})
}
