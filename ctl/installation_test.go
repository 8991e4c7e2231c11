package ctl_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/bus/bustest"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// patience bounds every wait of these tests.
const patience = 60 * time.Second

// programsFolder is where programs builds; "" until it does.
var programsFolder string

func removePrograms() { _ = os.RemoveAll(programsFolder) }

// programs builds the programs once and returns the folder they are in.
var programs = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "chatire-programs-")
	if err != nil {
		return "", err
	}
	programsFolder = folder
	build := exec.Command("go", "build", "-o", folder+"/",
		"../api/cmd/chatire-api", "../worker/cmd/chatire-worker", "./cmd/chatirectl")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the programs: %w: %s", err, out)
	}
	return folder, nil
})

// process is one of our programs, running.
type process struct {
	t       *testing.T
	program string
	args    []string
	env     []string
	listen  string
	ops     string

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	log  *os.File
}

// newProcess prepares a program with addresses of its own; start runs it.
func newProcess(t *testing.T, program string, env []string, args ...string) *process {
	t.Helper()
	folder, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.CreateTemp(t.TempDir(), program+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{
		t:       t,
		program: filepath.Join(folder, program),
		args:    args,
		listen:  freeAddress(t),
		ops:     freeAddress(t),
		log:     log,
	}
	p.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(),
		"CHATIRE_LISTEN=" + p.listen, "CHATIRE_OPS_LISTEN=" + p.ops, "CHATIRE_LOG_LEVEL=warn",
	}, env...)
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s said:\n%s", program, tail(string(text), 4000))
		}
		log.Close()
	})
	return p
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// freeAddress returns an address that nobody listens on. Its port is below those that
// the system gives to outgoing connections: one of them could take it until the
// process listens, or while it is away.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		if ln, err := net.Listen("tcp", address); err == nil {
			ln.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// start runs the process and waits until it is ready.
func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.program, p.args...)
	p.cmd.Env, p.cmd.Stderr, p.cmd.Stdout = p.env, p.log, p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.done = make(chan struct{})
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get("http://" + p.ops + "/readyz")
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
	}
	p.t.Fatalf("%s did not become ready", p.program)
}

// kill ends the process as a power cut does.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.done
	p.cmd = nil
}

// installation is Chatire as people meet it.
type installation struct {
	apis      []*process
	workers   []*process
	database  chat.Secret
	broker    *bustest.Proxy // nil without one
	everybody []*process
}

// startCluster runs two APIs and two workers on PostgreSQL and RabbitMQ.
func startCluster(t *testing.T) *installation {
	t.Helper()
	in := &installation{database: storetest.Postgres(t), broker: bustest.NewProxy(t, bustest.AMQP(t))}
	env := []string{
		"CHATIRE_DATABASE_URL=" + string(in.database),
		"CHATIRE_BUS_URL=" + in.broker.URL(),
		"CHATIRE_SECRET=" + strings.Repeat("s", 32),
		"CHATIRE_RATE_LIMIT=off",
	}
	for range 2 {
		in.apis = append(in.apis, newProcess(t, "chatire-api", env))
		in.workers = append(in.workers, newProcess(t, "chatire-worker", env))
	}
	in.everybody = append(in.apis, in.workers...)
	for _, p := range in.everybody {
		p.start()
	}
	return in
}

// startOne runs all of it as one process.
func startOne(t *testing.T) *installation {
	t.Helper()
	data := t.TempDir()
	p := newProcess(t, "chatirectl", []string{"CHATIRE_RATE_LIMIT=off"}, "dev", "--data", data)
	p.start()
	return &installation{
		apis:      []*process{p},
		workers:   []*process{p},
		everybody: []*process{p},
		database:  chat.Secret("sqlite://" + filepath.Join(data, "chatire.db")),
	}
}

// sockets returns the websocket addresses of the workers.
func (in *installation) sockets() []string {
	var addresses []string
	for _, p := range in.workers {
		addresses = append(addresses, "ws://"+p.listen+"/ws/")
	}
	return addresses
}

// settled returns what the workers say of the first subscription that is not live.
func (in *installation) settled() error {
	for _, p := range in.workers {
		var hub struct {
			Connections []struct {
				Subscriptions []struct {
					URI            string
					Position, Head int64
					Live           bool
				}
			}
		}
		answer, err := http.Get("http://" + p.ops + "/debug/hub")
		if err != nil {
			return err
		}
		err = json.NewDecoder(answer.Body).Decode(&hub)
		answer.Body.Close()
		if err != nil {
			return err
		}
		for _, c := range hub.Connections {
			for _, s := range c.Subscriptions {
				if !s.Live || s.Position != s.Head {
					return fmt.Errorf("a subscription is at %d of %d", s.Position, s.Head)
				}
			}
		}
	}
	return nil
}

// openStore opens the installation's database beside it.
func (in *installation) openStore(t *testing.T) *store.Store {
	t.Helper()
	return storetest.Open(t, in.database)
}

// badNetwork is a client's way to the APIs: it picks any of them for each request,
// and now and then loses the request, or the answer after it was acted upon.
type badNetwork struct {
	apis []*process
	next http.RoundTripper
	roll func() float64
}

var errLost = errors.New("lost by the network of the test")

// RoundTrip implements http.RoundTripper.
func (n *badNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	luck := n.roll()
	if luck < 0.02 {
		return nil, errLost
	}
	r = r.Clone(r.Context())
	r.URL.Host = n.apis[int(n.roll()*float64(len(n.apis)))].listen
	answer, err := n.next.RoundTrip(r)
	if err == nil && luck > 0.97 {
		answer.Body.Close()
		return nil, errLost
	}
	return answer, err
}

// withTimeout bounds a step.
func withTimeout(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
