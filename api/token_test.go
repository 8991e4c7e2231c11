package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/chatire/chatire/pkg/store/storetest"
)

const (
	login   = "/auth/token/create/"
	refused = `{"non_field_errors":["Unable to login with provided credentials."]}`
)

func TestSignIn(t *testing.T) {
	eachDatabase(t, nil, testSignIn)
}

func testSignIn(t *testing.T, s *server) {
	nobody := &user{t: t, s: s}
	ada := signUp(t, s, "ada")
	signUp(t, s, "gone")
	if err := s.kit.Chat.DisableUser(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}

	t.Run("B1 tells nothing about who exists, at the same cost", func(t *testing.T) {
		for _, body := range []string{
			`{"username":"ada","password":"not-this-one"}`,
			`{"username":"nobody","password":"not-this-one"}`,
			`{"username":"gone","password":"` + password + `"}`,
		} {
			before := s.hashes(t)
			nobody.call("POST", login, body).want(t, 400, refused)
			if s.hashes(t) != before+1 {
				t.Errorf("%d hashes for %s", s.hashes(t)-before, body)
			}
		}
	})
	t.Run("B4 does not queue more than it can hash", func(t *testing.T) {
		statuses := parallel(200, func() string {
			got := nobody.call("POST", login, `{"username":"ada","password":"`+password+`"}`)
			return fmt.Sprint(got.status, " ", got.header.Get("Retry-After"))
		})
		if statuses["200 "] == 0 || statuses["200 "]+statuses["503 1"] != 200 {
			t.Errorf("answers %v, want 200 or 503 with Retry-After", statuses)
		}
	})
	t.Run("B6 takes SQL for a name", func(t *testing.T) {
		s.unchanged(t, func() {
			for _, name := range []string{`' OR 1=1--`, `\'; DROP TABLE users; --`, `5-?`, `-1`, `$1`, `%s`, `?`} {
				body, _ := json.Marshal(map[string]string{"username": name, "password": password})
				nobody.call("POST", login, string(body)).want(t, 400, refused)
			}
		})
	})
	t.Run("B7 gives a new token each time and keeps only its digest", func(t *testing.T) {
		first, second := signIn(t, s, "ada").token, signIn(t, s, "ada").token
		if first == second || !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(first) {
			t.Errorf("tokens %q and %q", first, second)
		}
		sum := sha256.Sum256([]byte(first))
		if dump := s.dump(t, "tokens"); strings.Contains(dump, first) || !strings.Contains(dump, hex.EncodeToString(sum[:])) {
			t.Error("the database does not hold just the digest")
		}
	})
	t.Run("B8 reads the header as the original did", func(t *testing.T) {
		for header, detail := range map[string]string{
			"":                           noCredentials,
			"Bearer " + ada.token:        noCredentials,
			ada.token:                    noCredentials,
			"Token":                      "Invalid token header. No credentials provided.",
			"Token a b":                  "Invalid token header. Token string should not contain spaces.",
			"Token " + ada.token + " b":  "Invalid token header. Token string should not contain spaces.",
			"Token \xff\xfe":             "Invalid token header. Token string should not contain invalid characters.",
			"Token " + ada.token[:39]:    invalidToken,
			"Token '||1=1--":             invalidToken,
			"Token " + invert(ada.token): invalidToken,
		} {
			s.unchanged(t, func() {
				s.send(t, "POST", "/api/chats/", http.Header{"Authorization": {header}}, "").wantUnauthorized(t, detail)
			})
		}
		s.unchanged(t, func() {
			s.send(t, "POST", "/api/chats/", http.Header{"Authorization": {"Token " + strings.Repeat("a", 5<<10)}}, "").wantStatus(t, 431)
			s.send(t, "POST", login, http.Header{"Authorization": {"Token nonsense"}}, "").wantUnauthorized(t, invalidToken)
		})
		s.send(t, "POST", "/api/chats/", http.Header{"Authorization": {"tOkEn   " + ada.token}}, "").wantStatus(t, 200)
	})
	t.Run("B9 ends a token with the sign-out", func(t *testing.T) {
		phone := signIn(t, s, "ada")
		phone.call("POST", "/auth/token/destroy/", "").want(t, 204, "")
		phone.call("GET", "/auth/me/", "").wantUnauthorized(t, invalidToken)
		phone.call("POST", "/auth/token/destroy/", "").wantUnauthorized(t, invalidToken)
		ada.call("GET", "/auth/me/", "").wantStatus(t, 200)
	})
	t.Run("B10 reads no token from a query or a cookie", func(t *testing.T) {
		s.unchanged(t, func() {
			for _, name := range []string{"token", "auth_token", "Authorization", "access_token"} {
				s.send(t, "POST", "/api/chats/?"+name+"=Token%20"+ada.token, nil, "").wantUnauthorized(t, noCredentials)
				s.send(t, "POST", "/api/chats/?"+name+"="+ada.token, http.Header{"Cookie": {name + "=" + ada.token}}, "").wantUnauthorized(t, noCredentials)
				s.send(t, "POST", "/nowhere/?"+name+"="+ada.token, nil, "").want(t, 404, notFound)
			}
		})
	})
	t.Run("B12 ends the other tokens with the password", func(t *testing.T) {
		old, bob := signUp(t, s, "bob"), signIn(t, s, "bob")
		bob.call("POST", "/auth/password/", `{"new_password":"battery-staple-7","current_password":"`+password+`"}`).want(t, 204, "")
		old.call("GET", "/auth/me/", "").wantUnauthorized(t, invalidToken)
		bob.call("GET", "/auth/me/", "").wantStatus(t, 200)
		if err := s.kit.Chat.DisableUser(t.Context(), "bob"); err != nil {
			t.Fatal(err)
		}
		bob.call("GET", "/auth/me/", "").wantUnauthorized(t, invalidToken)
	})
	t.Run("B13 logs a name with control characters in one line", func(t *testing.T) {
		nobody.call("POST", login, `{"username":"x\r\nlevel=ERROR \u001b[31m","password":"y"}`).want(t, 400, refused)
		s.send(t, "GET", "/x%0d%0a%1b[31m", http.Header{"X-Request-Id": {"a\tb"}, "User-Agent": {"x\tINFO"}}, "").wantStatus(t, 404)
	})
	t.Run("keeps tokens out of logs and metrics, one event to a line", func(t *testing.T) {
		log := s.log.String()
		for line := range strings.Lines(log) {
			if !json.Valid([]byte(line)) {
				t.Errorf("a line of the log is no JSON: %q", line)
			}
		}
		metrics := s.send(t, "GET", "/metrics", nil, "")
		metrics.want(t, 404, notFound) // not here
		text := log + s.operators(t, "/metrics").body
		for _, secret := range []string{ada.token, password, "battery-staple-7", "not-this-one"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in the log or the metrics", secret)
			}
		}
	})
}

func TestTokens(t *testing.T) {
	eachDatabase(t, nil, func(t *testing.T, s *server) {
		ada, bob := signUp(t, s, "ada"), signUp(t, s, "bob")
		phone := &user{t: t, s: s, name: "ada"}
		got := phone.call("POST", login, `{"username":"ada","password":"`+password+`","label":"my phone"}`)
		phone.token = got.json(t)["auth_token"].(string)

		tokens := ada.call("GET", "/auth/tokens/", "").json(t)["tokens"].([]any)
		newest := tokens[0].(map[string]any)
		id := newest["id"]
		t.Run("are listed, the newest first", func(t *testing.T) {
			if len(tokens) != 2 || newest["label"] != "my phone" || newest["current"] != false || tokens[1].(map[string]any)["current"] != true {
				t.Errorf("listed %v", tokens)
			}
		})
		t.Run("cannot be ended by somebody else", func(t *testing.T) {
			s.unchanged(t, func() {
				bob.call("DELETE", fmt.Sprintf("/auth/tokens/%v/", id), "").want(t, 404, notFound)
			})
		})
		t.Run("can be ended once", func(t *testing.T) {
			ada.call("DELETE", fmt.Sprintf("/auth/tokens/%v/", id), "").want(t, 204, "")
			ada.call("DELETE", fmt.Sprintf("/auth/tokens/%v/", id), "").want(t, 404, notFound)
			phone.call("GET", "/auth/me/", "").wantUnauthorized(t, invalidToken)
		})
		t.Run("are not found by a bad id", func(t *testing.T) {
			for _, bad := range []string{"0", "-1", "x", "9223372036854775808", "1e3", "%31x"} {
				ada.call("DELETE", "/auth/tokens/"+bad+"/", "").want(t, 404, notFound)
			}
		})
	})
}

func TestGuessing(t *testing.T) {
	proxied := settings{"CHATIRE_RATE_LIMIT": "signin_fails=10/5m,account_fails=25/5m", "CHATIRE_TRUSTED_PROXIES": "127.0.0.0/8"}
	guess := func(t *testing.T, s *server, from, name, password string) answer {
		header := http.Header{"Content-Type": {"application/json"}, "X-Forwarded-For": {from}}
		return s.send(t, "POST", login, header, `{"username":"`+name+`","password":"`+password+`"}`)
	}

	t.Run("B2 is refused after ten times from one address", func(t *testing.T) {
		s := serve(t, storetest.SQLite(t), proxied)
		ada := signUp(t, s, "ada")
		for range 10 {
			guess(t, s, "192.0.2.1", "ada", "wrong-guess-1").want(t, 400, refused)
		}
		before := s.hashes(t)
		guess(t, s, "192.0.2.1", "ada", "wrong-guess-1").wantThrottled(t)
		guess(t, s, "192.0.2.1", "ada", password).wantThrottled(t)
		if s.hashes(t) != before {
			t.Error("a refused guess was checked")
		}
		guess(t, s, "192.0.2.2", "ada", password).wantStatus(t, 200)
		guess(t, s, "192.0.2.1", "bob", "wrong-guess-1").want(t, 400, refused)

		t.Run("and after more from everywhere, but never the right password from elsewhere", func(t *testing.T) {
			for i := range 15 {
				guess(t, s, fmt.Sprintf("198.51.100.%d", i), "ada", "wrong-guess-1").want(t, 400, refused)
			}
			guess(t, s, "198.51.100.77", "ada", "wrong-guess-1").wantThrottled(t)
			guess(t, s, "198.51.100.78", "ada", password).wantStatus(t, 200)
		})
		t.Run("and so are guesses with a stolen token", func(t *testing.T) {
			for _, request := range []struct{ path, body string }{
				{"/auth/password/", `{"new_password":"battery-staple-7","current_password":"wrong-guess-1"}`},
				{"/auth/username/", `{"new_username":"x","current_password":"wrong-guess-1"}`},
				{"/auth/users/delete/", `{"current_password":"wrong-guess-1"}`},
			} {
				ada.call("POST", request.path, request.body).wantThrottled(t)
			}
		})
	})
	t.Run("B3 is not split by addresses that nobody vouches for", func(t *testing.T) {
		s := serve(t, storetest.SQLite(t), settings{"CHATIRE_RATE_LIMIT": "on"})
		signUp(t, s, "ada")
		for i := range 10 {
			guess(t, s, fmt.Sprintf("192.0.2.%d", i), "ada", "wrong-guess-1").want(t, 400, refused)
		}
		guess(t, s, "192.0.2.99", "ada", "wrong-guess-1").wantThrottled(t)
	})
	t.Run("A2 of free names is refused after ten sign-ups from one address", func(t *testing.T) {
		s := serve(t, storetest.SQLite(t), settings{"CHATIRE_RATE_LIMIT": "on"})
		nobody := &user{t: t, s: s}
		signUp(t, s, "ada")
		for range 9 {
			nobody.call("POST", create, `{"username":"ada","password":"`+password+`"}`).wantStatus(t, 400)
		}
		s.unchanged(t, func() {
			nobody.call("POST", create, `{"username":"ada2","password":"`+password+`"}`).wantThrottled(t)
		})
	})
	t.Run("of addresses is refused after five resets", func(t *testing.T) {
		s := serve(t, storetest.SQLite(t), settings{"CHATIRE_RATE_LIMIT": "on"})
		nobody := &user{t: t, s: s}
		for range 5 {
			nobody.call("POST", "/auth/password/reset/", `{"email":"x@example.com"}`).want(t, 204, "")
		}
		nobody.call("POST", "/auth/password/reset/", `{"email":"x@example.com"}`).wantThrottled(t)
	})
}

// invert returns a token of the right form that is another one.
func invert(token string) string {
	if token[0] == '0' {
		return "1" + token[1:]
	}
	return "0" + token[1:]
}

// dump returns a table as text; bytes in hexadecimal.
func (s *server) dump(t *testing.T, table string) string {
	t.Helper()
	rows, err := s.db.QueryContext(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for rows.Next() {
		values := make([]any, len(columns))
		places := make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		if err := rows.Scan(places...); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if b, ok := v.([]byte); ok {
				v = hex.EncodeToString(b)
			}
			fmt.Fprintf(&text, "%v ", v)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// operators asks the operators' server.
func (s *server) operators(t *testing.T, path string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.ops+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, r)
}
