package ctl_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/chatire/chatire/ctl"
	"github.com/chatire/chatire/ctl/faults"
	"github.com/chatire/chatire/migrations"
	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/bus/bustest"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// statusFile names the variable with the file in which chatirectl, as scripts run
// it, leaves its exit status.
const statusFile = "STATUS_FILE"

func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){
		"chatirectl": func() {
			status := ctl.Main()
			if err := os.WriteFile(os.Getenv(statusFile), []byte(strconv.Itoa(status)), 0o600); err != nil {
				panic(err)
			}
			os.Exit(status)
		},
	})
}

// tidy runs the tests and leaves no programs behind.
type tidy struct{ *testing.M }

// Run implements testscript.TestingM.
func (t tidy) Run() int {
	defer removePrograms()
	return t.M.Run()
}

// TestStories runs each script in testdata on each database. It begins without a
// schema.
func TestStories(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	databases := map[string]func(t *testing.T) chat.Secret{
		"sqlite": func(t *testing.T) chat.Secret {
			return chat.Secret("sqlite://" + filepath.Join(t.TempDir(), "chatire.db"))
		},
		"postgres": func(t *testing.T) chat.Secret { return storetest.EmptyPostgres(t) },
	}
	for _, story := range stories {
		for name, database := range databases {
			t.Run(filepath.Base(story)+"/"+name, func(t *testing.T) { tell(t, story, database(t)) })
		}
	}
}

// tell runs one script with the variables that it may use.
func tell(t *testing.T, story string, database chat.Secret) {
	public, err := faults.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	ops, err := faults.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	worker := &listener{controls: make(chan chat.Control, 16)}
	testscript.Run(t, testscript.Params{
		Files:               []string{story},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{
				statusFile:             filepath.Join(env.WorkDir, ".status"),
				"GORACE":               "atexit_sleep_ms=0", // or each command would sleep for a second at its end
				"CHATIRE_DATABASE_URL": string(database),
				"AMQP":                 bustest.AMQP(t),
				"PUBLIC":               public,
				"OPS":                  ops,
				"CHATIRECTL_SERVER":    "http://" + public,
				"XDG_CONFIG_HOME":      filepath.Join(env.WorkDir, "settings"),
			} {
				env.Setenv(name, value)
			}
			long := strings.Repeat("x", chat.MaxMessage+1) + "\nshort\n"
			return os.WriteFile(filepath.Join(env.WorkDir, "long"), []byte(long), 0o600)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status":    status,
			"reachable": reachable,
			"value":     value,
			"opened":    opened,
			"postgres": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv(args[0], string(storetest.EmptyPostgres(t)))
			},
			"newer":     newer,
			"watched":   watched,
			"listening": worker.listening,
			"told":      worker.told,
		},
	})
}

// status N fails unless the last chatirectl ended with N.
func status(ts *testscript.TestScript, _ bool, args []string) {
	if got := strings.TrimSpace(ts.ReadFile(ts.Getenv(statusFile))); got != args[0] {
		ts.Fatalf("the exit status is %s, want %s", got, args[0])
	}
}

// reachable URL waits until it answers with 200.
func reachable(ts *testscript.TestScript, _ bool, args []string) {
	await(ts, args[0], func(string) bool { return true })
}

// watched URL waits until these metrics tell of a websocket that watches a session.
func watched(ts *testscript.TestScript, _ bool, args []string) {
	await(ts, args[0], func(body string) bool { return strings.Contains(body, "\nchatire_ws_subscriptions 1\n") })
}

// await asks until the answer is good.
func await(ts *testscript.TestScript, url string, good func(body string) bool) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(url)
		if err != nil {
			continue
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err == nil && answer.StatusCode == http.StatusOK && good(string(body)) {
			return
		}
	}
	ts.Fatalf("%s never answered as it should", url)
}

// opened NAME TOKEN opens a session for the token's user and sets a variable to its
// uri.
func opened(ts *testscript.TestScript, _ bool, args []string) {
	c, err := client.New(ts.Getenv("CHATIRECTL_SERVER"), client.WithToken(args[1]))
	ts.Check(err)
	defer c.Close()
	uri, err := c.CreateSession(context.Background(), "")
	ts.Check(err)
	ts.Setenv(args[0], uri)
}

// value NAME FIELD sets a variable to the first string or number under a key in the
// JSON that the last command printed.
func value(ts *testscript.TestScript, _ bool, args []string) {
	_, rest, found := strings.Cut(ts.ReadFile("stdout"), fmt.Sprintf("%q: ", args[1]))
	if !found {
		ts.Fatalf("there is no %q", args[1])
	}
	end := strings.IndexAny(rest, ",\n")
	ts.Setenv(args[0], strings.Trim(rest[:end], `"`))
}

// newer makes the schema one that a later build has made.
func newer(ts *testscript.TestScript, _ bool, _ []string) {
	driver, address := "pgx", ts.Getenv("CHATIRE_DATABASE_URL")
	if path, local := strings.CutPrefix(address, "sqlite://"); local {
		driver, address = "sqlite", "file:"+path
	}
	db, err := sql.Open(driver, address)
	ts.Check(err)
	defer db.Close()
	later := migrations.Latest() + 1
	_, err = db.Exec(fmt.Sprintf("INSERT INTO schema_version (version, oldest) VALUES (%d, %d)", later, later))
	ts.Check(err)
}

// listener is a worker that only hears what workers are told.
type listener struct{ controls chan chat.Control }

// listening begins to listen on the bus of the script's environment.
func (l *listener) listening(ts *testscript.TestScript, _ bool, _ []string) {
	b, err := bus.Open(bus.Options{
		URL:        chat.Secret(ts.Getenv("CHATIRE_BUS_URL")),
		Secret:     chat.Secret(ts.Getenv("CHATIRE_SECRET")),
		Log:        slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(),
	})
	ts.Check(err)
	up := make(chan struct{}, 16)
	b.OnSubscriber(func(connected bool) {
		if connected {
			up <- struct{}{}
		}
	})
	packs, err := b.Subscriber().Subscribe(context.Background(), bus.Topic)
	ts.Check(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m := range packs {
			if pack, err := b.Decode(m); err == nil {
				for _, c := range pack.Controls {
					l.controls <- c
				}
			}
			m.Ack()
		}
	}()
	ts.Defer(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		b.Close(ctx)
		<-done
	})
	select {
	case <-up:
	case <-time.After(20 * time.Second):
		ts.Fatalf("the bus cannot be listened to")
	}
}

// told TOKEN-ID... waits until workers hear that just these tokens ended; none
// stand for all of the user's.
func (l *listener) told(ts *testscript.TestScript, _ bool, ids []string) {
	select {
	case c := <-l.controls:
		if c.Kind != chat.ControlTokens || fmt.Sprint(c.TokenIDs) != fmt.Sprint(ids) {
			ts.Fatalf("workers were told %+v, not the end of %v", c, ids)
		}
	case <-time.After(20 * time.Second):
		ts.Fatalf("workers were told nothing")
	}
}
