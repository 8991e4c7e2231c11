package ctl_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatire/chatire/ctl/faults"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// TestMoveToACluster does what docs/operations/moving.md says, as people notice it: one
// process is stopped, copied, and goes on as an API and a worker.
func TestMoveToACluster(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const password = "correct-horse-9"
	tokens := map[string]string{}
	one := install(ctx, t, faults.Plan{One: true})
	must(one.Ctl(ctx, "admin", "bootstrap", "root", "--generate"))
	door := entrance(t, one)
	for _, name := range []string{"ada", "bob"} {
		_, err := door.SignUp(ctx, name, password, "")
		must(err)
		tokens[name], err = door.SignIn(ctx, name, password, "")
		must(err)
	}
	ada, bob := door.As(tokens["ada"]), door.As(tokens["bob"])
	room, err := ada.CreateSession(ctx, "")
	must(err)
	must(bob.Join(ctx, room))
	sent, err := ada.Post(ctx, room, "said to one process", "sent-once")
	must(err)
	phone := watch(ctx, t, bob, client.Position{URI: room})
	at := phone.hangUpAfter(sent.Seq)
	if at.After != sent.Seq || at.Epoch == "" {
		t.Fatalf("bob's phone is at %+v", at)
	}
	missed, err := ada.Post(ctx, room, "said while bob was away", "")
	must(err)
	one.APIs[0].Stop()

	cluster := install(ctx, t, faults.Plan{APIs: 1, Workers: 1, From: one.Database})
	door = entrance(t, cluster)
	ada, bob = door.As(tokens["ada"]), door.As(tokens["bob"])
	again, err := ada.Post(ctx, room, "said to one process", "sent-once")
	must(err)
	if again.Seq != sent.Seq {
		t.Errorf("a retry is message %d, want %d", again.Seq, sent.Seq)
	}
	if _, err := door.SignIn(ctx, "ada", password, ""); err != nil {
		t.Errorf("the old password: %v", err)
	}
	phone = watch(ctx, t, bob, at)
	next, err := ada.Post(ctx, room, "said to the cluster", "")
	must(err)
	if next.Seq != missed.Seq+1 {
		t.Errorf("the next message is %d, want %d", next.Seq, missed.Seq+1)
	}
	phone.hangUpAfter(next.Seq)
	want := []string{"said while bob was away", "said to the cluster"}
	if fmt.Sprint(phone.texts) != fmt.Sprint(want) || phone.resets != 0 {
		t.Errorf("bob's phone was told %q and to begin anew %d times", phone.texts, phone.resets)
	}

	must(cluster.Ctl(ctx, "audit", "verify", "--local"))
	must(cluster.Ctl(ctx, "verify", "http://"+cluster.APIs[0].Listen, "--websocket", "ws://"+cluster.Workers[0].Listen+"/ws/", "--duration", "5s"))
}

// entrance is a client of nobody.
func entrance(t *testing.T, in *faults.Installation) *client.Client {
	t.Helper()
	c, err := client.New("http://"+in.APIs[0].Listen, client.WithWebsockets(in.Sockets()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// phone is a device that watches one session.
type phone struct {
	t      *testing.T
	device *client.Device
	uri    string
	seen   chan int64
	stop   func()
	texts  []string // of what it was told; read them when it has stopped
	resets int
}

// watch subscribes from a position on.
func watch(ctx context.Context, t *testing.T, c *client.Client, at client.Position) *phone {
	p := &phone{t: t, uri: at.URI, seen: make(chan int64, 100)}
	p.device = c.Device(client.DeviceOptions{Hooks: client.Hooks{
		OnEvent: func(e client.Event) {
			p.texts = append(p.texts, e.Message)
			p.seen <- e.Seq
		},
		OnReset: func(client.Position) { p.resets++ },
	}})
	p.device.Subscribe(at)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := p.device.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	p.stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(p.stop)
	return p
}

// hangUpAfter waits for an event, ends the device, and returns where it is.
func (p *phone) hangUpAfter(seq int64) client.Position {
	p.t.Helper()
	for patience := time.After(30 * time.Second); ; {
		select {
		case got := <-p.seen:
			if got < seq {
				continue
			}
		case <-patience:
			p.t.Fatalf("event %d did not come", seq)
		}
		at, _ := p.device.Position(p.uri)
		p.stop()
		return at
	}
}

// TestCopyAfterAKill kills the command at other and other moments. The target is as empty
// as it was, and in the end everything is there once.
func TestCopyAfterAKill(t *testing.T) {
	folder := t.TempDir()
	source := chat.Secret("sqlite://" + filepath.Join(folder, "chatire.db"))
	file := filepath.Join(folder, "users.csv")
	writeUsers(t, file)
	for _, args := range [][]string{{"migrate", "up"}, {"user", "import", "--local", "--file", file}} {
		if _, errOut, exit := chatirectl(t, source, args...); exit != 0 {
			t.Fatal(errOut)
		}
	}
	target := storetest.EmptyPostgres(t)
	killed := 0
	for moment := 50 * time.Millisecond; moment < 650*time.Millisecond; moment += 100 * time.Millisecond {
		cmd := command(t.Context(), t, target, "migrate", "copy", "--from", string(source))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(moment)
		_ = cmd.Process.Kill() // or it has just ended
		if err := cmd.Wait(); err == nil {
			break
		}
		killed++
		if left := relations(t, target); left != 0 {
			t.Fatalf("killed after %v it left %d tables and indexes", moment, left)
		}
	}
	if killed < 2 {
		t.Fatalf("it was killed %d times only", killed)
	}
	if relations(t, target) == 0 {
		if _, errOut, exit := chatirectl(t, target, "migrate", "copy", "--from", string(source)); exit != 0 {
			t.Fatal(errOut)
		}
	}
	if out, errOut, exit := chatirectl(t, target, "audit", "verify", "--local"); exit != 0 {
		t.Errorf("%s%s", out, errOut)
	}
	if out, errOut, exit := chatirectl(t, target, "user", "get", "--local", fmt.Sprint("user", importedRows-1)); exit != 0 {
		t.Errorf("%s%s", out, errOut)
	}
}

// relations counts what there is in a database.
func relations(t *testing.T, database chat.Secret) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), string(database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
