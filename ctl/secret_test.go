package ctl_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatire/chatire/ctl/faults"
	"github.com/chatire/chatire/pkg/client"
)

// operator runs chatirectl against an installation and keeps all that it ever said.
type operator struct {
	t    *testing.T
	home string
	env  []string
	said bytes.Buffer // but what was asked to be shown
}

// run runs a command whose output is kept with what was said.
func (o *operator) run(stdin string, args ...string) string {
	o.t.Helper()
	out, errOut := o.quietly(stdin, args...)
	o.said.WriteString(out + errOut)
	return out
}

// quietly runs a command that shows a secret because it was asked to.
func (o *operator) quietly(stdin string, args ...string) (out, errOut string) {
	o.t.Helper()
	folder, err := programs()
	if err != nil {
		o.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(o.t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(folder, "chatirectl"), args...)
	cmd.Dir = o.home
	cmd.Env = append([]string{"HOME=" + o.home}, o.env...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		o.t.Fatalf("%v: %v: %s", args, err, stderr.String())
	}
	return stdout.String(), stderr.String()
}

// processList reads again and again with which arguments programs run, as everybody on a
// machine can.
type processList struct {
	mu   sync.Mutex
	seen map[string]bool
	stop chan struct{}
	done chan struct{}
}

func watchProcesses() *processList {
	w := &processList{seen: map[string]bool{}, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for {
			select {
			case <-w.stop:
				return
			case <-time.After(time.Millisecond):
			}
			files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, file := range files {
				if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte("chatire")) {
					w.mu.Lock()
					w.seen[string(line)] = true
					w.mu.Unlock()
				}
			}
		}
	}()
	return w
}

// end returns all that was seen.
func (w *processList) end() string {
	close(w.stop)
	<-w.done
	var all []string
	for line := range w.seen {
		all = append(all, strings.ReplaceAll(line, "\x00", " "))
	}
	return strings.Join(all, "\n")
}

// TestNoSecretIsSeen has an operator do all that has to do with secrets, and looks for
// these in the logs of all processes, in what they measure, in the list of processes, in
// the audit, in traces and in all that was printed without being asked for.
func TestNoSecretIsSeen(t *testing.T) {
	in := install(t.Context(), t, faults.Plan{APIs: 1, Workers: 1, Settings: []string{"CHATIRE_LOG_LEVEL=debug"}})
	server := "http://" + in.APIs[0].Listen
	o := &operator{t: t, home: t.TempDir(), env: []string{"CHATIRE_DATABASE_URL=" + in.Database}}
	processes := watchProcesses()

	const rootPassword, adaPassword, newPassword, botPassword = "horse-of-root-9", "horse-of-ada-9", "other-of-ada-9", "horse-of-bot-9"
	const robot = "5ec4e75ec4e75ec4e75ec4e75ec4e75ec4e75ec4"
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(o.home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bot.txt", botPassword+"\n")
	write("token.txt", robot+"\n")
	write("team.yaml", `{apiVersion: chatire/v1, kind: User, metadata: {name: bot}, spec: {password: {file: bot.txt}}}
---
{apiVersion: chatire/v1, kind: Token, metadata: {name: robot}, spec: {user: bot, secret: {file: token.txt}}}
`)
	write("users.csv", "username,password\nheidi,horse-of-heidi-9\n")

	o.run(rootPassword+"\n", "admin", "bootstrap", "root", "--password-stdin")
	o.run(rootPassword+"\n", "context", "add", "here", "--server", server, "--username", "root", "--password-stdin")
	o.run(adaPassword+"\n", "user", "create", "ada", "--password-stdin")
	shown, _ := o.quietly("", "token", "create", "ada", "-o", "json")
	var token struct{ Token string }
	if err := json.Unmarshal([]byte(shown), &token); err != nil {
		t.Fatal(err)
	}
	o.run("", "user", "import", "--file", "users.csv")
	o.run("", "apply", "--file", "team.yaml")
	o.run("", "diff", "--file", "team.yaml")
	uri := o.talk(server, token.Token)
	o.run("", "trace", uri, "2")
	o.run("", "top", "--count", "1")
	o.run(newPassword+"\n", "user", "password", "ada", "--password-stdin")
	generated, _ := o.quietly("", "user", "password", "ada", "--generate", "-o", "json")
	var account struct{ Password string }
	if err := json.Unmarshal([]byte(generated), &account); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"user", "session", "audit", "context"} {
		for _, format := range []string{"table", "wide", "json", "yaml", "csv"} {
			o.run("", list, "list", "-o", format)
		}
	}
	contexts, err := os.ReadFile(filepath.Join(o.home, ".config", "chatirectl", "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, kept, _ := strings.Cut(string(contexts), "token: ")

	places := map[string]string{"the list of processes": processes.end(), "what was printed": o.said.String()}
	for _, p := range in.All() {
		log, err := os.ReadFile(p.Log())
		if err != nil {
			t.Fatal(err)
		}
		places["the log of "+p.Name] = string(log)
		places["the metrics of "+p.Name] = get(t, "http://"+p.Ops+"/metrics")
		places["the hub of "+p.Name] = get(t, "http://"+p.Ops+"/debug/hub")
	}
	secrets := map[string]string{
		"root's password": rootPassword, "ada's password": adaPassword, "ada's other password": newPassword,
		"bot's password": botPassword, "heidi's password": "horse-of-heidi-9", "a password that was made": account.Password,
		"ada's token": token.Token, "the token of the context": strings.TrimSpace(strings.SplitN(kept, "\n", 2)[0]), "the robot's token": robot,
		"the secret of the servers": strings.Repeat("fault", 8), "a digest": "$argon2id$", "the password of the database": ":chatire@",
	}
	for where, text := range places {
		if len(text) < 20 && !strings.Contains(where, "hub") {
			t.Errorf("%s is empty: nothing was looked at", where)
		}
		for what, secret := range secrets {
			if len(secret) < 8 {
				t.Fatalf("%s is not known", what)
			}
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s has %s: ...%s", where, what, text[max(0, at-80):at])
			}
		}
	}
	if !strings.Contains(places["the list of processes"], "context add here") {
		t.Error("the commands were not seen in the list of processes")
	}
}

// talk opens a session and says something in it.
func (o *operator) talk(server, token string) (uri string) {
	o.t.Helper()
	c, err := client.New(server, client.WithToken(token))
	if err != nil {
		o.t.Fatal(err)
	}
	defer c.Close()
	if uri, err = c.CreateSession(o.t.Context(), ""); err != nil {
		o.t.Fatal(err)
	}
	if _, err := c.Post(o.t.Context(), uri, "hello", ""); err != nil {
		o.t.Fatal(err)
	}
	return uri
}

func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
