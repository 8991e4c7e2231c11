package ctl_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// TestMigrateAfterAKill kills migrations at other and other moments, then runs two at
// once: the schema is whole, and as if nothing had happened.
func TestMigrateAfterAKill(t *testing.T) {
	databases := map[string]chat.Secret{
		"sqlite":   chat.Secret("sqlite://" + filepath.Join(t.TempDir(), "chatire.db")),
		"postgres": storetest.EmptyPostgres(t),
	}
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			killed := 0
			for moment := time.Duration(0); moment < 60*time.Millisecond; moment += 4 * time.Millisecond {
				cmd := command(t.Context(), t, database, "migrate", "up")
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(moment)
				_ = cmd.Process.Kill() // or it has just ended
				if err := cmd.Wait(); err != nil {
					killed++
				}
			}
			if killed == 0 {
				t.Error("no migration was killed")
			}
			var both errgroup.Group
			for range 2 {
				both.Go(func() error { return command(t.Context(), t, database, "migrate", "up").Run() })
			}
			if err := both.Wait(); err != nil {
				t.Fatal(err)
			}
			out, errOut, exit := chatirectl(t, database, "migrate", "status", "--no-headers")
			if exit != 0 || strings.Contains(out, "pending") || !strings.Contains(out, "applied") {
				t.Errorf("exit %d: %s%s", exit, out, errOut)
			}
			if _, errOut, exit := chatirectl(t, database, "user", "create", "ada", "--local", "--generate"); exit != 0 {
				t.Errorf("the schema does not work: %s", errOut)
			}
		})
	}
}
