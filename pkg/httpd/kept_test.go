package httpd

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"
)

// TestStringsOfARequestMayBeKept has a handler keep what it was given, as a cache or a
// hub does, and looks at it after other requests have used the connection's memory.
func TestStringsOfARequestMayBeKept(t *testing.T) {
	var mu sync.Mutex
	kept := map[string][]string{}
	r := start(t, Options{}, nil, Route{
		Path: "/kept/:name/", Open: true,
		Get: func(c *fiber.Ctx) error {
			mu.Lock()
			defer mu.Unlock()
			kept[strings.Clone(c.Params("name"))] = []string{c.Params("name"), c.Query("q"), c.Get("X-Word"), c.Path()}
			return c.SendStatus(http.StatusNoContent)
		},
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, name := range []string{"aaaa", "bbbb", "cccc"} {
		fmt.Fprintf(conn, "GET /kept/%s/?q=q%s HTTP/1.1\r\nHost: x\r\nX-Word: w%s\r\n\r\n", name, name, name)
		answer, err := http.ReadResponse(answers, nil)
		if err != nil || answer.StatusCode != http.StatusNoContent {
			t.Fatalf("%v, %v", answer, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for name, got := range kept {
		if want := []string{name, "q" + name, "w" + name, "/kept/" + name + "/"}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("of the request of %s %q was kept, want %q", name, got, want)
		}
	}
}
