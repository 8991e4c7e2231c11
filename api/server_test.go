package api_test

import (
	"bytes"
	"database/sql"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/api"
	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/boot/boottest"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// server is the real program with a real database, as an operator starts it.
type server struct {
	url string // of the public server
	ops string // of the operators' server
	kit *boot.Kit
	log *lines
	db  *sql.DB // beside the program

	paths func() []string                                 // of all routes
	check func(t *testing.T, r *http.Request, got answer) // looks at every answer; may be nil
}

// settings are variables of the environment that differ from those of all tests.
type settings map[string]string

// serve starts the program on a database and stops it when the test ends.
func serve(t *testing.T, database chat.Secret, differ settings) *server {
	t.Helper()
	o := boottest.Options{Database: database, Settings: []string{"CHATIRE_RATE_LIMIT=off"}}
	for name, value := range differ {
		o.Settings = append(o.Settings, name+"="+value)
	}
	s := &server{log: &lines{}, db: openDatabase(t, database)}
	o.Log = slog.New(slog.NewJSONHandler(s.log, nil))
	o.Programs = []boot.New{func(k *boot.Kit) (boot.Program, error) {
		s.kit = k
		program, err := api.New(k)
		return &watched{program, s}, err
	}}
	p := boottest.Start(t, o)
	t.Cleanup(client.CloseIdleConnections) // first, or it waits for them
	s.url, s.ops = p.URL, p.Ops
	return s
}

// watched notes which routes a program mounts.
type watched struct {
	boot.Program
	s *server
}

func (w *watched) Mount(app *fiber.App) {
	w.Program.Mount(app)
	w.s.paths = func() (paths []string) {
		for _, route := range app.GetRoutes(true) {
			if route.Method == fiber.MethodGet && (strings.HasPrefix(route.Path, "/api/") || strings.HasPrefix(route.Path, "/auth/")) {
				paths = append(paths, route.Path)
			}
		}
		return paths
	}
}

// eachDatabase runs a test with a server on each database.
func eachDatabase(t *testing.T, differ settings, test func(t *testing.T, s *server)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, url chat.Secret) {
		test(t, serve(t, url, differ))
	})
}

// lines is a log that a test can read while it is written.
type lines struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
