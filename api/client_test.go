package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// answer is what a server said.
type answer struct {
	status int
	header http.Header
	body   string
	closed bool // the connection, afterwards
}

// client follows no redirects, for there shall be none.
var client = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	Timeout:       30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// send sends one request as it is.
func (s *server) send(t *testing.T, method, path string, header http.Header, body string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	got := do(t, r)
	if s.check != nil {
		s.check(t, r, got)
	}
	return got
}

func do(t *testing.T, r *http.Request) answer {
	t.Helper()
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body), response.Close}
}
