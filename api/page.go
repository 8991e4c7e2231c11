package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"mime"
	"path"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// pages are the addresses of the web app. All of them answer with the same page; the
// app itself shows what belongs there.
var pages = []string{
	"/", "/c/:uri/", "/c/:uri/details/", "/j/:uri/", "/i/:code/", "/settings/", "/signin/", "/signup/", "/forgot/", "/reset/:uid/:code/",
}

// assets is the folder of files that have a sum of their content in their names and
// so never change.
const assets = "assets/"

// sitePlace is where the page learns what the operator has set.
const sitePlace = `<meta name="chatire-site" content="{}"`

// notBuilt is shown instead of the app by a program that was built without it.
const notBuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Chatire</title>
<h1>Chatire is running, without its web app</h1>
<p>This program was built without it. With Node 20 or newer installed, build both and start again:</p>
<pre>make web build</pre>
<p>The API works: see <a href="/api/schema/">its description</a>.</p>
</html>
`

// file is a part of the web app, ready to be sent.
type file struct {
	name   string
	body   []byte
	etag   string
	zipped func() []byte // nil if it does not become smaller
}

// site is the web app: its files by name, and the page that loads them.
type site struct {
	files map[string]*file
	page  *file
}

// newSite reads the app. A termsURL is where the terms are that people accept.
func newSite(app fs.FS, termsURL string) (*site, error) {
	s := &site{files: map[string]*file{}}
	err := fs.WalkDir(app, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		body, err := fs.ReadFile(app, name)
		if err != nil {
			return err
		}
		s.files[name] = newFile(name, body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the web app: %w", err)
	}
	s.page = newFile("index.html", []byte(notBuilt))
	if built := s.files["index.html"]; built != nil {
		told, err := json.Marshal(fiber.Map{"terms_url": termsURL})
		if err != nil {
			return nil, err
		}
		meta := strings.Replace(sitePlace, "{}", html.EscapeString(string(told)), 1)
		s.page = newFile("index.html", bytes.Replace(built.body, []byte(sitePlace), []byte(meta), 1))
		delete(s.files, "index.html")
	}
	return s, nil
}

func newFile(name string, body []byte) *file {
	sum := sha256.Sum256(body)
	f := &file{name: name, body: body, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	switch path.Ext(name) {
	case ".woff2", ".png":
	default:
		f.zipped = sync.OnceValue(func() []byte { return zip(body) })
	}
	return f
}

func zip(body []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a valid one
	}
	w.Write(body) // a buffer takes all
	w.Close()
	return out.Bytes()
}

// routes are the pages, and the files by their names.
func (s *site) routes() []httpd.Route {
	routes := []httpd.Route{{Path: "/" + assets + ":file", Open: true, Get: s.asset}}
	for _, page := range pages {
		routes = append(routes, httpd.Route{Path: page, Open: true, Get: s.page.send})
	}
	for name, f := range s.files {
		if !strings.HasPrefix(name, assets) {
			routes = append(routes, httpd.Route{Path: "/" + name, Open: true, Get: f.send})
		}
	}
	return routes
}

// elsewhere shows the app where there is nothing: it says so to people. Programs are
// told as by the rest of the API.
func (s *site) elsewhere(c *fiber.Ctx) error {
	reads := c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead
	if !reads || ours(c.Path()) || !strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML) {
		return chat.ErrNotFound
	}
	c.Status(fiber.StatusNotFound)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return s.page.write(c)
}

// ours says whether a path is one that programs ask for.
func ours(path string) bool {
	for _, folder := range []string{"/api", "/auth", "/ws", "/assets"} {
		if path == folder || strings.HasPrefix(path, folder+"/") {
			return true
		}
	}
	return false
}

func (s *site) asset(c *fiber.Ctx) error {
	f := s.files[assets+c.Params("file")]
	if f == nil {
		return chat.ErrNotFound
	}
	return f.send(c)
}

// send answers with the file. What has its sum in its name is kept by browsers for
// good; whether they have the newest of the others they ask each time.
func (f *file) send(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-cache")
	if strings.HasPrefix(f.name, assets) {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	c.Set(fiber.HeaderETag, f.etag)
	if f.zipped != nil {
		c.Vary(fiber.HeaderAcceptEncoding)
	}
	if strings.Contains(c.Get(fiber.HeaderIfNoneMatch), f.etag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	return f.write(c)
}

func (f *file) write(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, typeOf(f.name))
	body := f.body
	if f.zipped != nil && c.Get(fiber.HeaderAcceptEncoding) != "" && c.AcceptsEncodings("gzip") == "gzip" {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		body = f.zipped()
	}
	return c.Send(body)
}

// typeOf returns the media type of a file. The system's list may lack some, so ours
// come first.
func typeOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	}
	if known := mime.TypeByExtension(path.Ext(name)); known != "" {
		return known
	}
	return "application/octet-stream"
}
