package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// working is the least that a process needs.
func working() map[string]string {
	return map[string]string{
		"CHATIRE_DATABASE_URL": "sqlite://chatire.db",
		"CHATIRE_SECRET":       strings.Repeat("s", MinSecret),
	}
}

func TestLoad(t *testing.T) {
	t.Run("takes defaults", func(t *testing.T) {
		c, err := Load(working())
		if err != nil {
			t.Fatal(err)
		}
		if c.BusURL != "memory://" || c.BusSlots != 1 || c.Registration != "open" {
			t.Errorf("defaults not taken: %+v", c)
		}
	})

	refusals := []struct{ name, variable, value, want string }{
		{"an unknown variable, naming the nearest", "CHATIRE_DATABSE_URL", "x", "did you mean CHATIRE_DATABASE_URL?"},
		{"a database of another kind", "CHATIRE_DATABASE_URL", "mysql://x", "must begin with postgres:// or sqlite://"},
		{"a broker's password that everybody knows", "CHATIRE_BUS_URL", "amqp://guest:guest@mq.example.com/", "everybody knows"},
		{"a database's password that everybody knows", "CHATIRE_DATABASE_URL", "postgres://chat:postgres@10.0.0.1/chat", "everybody knows"},
		{"a short secret", "CHATIRE_SECRET", "short", "at least 32 characters"},
		{"every origin beside one", "CHATIRE_CORS_ORIGINS", "*,https://a.example", "stands alone"},
		{"an origin with a path", "CHATIRE_CORS_ORIGINS", "https://a.example/x", "is not an origin"},
		{"a proxy that is no address", "CHATIRE_TRUSTED_PROXIES", "10.0.0.0/99", "neither an address nor a network"},
		{"no slots", "CHATIRE_BUS_SLOTS", "0", "from 1 to 1024"},
		{"slots that are no number", "CHATIRE_BUS_SLOTS", "many", "BusSlots"},
		{"a drain without end", "CHATIRE_DRAIN_SPREAD", "1h", "from 0 to 10m"},
		{"a collector that speaks no HTTP", "CHATIRE_OTLP_URL", "collector:4317", "must be an http:// or https:// address"},
		{"a collector with a password", "CHATIRE_OTLP_URL", "https://user:password@collector", "without a user"},
		{"more traces than requests", "CHATIRE_TRACE_RATIO", "1.5", "from 0 to 1"},
		{"a ratio that is none", "CHATIRE_TRACE_RATIO", "NaN", "from 0 to 1"},
		{"a level of another language", "CHATIRE_LOG_LEVEL", "loud", "must be debug, info, warn or error"},
		{"an unknown limit", "CHATIRE_RATE_LIMIT", "posts=1/1s", "is no limit"},
		{"a limit without a window", "CHATIRE_RATE_LIMIT", "messages=5", "name=count/window"},
	}
	for _, r := range refusals {
		t.Run("refuses "+r.name, func(t *testing.T) {
			vars := working()
			vars[r.variable] = r.value
			_, err := Load(vars)
			if err == nil || !strings.Contains(err.Error(), r.want) {
				t.Errorf("got %v, want it to say %q", err, r.want)
			}
		})
	}

	t.Run("takes any password on this machine", func(t *testing.T) {
		for _, host := range []string{"localhost", "127.0.0.1", "[::1]"} {
			vars := working()
			vars["CHATIRE_BUS_URL"] = "amqp://guest:guest@" + host + ":5672/"
			if _, err := Load(vars); err != nil {
				t.Errorf("%s: %v", host, err)
			}
		}
	})
	t.Run("never shows a secret", func(t *testing.T) {
		vars := working()
		vars["CHATIRE_SECRET"] = "too-short-to-be-true"
		if _, err := Load(vars); err == nil || strings.Contains(err.Error(), "too-short") {
			t.Errorf("the refusal shows the secret: %v", err)
		}
		c, err := Load(working())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range c.Settings() {
			if strings.Contains(s.Value, "ssss") {
				t.Errorf("%s is shown as %q", s.Name, s.Value)
			}
		}
	})

	t.Run("lets variables of the tests be", func(t *testing.T) {
		vars := working()
		vars["CHATIRE_TEST_POSTGRES_URL"] = "postgres://x"
		if _, err := Load(vars); err != nil {
			t.Error(err)
		}
	})
}

func TestSecretsFromFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(strings.Repeat("f", MinSecret)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	vars := working()
	delete(vars, "CHATIRE_SECRET")
	vars["CHATIRE_SECRET_FILE"] = path

	c, err := Load(vars)
	if err != nil {
		t.Fatal(err)
	}
	if string(c.Secret) != strings.Repeat("f", MinSecret) {
		t.Error("the file's content was not taken as it is, without the last line break")
	}

	vars["CHATIRE_SECRET"] = strings.Repeat("s", MinSecret)
	if _, err := Load(vars); err == nil {
		t.Error("both the secret and its file were accepted")
	}
}

func TestRateLimit(t *testing.T) {
	var l RateLimit
	if err := l.UnmarshalText([]byte("messages=60/10s")); err != nil {
		t.Fatal(err)
	}
	if rate, on := l.Rate(LimitMessages); !on || rate != (Rate{60, 10 * time.Second}) {
		t.Errorf("the figure given was not taken: %v %v", rate, on)
	}
	if rate, on := l.Rate(LimitCreates); !on || rate != defaultRates[LimitCreates] {
		t.Errorf("the others changed: %v %v", rate, on)
	}
	if got := l.String(); got != "messages=60/10s" {
		t.Errorf("printed as %q", got)
	}
	if err := l.UnmarshalText([]byte("off")); err != nil {
		t.Fatal(err)
	}
	for _, name := range Limiters() {
		if _, on := l.Rate(name); on {
			t.Errorf("off leaves %s on", name)
		}
	}
}

func TestEverySettingIsExplained(t *testing.T) {
	for _, s := range new(Config).Settings() {
		if !strings.HasPrefix(s.Name, prefix) || !strings.HasSuffix(s.Doc, ".") {
			t.Errorf("%q: %q is not a sentence", s.Name, s.Doc)
		}
	}
}

func TestCheckOfSome(t *testing.T) {
	c, err := Read(map[string]string{"CHATIRE_DATABASE_URL": "sqlite://chatire.db", "CHATIRE_BUS_SLOTS": "0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check("CHATIRE_DATABASE_URL"); err != nil {
		t.Errorf("the setting that was asked about is right: %v", err)
	}
	if err := c.Check("CHATIRE_SECRET"); err == nil || strings.Contains(err.Error(), "SLOTS") {
		t.Errorf("got %v", err)
	}
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "SLOTS") || !strings.Contains(err.Error(), "SECRET") {
		t.Errorf("got %v", err)
	}
}
