package ctl_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chatire/chatire/ctl/bulk"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// importedRows is enough that an import is killed while it goes on.
const importedRows = 20_000

// TestImportGoesOnAfterAKill kills an import again and again. In the end each account is
// there once, and the report says so of each line.
func TestImportGoesOnAfterAKill(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database chat.Secret) {
		folder := t.TempDir()
		file := filepath.Join(folder, "users.csv")
		writeUsers(t, file)
		killed := 0
		for range 3 {
			if killedWhileImporting(t, database, file) {
				killed++
			}
		}
		if killed == 0 {
			t.Fatal("the import was over before it was killed")
		}
		before := reported(t, file)
		out, errOut, exit := chatirectl(t, database, "user", "import", "--local", "--file", file, "-o", "json")
		if exit != 0 || !strings.Contains(errOut, "were imported before: going on behind them") {
			t.Fatalf("exit %d: %s", exit, errOut)
		}
		var s struct{ Created, Unchanged, Conflict, Invalid int }
		if err := json.Unmarshal([]byte(out), &s); err != nil {
			t.Fatal(err)
		}
		if s.Created+s.Unchanged != importedRows || s.Conflict+s.Invalid != 0 || s.Unchanged < len(before) || s.Created == 0 {
			t.Errorf("%+v, with %d lines reported before", s, len(before))
		}
		t.Logf("killed %d times; the last run found %d there and made %d", killed, s.Unchanged, s.Created)

		lines := reported(t, file)
		for line := 2; line < importedRows+2; line++ {
			if lines[line] != 1 {
				t.Fatalf("line %d is reported %d times", line, lines[line])
			}
		}
		names, _, _ := chatirectl(t, database, "user", "list", "--local", "-o", "name")
		if got := strings.Count(names, "\n"); got != importedRows {
			t.Errorf("there are %d accounts, want %d", got, importedRows)
		}
		if _, errOut, exit := chatirectl(t, database, "audit", "verify", "--local"); exit != 0 {
			t.Errorf("the audit does not hold: %s", errOut)
		}
	})
}

func writeUsers(t *testing.T, file string) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("username,email,passwordDigest\n")
	for i := range importedRows {
		fmt.Fprintf(&b, "user%d,user%d@example.com,pbkdf2_sha256$1000$salt$7vzlHZPWEDQIwHVFVBTO8L3ZuQ26TzoODmjHfuVy6G0=\n", i, i)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// command is chatirectl as a process of its own.
func command(ctx context.Context, t *testing.T, database chat.Secret, args ...string) *exec.Cmd {
	t.Helper()
	folder, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(folder, "chatirectl"), args...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "CHATIRE_DATABASE_URL=" + string(database)}
	return cmd
}

// chatirectl runs it to its end.
func chatirectl(t *testing.T, database chat.Secret, args ...string) (out, errOut string, exit int) {
	t.Helper()
	cmd := command(t.Context(), t, database, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// killedWhileImporting starts an import and kills it once it has reported some more
// lines. It says whether it was killed before its end.
func killedWhileImporting(t *testing.T, database chat.Secret, file string) bool {
	t.Helper()
	before := len(reported(t, file))
	cmd := command(t.Context(), t, database, "user", "import", "--local", "--file", file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case <-done:
			return cmd.ProcessState.ExitCode() == -1
		case <-time.After(time.Millisecond):
		}
		if len(reported(t, file)) > before+600 {
			_ = cmd.Process.Signal(syscall.SIGKILL) // or it has just ended
			<-done
			return cmd.ProcessState.ExitCode() == -1
		}
	}
}

// reported returns how often the report says that a line was imported.
func reported(t *testing.T, file string) map[int]int {
	t.Helper()
	text, err := os.ReadFile(file + ".report.jsonl")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	lines := map[int]int{}
	for line := range strings.Lines(string(text)) {
		var o bulk.Outcome
		if !strings.HasSuffix(line, "\n") || json.Unmarshal([]byte(line), &o) != nil || o.Line == 0 {
			continue // the header, or what was cut off
		}
		if o.Outcome == chat.ImportCreated || o.Outcome == chat.ImportUnchanged {
			lines[o.Line]++
		}
	}
	return lines
}
