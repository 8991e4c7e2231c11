package ctl_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/ctl/faults"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/history"
)

// verdict is what chatirectl verify said and ended with.
type verdict struct {
	out, errOut string
	exit        int
}

func verify(ctx context.Context, t *testing.T, programs string, args ...string) verdict {
	t.Helper()
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "chatirectl"), append([]string{"verify"}, args...)...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &errOut, []string{"HOME=" + t.TempDir()}
	_ = cmd.Run() // its exit status says what there is to say
	return verdict{out.String(), errOut.String(), cmd.ProcessState.ExitCode()}
}

// addressesOf returns the arguments that name all of an installation.
func addressesOf(in *faults.Installation) []string {
	args := []string{"--duration", "6s", "--websocket", strings.Join(in.Sockets(), ",")}
	for _, p := range in.APIs {
		args = append(args, "http://"+p.Listen)
	}
	return args
}

func TestVerify(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	healthy, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a healthy installation holds, and is left clean", func(t *testing.T) {
		in := install(ctx, t, faults.Plan{})
		got := verify(ctx, t, healthy, addressesOf(in)...)
		if got.exit != 0 || !strings.Contains(got.out, "The promise holds.") || strings.Count(got.out, "ws://") != 2 {
			t.Errorf("it is %+v", got)
		}
		nobody, err := client.New("http://" + in.APIs[0].Listen)
		if err != nil {
			t.Fatal(err)
		}
		defer nobody.Close()
		users, err := exec.CommandContext(ctx, "env", "-i", "CHATIRE_DATABASE_URL="+in.Database,
			filepath.Join(healthy, "chatirectl"), "user", "list", "--local", "-o", "name").Output()
		if err != nil || strings.Contains(string(users), "canary") {
			t.Errorf("%v, there are still %s", err, users)
		}
	})
	t.Run("a restart of an API is no fault", func(t *testing.T) {
		in := install(ctx, t, faults.Plan{})
		restarted := make(chan error, 1)
		go func() {
			time.Sleep(4 * time.Second)
			in.APIs[1].Kill()
			restarted <- in.APIs[1].Start(ctx)
		}()
		got := verify(ctx, t, healthy, addressesOf(in)...)
		if err := <-restarted; err != nil || got.exit != 0 {
			t.Errorf("%v, it is %+v", err, got)
		}
	})
	for name, clause := range map[string]string{
		"resume-ignores-after":               "clause 3",
		"membership-checked-at-connect-only": "clause 4",
	} {
		t.Run("finds "+name, func(t *testing.T) {
			in := installMutant(ctx, t, name)
			got := verify(ctx, t, healthy, addressesOf(in)...)
			if got.exit != 1 || !strings.Contains(got.errOut, clause) || !strings.Contains(got.out, "The promise is broken.") {
				t.Errorf("it is %+v", got)
			}
		})
	}
	t.Run("says that it proves nothing", func(t *testing.T) {
		free, err := faults.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		in := install(ctx, t, faults.Plan{One: true, Settings: []string{"CHATIRE_REGISTRATION=closed"}})
		for what, args := range map[string][]string{
			"where nobody listens":         {"http://" + free},
			"where nobody may sign up":     {"http://" + in.APIs[0].Listen},
			"of a folder without anything": {"--history", t.TempDir()},
		} {
			if got := verify(ctx, t, healthy, args...); got.exit != 6 || got.errOut == "" {
				t.Errorf("%s it is %+v", what, got)
			}
		}
	})
	t.Run("judges histories of others", func(t *testing.T) {
		folder := t.TempDir()
		r, err := history.CreateRecorder(folder, "w")
		if err != nil {
			t.Fatal(err)
		}
		r.Stop()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		got := verify(ctx, t, healthy, "--history", folder, "-o", "json")
		var said struct{ Report history.Report }
		if err := json.Unmarshal([]byte(got.out), &said); err != nil || said.Report.Verdict != history.Invalid {
			t.Errorf("%v, it is %+v", err, got)
		}
	})
}

// installMutant starts an installation with a mistake in it: see .ci/mutants.
func installMutant(ctx context.Context, t *testing.T, name string) *faults.Installation {
	t.Helper()
	make := exec.CommandContext(ctx, "go", "run", ".ci/mutants.go", "-overlay", name, t.TempDir())
	make.Dir = ".."
	make.Stderr = os.Stderr
	overlay, err := make.Output()
	if err != nil {
		t.Fatal(err)
	}
	broken := t.TempDir()
	if err := faults.Build(ctx, broken, "-overlay", strings.TrimSpace(string(overlay))); err != nil {
		t.Fatal(err)
	}
	services, err := faults.ServicesFromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	in, err := faults.Install(ctx, services, broken, t.TempDir(), faults.Plan{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(context.WithoutCancel(ctx)) })
	return in
}
