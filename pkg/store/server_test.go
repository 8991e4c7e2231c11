package store_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
)

// server is a PostgreSQL of one test, which may do with it what it likes.
type server struct {
	t      *testing.T
	folder string
	url    chat.Secret
}

// control is the script that runs it.
const control = "../../.ci/postgres"

func startServer(t *testing.T) *server {
	t.Helper()
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := probe.Addr().(*net.TCPAddr).Port
	probe.Close()
	// The server's own account must be able to walk to it.
	folder := filepath.Join("/tmp", fmt.Sprintf("chatire-store-%d", port))
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, folder: folder}
	t.Cleanup(func() {
		s.do("end")
		os.RemoveAll(folder)
	})
	s.do("create")
	s.do("start")
	s.url = chat.Secret(strings.TrimSpace(s.do("url")))
	return s
}

// do runs one verb of the script.
func (s *server) do(verb string) string {
	s.t.Helper()
	out, err := exec.Command(control, s.folder, verb).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s the server: %v\n%s", verb, err, out)
	}
	return string(out)
}
