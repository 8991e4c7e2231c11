package api_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/chatire/chatire/pkg/store/storetest"
)

const create = "/auth/users/create/"

func TestSignUp(t *testing.T) {
	eachDatabase(t, nil, testSignUp)
}

func testSignUp(t *testing.T, s *server) {
	nobody := &user{t: t, s: s}
	signUp(t, s, "ada")
	json := http.Header{"Content-Type": {"application/json"}}

	t.Run("A1 asks for what is missing", func(t *testing.T) {
		s.unchanged(t, func() {
			for _, body := range []string{"", "{}"} {
				nobody.call("POST", create, body).want(t, 400,
					`{"password":["This field is required."],"username":["This field is required."]}`)
			}
		})
	})
	t.Run("A2 refuses a name that is taken in any form", func(t *testing.T) {
		for _, name := range []string{"ada", "ADA", "ａda", "ada ", "ad\u00aa"} {
			s.unchanged(t, func() {
				nobody.call("POST", create, `{"username":"`+name+`","password":"`+password+`"}`).want(t, 400,
					`{"username":["A user with that username already exists."]}`)
			})
		}
	})
	t.Run("A3 lets one of 100 at once have a name", func(t *testing.T) {
		statuses := parallel(100, func() int {
			return nobody.call("POST", create, `{"username":"race","password":"`+password+`"}`).status
		})
		if statuses[201] != 1 || statuses[400] != 99 {
			t.Errorf("answers %v, want one 201 and 99 times 400", statuses)
		}
	})
	t.Run("A5 refuses weak passwords and does not repeat them", func(t *testing.T) {
		for _, weak := range []string{"x7k!q2z", "password123", "8264017395", "weakling1"} {
			s.unchanged(t, func() {
				got := nobody.call("POST", create, `{"username":"weakling","password":"`+weak+`"}`)
				got.wantStatus(t, 400)
				if complaints := fmt.Sprint(got.json(t)["password"]); complaints == "<nil>" || strings.Contains(complaints, weak) {
					t.Errorf("answer %s", got.body)
				}
			})
		}
	})
	t.Run("A6 hashes no password that is too long", func(t *testing.T) {
		for _, size := range []int{1025, 5000, 60 << 10} {
			before := s.hashes(t)
			s.unchanged(t, func() {
				got := nobody.call("POST", create, `{"username":"long","password":"`+strings.Repeat("zA9", size/3+1)+`"}`)
				got.wantStatus(t, 400)
			})
			nobody.call("POST", "/auth/token/create/", `{"username":"ada","password":"`+strings.Repeat("z", size)+`"}`).wantStatus(t, 400)
			if after := s.hashes(t); after != before {
				t.Errorf("%d hashes for a password of %d bytes", after-before, size)
			}
		}
	})
	t.Run("A7 ignores fields that would make an administrator", func(t *testing.T) {
		nobody.call("POST", create, `{"username":"plain","password":"`+password+`","is_staff":true,"is_superuser":true,"admin":true,"id":1}`).wantStatus(t, 201)
		u, err := s.kit.Chat.UserNamed(t.Context(), "plain")
		if err != nil || u.Admin || u.ID == 1 {
			t.Errorf("made %+v, %v", u, err)
		}
	})
	t.Run("A9 refuses what is not one JSON object", func(t *testing.T) {
		bodies := []string{
			`{"username": "x",`, `{"username":"x"} {}`, `{"username":"a","username":"b"}`, `{'username':'x'}`, `{"username":01}`, "\ufeff{}",
			strings.Repeat(`{"a":`, 10_000), strings.Repeat("[", 30_000),
		}
		for _, body := range bodies {
			s.unchanged(t, func() {
				got := nobody.call("POST", create, body)
				got.wantStatus(t, 400)
				if !strings.HasPrefix(got.body, `{"detail":"JSON parse error - `) || len(got.body) > 80 {
					t.Errorf("answer %s", got.body)
				}
			})
		}
	})
	t.Run("A10 refuses other types of body", func(t *testing.T) {
		s.unchanged(t, func() {
			for _, kind := range []string{"application/xml", "text/plain", "application/vnd.api+json", "json", ""} {
				s.send(t, "POST", create, http.Header{"Content-Type": {kind}}, "<username>x</username>").want(t, 415,
					`{"detail":"Unsupported media type \"`+kind+`\" in request."}`)
			}
			file := "--B\r\nContent-Disposition: form-data; name=\"username\"; filename=\"a.txt\"\r\n\r\nada2\r\n" +
				"--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n" + password + "\r\n--B--\r\n"
			s.send(t, "POST", create, http.Header{"Content-Type": {"multipart/form-data; boundary=B"}}, file).want(t, 400,
				`{"username":["Not a valid string."]}`)
		})
	})
	t.Run("A11 refuses a large body and closes", func(t *testing.T) {
		s.unchanged(t, func() {
			got := nobody.call("POST", create, `{"username":"`+strings.Repeat("x", 64<<10)+`"}`)
			got.want(t, 413, `{"detail":"Request body too large."}`)
			if !got.closed {
				t.Error("the connection stays open")
			}
		})
	})
	t.Run("A12 inflates nothing", func(t *testing.T) {
		for encoding, body := range map[string]string{
			"gzip": deflated(`{"username":"zip","password":"` + password + `"}`), "GZIP": deflated(strings.Repeat(" ", 32<<20)),
			"br": "x", "deflate": "broken", "identity": "{}", "?": "{}",
		} {
			s.unchanged(t, func() {
				header := json.Clone()
				header.Set("Content-Encoding", encoding)
				s.send(t, "POST", create, header, body).want(t, 415, `{"detail":"Encoded bodies are not supported."}`)
			})
		}
	})
	t.Run("A13 refuses what is not Unicode", func(t *testing.T) {
		s.unchanged(t, func() {
			for _, name := range []string{"a\xffb", `a\ud83db`, `\udc00`, `a\u0000b`} {
				nobody.call("POST", create, `{"username":"`+name+`","password":"`+password+`"}`).wantStatus(t, 400)
			}
			form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
			s.send(t, "POST", create, form, "username=a%FFb&password="+password).want(t, 400, `{"username":["Not a valid string."]}`)
			s.send(t, "POST", create, form, "username=a%00b&password="+password).want(t, 400, `{"username":["Null characters are not allowed."]}`)
		})
	})
}

func TestSignUpWhereRegistrationIsClosed(t *testing.T) {
	s := serve(t, storetest.SQLite(t), settings{"CHATIRE_REGISTRATION": "closed"})
	t.Run("A14 is refused", func(t *testing.T) {
		s.unchanged(t, func() {
			nobody := &user{t: t, s: s}
			nobody.call("POST", create, `{"username":"x","password":"`+password+`"}`).wantStatus(t, 403)
		})
	})
}

// parallel runs f many times at once and counts what it returns.
func parallel[T comparable](times int, f func() T) map[T]int {
	var (
		mu     sync.Mutex // guards counts
		counts = map[T]int{}
		all    sync.WaitGroup
	)
	for range times {
		all.Go(func() {
			result := f()
			mu.Lock()
			defer mu.Unlock()
			counts[result]++
		})
	}
	all.Wait()
	return counts
}

func deflated(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}
