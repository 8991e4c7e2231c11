package api

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/web"
)

// built is what Vite leaves, in little.
var built = fstest.MapFS{
	"index.html":           {Data: []byte(`<!doctype html><meta name="chatire-site" content="{}" /><script src="/assets/index-1a2b.js"></script>` + strings.Repeat(" ", 500))},
	"assets/index-1a2b.js": {Data: []byte("let x = 1\n" + strings.Repeat("// long\n", 200))},
	"assets/a-3c.woff2":    {Data: []byte("wOF2 and more")},
	"app.webmanifest":      {Data: []byte(`{"name":"Chatire"}`)},
	".keep":                {Data: []byte("x")},
}

// ask sends a request to a site and returns the answer with its body.
func ask(t *testing.T, s *site, path string, header map[string]string) (*http.Response, string) {
	t.Helper()
	app := fiber.New()
	for _, r := range s.routes() {
		app.Get(r.Path, r.Get)
	}
	app.Use(s.elsewhere)
	request := httptest.NewRequest(http.MethodGet, path, nil)
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := app.Test(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestSite(t *testing.T) {
	s, err := newSite(built, `https://example.com/terms?a="b"&c=<d>`)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("answers its addresses with the page", func(t *testing.T) {
		for _, path := range []string{"/", "/c/040213b14a02451", "/c/040213b14a02451/details", "/j/040213b14a02451", "/i/code", "/settings", "/signin", "/signup", "/forgot", "/reset/MQ/code", "/reset/MQ/code/"} {
			got, body := ask(t, s, path, nil)
			if got.StatusCode != 200 || got.Header.Get("Content-Type") != "text/html; charset=utf-8" || got.Header.Get("Cache-Control") != "no-cache" || !strings.Contains(body, "index-1a2b.js") {
				t.Errorf("%s: %d %v %s", path, got.StatusCode, got.Header, body)
			}
		}
	})
	t.Run("tells the page where the terms are, and nothing else by it", func(t *testing.T) {
		_, body := ask(t, s, "/", nil)
		if want := `content="{&#34;terms_url&#34;:&#34;https://example.com/terms?a=\&#34;b\&#34;\u0026c=\u003cd\u003e&#34;}"`; !strings.Contains(body, want) {
			t.Errorf("the page is %s", body)
		}
	})
	t.Run("lets files be kept whose names change with them", func(t *testing.T) {
		got, _ := ask(t, s, "/assets/index-1a2b.js", nil)
		if got.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || got.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("answer %v", got.Header)
		}
		if got, _ := ask(t, s, "/app.webmanifest", nil); got.Header.Get("Cache-Control") != "no-cache" || got.Header.Get("Content-Type") != "application/manifest+json" {
			t.Errorf("answer %v", got.Header)
		}
	})
	t.Run("is small on the way", func(t *testing.T) {
		got, body := ask(t, s, "/assets/index-1a2b.js", map[string]string{"Accept-Encoding": "br, gzip"})
		if got.Header.Get("Content-Encoding") != "gzip" || got.Header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("answer %v", got.Header)
		}
		r, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if whole, err := io.ReadAll(r); err != nil || string(whole) != string(built["assets/index-1a2b.js"].Data) {
			t.Errorf("it is %q, %v", whole, err)
		}
		if got, _ := ask(t, s, "/assets/a-3c.woff2", map[string]string{"Accept-Encoding": "gzip"}); got.Header.Get("Content-Encoding") != "" {
			t.Error("a font is packed twice")
		}
	})
	t.Run("is not sent to who has it", func(t *testing.T) {
		first, _ := ask(t, s, "/", nil)
		got, body := ask(t, s, "/", map[string]string{"If-None-Match": `W/"x", ` + first.Header.Get("ETag")})
		if got.StatusCode != 304 || body != "" {
			t.Errorf("answer %d %q", got.StatusCode, body)
		}
		if got, _ := ask(t, s, "/", map[string]string{"If-None-Match": `"another"`}); got.StatusCode != 200 {
			t.Errorf("answer %d", got.StatusCode)
		}
	})
	t.Run("tells people kindly that there is nothing, and programs plainly", func(t *testing.T) {
		browser := map[string]string{"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
		if got, body := ask(t, s, "/nowhere/at/all", browser); got.StatusCode != 404 || !strings.Contains(body, "index-1a2b.js") || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("answer %d %v", got.StatusCode, got.Header)
		}
		for _, path := range []string{"/api/nope/", "/auth/nope", "/ws/x", "/assets/nope.js", "/assets/"} {
			if got, body := ask(t, s, path, browser); strings.Contains(body, "<") || got.StatusCode == 200 {
				t.Errorf("%s: %d %s", path, got.StatusCode, body)
			}
		}
		if got, body := ask(t, s, "/nowhere", nil); got.StatusCode == 200 || strings.Contains(body, "<") {
			t.Errorf("a program gets %d %s", got.StatusCode, body)
		}
		for _, path := range []string{"/.keep", "/index.html"} {
			if got, _ := ask(t, s, path, nil); got.StatusCode == 200 {
				t.Errorf("%s is there", path)
			}
		}
	})
}

func TestSiteThatWasNotBuilt(t *testing.T) {
	s, err := newSite(fstest.MapFS{".keep": {Data: []byte("x")}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, body := ask(t, s, "/c/040213b14a02451", nil); got.StatusCode != 200 || !strings.Contains(body, "make web build") {
		t.Errorf("answer %d %s", got.StatusCode, body)
	}
}

// TestEmbeddedSite is of the folder that is in this binary, built or not.
func TestEmbeddedSite(t *testing.T) {
	s, err := newSite(web.Files(), "")
	if err != nil {
		t.Fatal(err)
	}
	if got, body := ask(t, s, "/", nil); got.StatusCode != 200 || !strings.Contains(body, "<title>Chatire</title>") {
		t.Errorf("answer %d %s", got.StatusCode, body)
	}
}
