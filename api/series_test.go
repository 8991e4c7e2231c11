package api_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/chatire/chatire/pkg/store/storetest"
)

// TestSeriesAreBounded has many people ask for many things: Prometheus must not feel it.
func TestSeriesAreBounded(t *testing.T) {
	s := serve(t, storetest.SQLite(t), nil)
	signUp := func(name string) string {
		s.send(t, "POST", "/auth/users/create/", form(), "username="+name+"&password=correct-horse-9").wantStatus(t, 201)
		got := s.send(t, "POST", "/auth/token/create/", form(), "username="+name+"&password=correct-horse-9")
		_, rest, _ := strings.Cut(got.body, `"auth_token":"`)
		return strings.TrimSuffix(strings.TrimSpace(rest), `"}`)
	}
	talk := func(token, path string) {
		header := http.Header{"Authorization": {"Token " + token}}
		got := s.send(t, "POST", "/api/chats/", header, "")
		_, rest, _ := strings.Cut(got.body, `"uri":"`)
		uri, _, found := strings.Cut(rest, `"`)
		if !found {
			t.Fatalf("no session: %s", got.body)
		}
		header.Set("Content-Type", "application/json")
		for _, method := range []string{"GET", "POST"} {
			s.send(t, method, "/api/chats/"+uri+"/messages/", header.Clone(), `{"message":"hello"}`).wantStatus(t, 200)
		}
		s.send(t, "GET", "/api/chats/"+path+"/", header.Clone(), "").wantStatus(t, 404)
		s.send(t, "GET", "/api/"+path, header.Clone(), "").wantStatus(t, 404)
		s.send(t, "BREW-"+path, "/", header.Clone(), "")
	}
	talk(signUp("first"), "0123456789abcde")
	before := s.series(t)

	tokens := make([]string, 20)
	for i := range tokens {
		tokens[i] = signUp(fmt.Sprint("person", i))
	}
	for i := range 10_000 / 6 {
		talk(tokens[i%len(tokens)], fmt.Sprintf("%015x", rand.Uint64()>>4))
	}
	for name := range s.series(t) {
		if !before[name] {
			t.Errorf("a series that was not there: %s", name)
		}
	}
}

func form() http.Header { return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}} }

// series returns the series that there are, with their labels.
func (s *server) series(t *testing.T) map[string]bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.ops+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for line := range strings.Lines(do(t, r).body) {
		if name, _, ok := strings.Cut(line, " "); ok && !strings.HasPrefix(line, "#") {
			names[name] = true
		}
	}
	return names
}
