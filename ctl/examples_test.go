package ctl_test

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/chatire/chatire/ctl/faults"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// examplePattern is an example in the help of a command.
var examplePattern = regexp.MustCompile(`(?m)^  ((?:echo .* \| )?chatirectl .*)$`)

// endless are examples that go on until somebody ends them.
var endless = regexp.MustCompile(`chatirectl (dev|top$|chat .*--follow)`)

// fails are examples that do what they are to do and do not end with 0: what doctor finds
// is no more than what is so here.
var fails = regexp.MustCompile(`chatirectl (diff|doctor)`)

// TestExamples runs each example in the help of each command, as it stands but for
// addresses, against a server that runs and has what the examples speak of.
func TestExamples(t *testing.T) {
	examples := allExamples(t)
	if len(examples) < 60 {
		t.Fatalf("there are only %d examples", len(examples))
	}
	public, ops := freeAddress(t), freeAddress(t)
	spare, spareOps := freeAddress(t), freeAddress(t)
	var script strings.Builder
	script.WriteString(`exec chatirectl migrate up
exec chatirectl admin bootstrap root --password-file password.txt
exec chatirectl dev --listen $PUBLIC --ops-listen $OPS &server&
reachable http://$OPS/readyz
exec sh -c 'CHATIRE_DATABASE_URL=sqlite://$WORK/small.db chatirectl migrate up'
`)
	for _, example := range examples {
		line := strings.NewReplacer(
			"http://10.0.0.1:8000 http://10.0.0.2:8000", "http://"+public,
			"ws://10.0.0.3:8001/ws/,ws://10.0.0.4:8001/ws/", "ws://"+public+"/ws/",
			"http://10.0.0.1:9000,http://10.0.0.3:9001", "http://"+ops,
			"https://chat.example.com", "http://"+public,
			"http://127.0.0.1:8000", "http://"+public,
			"ws://127.0.0.1:8001/ws/", "ws://"+public+"/ws/",
			"http://127.0.0.1:9001", "http://"+ops,
			"/usr/local/share/man/man1", "man",
			"sqlite:///var/lib/original/db.sqlite3", "sqlite://$WORK/original.sqlite3",
			"chatirectl migrate copy", "CHATIRE_DATABASE_URL=$POSTGRES chatirectl migrate copy",
			"sqlite:///var/lib/chatire/chatire.db", "sqlite://$WORK/small.db",
			"127.0.0.1:8080", spare,
			"--rate 200 --duration 10s", "--rate 20 --duration 1s",
			"--duration 30s", "--duration 5s",
		).Replace(example)
		check := ""
		switch {
		case strings.Contains(example, "chatirectl chat "):
			line = strings.Replace(line, "chatirectl chat ", "chatirectl chat --server http://"+public+" ", 1)
		case strings.Contains(example, "bench") && strings.Contains(example, "--json"):
			line += " --connections 10 --duration 1s"
		case strings.HasPrefix(example, "chatirectl verify") && !strings.Contains(example, "--duration"):
			line += " --duration 5s"
		case strings.HasPrefix(example, "chatirectl dev"):
			if !strings.Contains(example, "--listen") {
				line += " --listen " + spare
			}
			line += " --ops-listen " + spareOps
		case fails.MatchString(example):
			line, check = line+" || true", "\nstatus 1"
		}
		if endless.MatchString(example) {
			line, check = "timeout --foreground -s INT 2 "+line+" || true", "\nstatus 0"
		}
		if !strings.Contains(line, "<") && !strings.Contains(line, "|") {
			script.WriteString("ttyin -stdin password.txt\n")
		}
		if strings.Contains(example, "admin bootstrap") {
			script.WriteString("reset\nheadless\n")
		} else {
			script.WriteString("reset\n")
		}
		fmt.Fprintf(&script, "# %s\nexec sh -c '%s'%s\n! stderr Usage:\n", example, line, check)
	}
	postgres := storetest.EmptyPostgres(t)
	told := filepath.Join(t.TempDir(), "examples.txtar")
	if err := os.WriteFile(told, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files:               []string{told},
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{
				statusFile:             filepath.Join(env.WorkDir, ".status"),
				"GORACE":               "atexit_sleep_ms=0", // or each command would sleep for a second at its end
				"CHATIRE_DATABASE_URL": "sqlite://" + filepath.Join(env.WorkDir, "chatire.db"),
				"POSTGRES":             string(postgres),
				"CHATIRE_SECRET":       "0123456789abcdef0123456789abcdef",
				"CHATIRE_RATE_LIMIT":   "off",
				"CHATIRECTL_TOKEN":     "0123456789abcdef0123456789abcdef01234567",
				"PUBLIC":               public,
				"OPS":                  ops,
				"XDG_CONFIG_HOME":      filepath.Join(env.WorkDir, "settings"),
			} {
				env.Setenv(name, value)
			}
			return exampleFiles(env.WorkDir, "http://"+public)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status":    status,
			"reachable": reachable,
			"reset":     reset,
			"headless":  headless,
		},
	})
}

// allExamples returns the examples of all commands as the program says them.
func allExamples(t *testing.T) (examples []string) {
	t.Helper()
	folder, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	pages := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), filepath.Join(folder, "chatirectl"), "docs", "--markdown", pages).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(pages, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, after, found := strings.Cut(string(text), "### Examples\n")
		if !found {
			continue
		}
		after, _, _ = strings.Cut(after, "\n### ")
		for _, match := range examplePattern.FindAllStringSubmatch(after, -1) {
			if !slices.Contains(examples, match[1]) {
				examples = append(examples, match[1])
			}
		}
	}
	return examples
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := faults.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

const manyUsers = `{"username":"ivan"}` + "\n"

// exampleFiles writes the files that examples speak of.
func exampleFiles(folder, server string) error {
	contexts := `apiVersion: chatire/v1
kind: Contexts
current: prod
contexts:
- {name: prod, server: "` + server + `", token: "0123456789abcdef0123456789abcdef01234567"}
`
	team := `apiVersion: chatire/v1
kind: User
metadata: {name: ada}
spec: {email: ada@example.com}
`
	for name, text := range map[string]string{
		"password.txt": "correct-horse-9\ncorrect-horse-9\n",
		"token.txt":    "0123456789abcdef0123456789abcdef01234567\n",
		"team.yaml":    team,
		"contexts":     contexts,
		"users.csv":    "username,email\nheidi,heidi@example.com\n",
		"users.jsonl":  manyUsers,
		"address.txt":  "sqlite://" + filepath.Join(folder, "original.sqlite3") + "\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	schema, err := os.ReadFile("django/testdata/sqlite.sql")
	if err != nil {
		return err
	}
	return executeSQL(filepath.Join(folder, "original.sqlite3"), string(schema))
}

func executeSQL(path, statements string) error {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statements)
	return err
}

// reset brings back what the examples speak of: the users ada, bob and bot with the
// password of root, a token of root's, two of bot's, and a session with two messages.
func reset(ts *testscript.TestScript, _ bool, _ []string) {
	const people = `('ada', 11), ('bob', 12), ('bot', 13)`
	path := filepath.Join(ts.Getenv("WORK"), "chatire.db")
	ts.Check(executeSQL(path, `
DELETE FROM tokens WHERE user_id IN (SELECT id FROM users WHERE username = 'root') AND EXISTS (SELECT 1 FROM users WHERE username = 'former');
DELETE FROM users WHERE username = 'root' AND EXISTS (SELECT 1 FROM users WHERE username = 'former');
UPDATE users SET username = 'root', username_key = 'root' WHERE username = 'former';
DELETE FROM tokens WHERE id IN (12, 13, 14) OR user_id IN (11, 12, 13);
DELETE FROM members; DELETE FROM events; DELETE FROM sessions; DELETE FROM applied;
UPDATE users SET admin = true, disabled = false WHERE username = 'root';
DELETE FROM users WHERE username NOT IN ('root') AND id NOT IN (SELECT user_id FROM tokens);
INSERT OR REPLACE INTO users (id, username, username_key, email, email_key, password)
  SELECT p.column2, p.column1, p.column1, '', '', u.password FROM (VALUES `+people+`) AS p, users u WHERE u.username = 'root';
INSERT INTO tokens (id, user_id, digest, label, idle_seconds, expires_at)
  SELECT 12, 13, x'01', 'one', 0, '2999-01-01T00:00:00.000Z' UNION ALL
  SELECT 13, 13, x'02', 'two', 0, '2999-01-01T00:00:00.000Z' UNION ALL
  SELECT 14, id, x'`+digestOf("0123456789abcdef0123456789abcdef01234567")+`', 'environment', 0, '2999-01-01T00:00:00.000Z' FROM users WHERE username = 'root';
INSERT INTO sessions (id, uri, owner_id, last_seq, last_ordinal) VALUES (1, '0123456789abcde', 11, 4, 1);
INSERT INTO events (session_id, seq, type, user_id, member_id, role, body, rev, ordinal, created_at) VALUES
  (1, 1, 'joined', 11, 11, 'owner', '', 1, 0, '2026-01-01T00:00:00.000Z'),
  (1, 2, 'joined', 12, 12, 'member', '', 2, 0, '2026-01-01T00:00:01.000Z'),
  (1, 3, 'message', 11, NULL, NULL, 'Hello.', 3, 1, '2026-01-01T00:00:02.000Z'),
  (1, 4, 'joined', 1, 1, 'member', '', 4, 1, '2026-01-01T00:00:03.000Z');
INSERT INTO members (session_id, user_id, role, joined_seq) VALUES (1, 11, 'owner', 1), (1, 12, 'member', 2), (1, 1, 'member', 4);
`))
	// A context that an example forgot is there for the next one.
	text := ts.ReadFile("contexts")
	settings := filepath.Join(ts.Getenv("XDG_CONFIG_HOME"), "chatirectl")
	ts.Check(os.MkdirAll(settings, 0o700))
	ts.Check(os.WriteFile(filepath.Join(settings, "config.yaml"), []byte(text), 0o600))
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("WORK"), "users.jsonl"), []byte(manyUsers), 0o600)) // an example writes one
	for _, made := range []string{"history.jsonl", "exported.csv", "users.csv.report.jsonl"} {
		_ = os.Remove(filepath.Join(ts.Getenv("WORK"), made)) // most examples make none
	}
}

// headless leaves the installation without an administrator, until it is reset.
func headless(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(executeSQL(filepath.Join(ts.Getenv("WORK"), "chatire.db"),
		`UPDATE users SET admin = false, username = 'former', username_key = 'former' WHERE username = 'root'`))
}

// digestOf is what is stored of a token, in hexadecimal digits.
func digestOf(token string) string {
	digest := chat.DigestOf(chat.Secret(token))
	return fmt.Sprintf("%x", digest[:])
}
