package ctl_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatire/chatire/ctl/faults"
	"github.com/chatire/chatire/pkg/bus/bustest"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// examined is what chatirectl doctor says, by the name of the check.
type examined struct {
	exit   int
	health map[string]string
	out    string
}

func doctor(ctx context.Context, t *testing.T, settings []string, args ...string) examined {
	t.Helper()
	folder, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(folder, "chatirectl"), append([]string{"doctor", "-o", "json"}, args...)...)
	cmd.Env = append([]string{"HOME=" + t.TempDir()}, settings...)
	out, _ := cmd.Output() // its exit status says what there is to say
	e := examined{exit: cmd.ProcessState.ExitCode(), health: map[string]string{}, out: string(out)}
	var list struct {
		Items []struct{ Health, Check, Advice string }
	}
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, f := range list.Items {
		e.health[f.Check] = f.Health
		if (f.Health != "ok") != (f.Advice != "") {
			t.Errorf("%s is %s, and the advice is %q", f.Check, f.Health, f.Advice)
		}
	}
	return e
}

// wellSet are settings that have nothing to complain of.
func wellSet(database chat.Secret, bus string) []string {
	return []string{
		"CHATIRE_DATABASE_URL=" + string(database), "CHATIRE_BUS_URL=" + bus,
		"CHATIRE_SECRET=0123456789abcdefghijklmnopqrstuvwxyz", "CHATIRE_PUBLIC_URL=https://chat.example.com",
	}
}

func TestDoctor(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	t.Run("finds nothing failing where all is well", func(t *testing.T) {
		storetest.Each(t, func(t *testing.T, database chat.Secret) {
			bus := "memory://"
			if strings.HasPrefix(string(database), "postgres") {
				bus = bustest.AMQP(t)
			}
			if e := doctor(ctx, t, wellSet(database, bus)); e.exit != 0 || strings.Contains(e.out, "FAILING") || len(e.health) < 10 {
				t.Errorf("it is %+v", e)
			}
		})
	})
	t.Run("finds what a database gives away", func(t *testing.T) {
		database := storetest.Postgres(t)
		for name, value := range map[string]string{"synchronous_commit": "off"} {
			set(ctx, t, database, name, value)
			if e := doctor(ctx, t, wellSet(database, "memory://")); e.exit != 1 || e.health[name] != "FAILING" {
				t.Errorf("with %s = %s it is %+v", name, value, e)
			}
		}
	})
	t.Run("finds a database that cannot be reached, or has no schema", func(t *testing.T) {
		for _, address := range []chat.Secret{"postgres://nobody:hush@127.0.0.1:1/x", storetest.EmptyPostgres(t)} {
			e := doctor(ctx, t, wellSet(address, "memory://"))
			if e.exit != 1 || e.health["database"] != "FAILING" && e.health["schema"] != "FAILING" || strings.Contains(e.out, "hush") {
				t.Errorf("it is %+v", e)
			}
		}
	})
	t.Run("takes a broker that is away for slow, not for broken", func(t *testing.T) {
		if e := doctor(ctx, t, wellSet(storetest.SQLite(t), "amqp://chatire:x@127.0.0.1:1/")); e.exit != 0 || e.health["broker"] != "advice" {
			t.Errorf("it is %+v", e)
		}
	})
	t.Run("finds settings that give safety away", func(t *testing.T) {
		open := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(open, []byte("0123456789abcdefghijklmnopqrstuvwxyz"), 0o644); err != nil {
			t.Fatal(err)
		}
		for check, settings := range map[string][]string{
			"secret":                      {"CHATIRE_SECRET=" + strings.Repeat("s", 40)},
			"limits":                      {"CHATIRE_RATE_LIMIT=off"},
			"origins":                     {"CHATIRE_CORS_ORIGINS=*"},
			"encryption":                  {"CHATIRE_PUBLIC_URL=http://chat.example.com"},
			"mode of CHATIRE_SECRET_FILE": {"CHATIRE_SECRET=", "CHATIRE_SECRET_FILE=" + open},
		} {
			if e := doctor(ctx, t, append(wellSet(storetest.SQLite(t), "memory://"), settings...)); e.exit != 1 || e.health[check] != "FAILING" {
				t.Errorf("%v: it is %+v", settings, e)
			}
		}
	})
	t.Run("finds a process that was started carelessly, and one that is not there", func(t *testing.T) {
		in := install(ctx, t, faults.Plan{One: true}) // without limits, and with any origin
		ops, api := "http://"+in.APIs[0].Ops, "http://"+in.APIs[0].Listen
		e := doctor(ctx, t, nil, "--ops", ops, "--ops", "http://127.0.0.1:1", "--api", api)
		for check, want := range map[string]string{
			"insecure settings of " + ops:  "FAILING",
			"readiness of " + ops:          "ok",
			"process http://127.0.0.1:1":   "FAILING",
			"strange origins at " + api:    "FAILING",
			"strange websockets at " + api: "ok",
			"open files of " + ops:         "ok",
		} {
			if e.health[check] != want {
				t.Errorf("%s is %q, want %s", check, e.health[check], want)
			}
		}
	})
}

// set changes a setting for all who connect to a database from now on.
func set(ctx context.Context, t *testing.T, database chat.Secret, name, value string) {
	t.Helper()
	conn, err := pgx.Connect(ctx, string(database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "ALTER DATABASE "+pgx.Identifier{conn.Config().Database}.Sanitize()+" SET "+name+" = "+value); err != nil {
		t.Fatal(err)
	}
}
