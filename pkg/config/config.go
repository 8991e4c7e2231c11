// Package config is the settings of a Chatire process: one struct, read from the
// environment. Each field states its variable, its default and one sentence for
// the operator; everything that shows settings is derived from them.
package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// Version is the version of this build. The linker sets it.
var Version = "dev"

// Config is all settings. The zero value is not usable: see [Load].
type Config struct {
	DatabaseURL  chat.Secret   `env:"CHATIRE_DATABASE_URL" default:"" doc:"Where the log lives: postgres://user:password@host/name or sqlite://path."`
	BusURL       chat.Secret   `env:"CHATIRE_BUS_URL" default:"memory://" doc:"What carries events to workers: amqp://user:password@host/vhost, or memory:// within one process."`
	Secret       chat.Secret   `env:"CHATIRE_SECRET" default:"" doc:"Signs what travels over the bus and links in mails; 32 characters or more, the same in every process."`
	Listen       string        `env:"CHATIRE_LISTEN" default:"" doc:"Public address; API :8000 and worker :8001 unless set."`
	OpsListen    string        `env:"CHATIRE_OPS_LISTEN" default:"" doc:"Address of health, metrics and debugging, never public; API :9000 and worker :9001 unless set."`
	PublicURL    string        `env:"CHATIRE_PUBLIC_URL" default:"" doc:"Where people reach Chatire, such as https://chat.example.com; used in mails and to check origins."`
	CORSOrigins  []string      `env:"CHATIRE_CORS_ORIGINS" default:"" doc:"Other origins whose pages may call the API, separated by commas; * allows every origin, without credentials."`
	Proxies      []string      `env:"CHATIRE_TRUSTED_PROXIES" default:"" doc:"Addresses or networks of proxies whose X-Forwarded-For and traceparent are believed, separated by commas."`
	RateLimit    RateLimit     `env:"CHATIRE_RATE_LIMIT" default:"on" doc:"on, off, or figures such as messages=60/10s,creates=100/1m; off lifts every limit of counts, never a bound of size or memory."`
	Registration string        `env:"CHATIRE_REGISTRATION" default:"open" doc:"open lets anybody sign up; closed leaves creating accounts to chatirectl."`
	JoinLinks    string        `env:"CHATIRE_JOIN_LINKS" default:"on" doc:"on lets whoever has a session's link join it, where its owner has not said otherwise; off leaves joining to invites."`
	EditWindow   time.Duration `env:"CHATIRE_EDIT_WINDOW" default:"24h" doc:"For how long an author may edit or delete a message, such as 15m; 0 is without end. Moderators delete at any time."`
	TermsURL     string        `env:"CHATIRE_TERMS_URL" default:"" doc:"Terms that people accept when they sign up; none if empty."`
	SMTPURL      chat.Secret   `env:"CHATIRE_SMTP_URL" default:"" doc:"Mail server: smtp://user:password@host:587?from=chat@example.com, smtps:// for TLS from the start; mail goes to the log if empty."`
	BusSlots     int           `env:"CHATIRE_BUS_SLOTS" default:"1" doc:"Into how many slots sessions are spread on the bus; the same in every process."`
	Connections  int           `env:"CHATIRE_MAX_CONNECTIONS" default:"20000" doc:"How many websockets one worker takes at once; its open files may allow fewer."`
	DrainSpread  time.Duration `env:"CHATIRE_DRAIN_SPREAD" default:"30s" doc:"Over how long a worker that stops spreads the return of its connections, at most 10m; it needs a few seconds more to stop."`
	OTLPURL      string        `env:"CHATIRE_OTLP_URL" default:"" doc:"Where traces are sent: a collector that takes OTLP over HTTP, such as http://collector:4318; none are made if empty."`
	TraceRatio   float64       `env:"CHATIRE_TRACE_RATIO" default:"0.01" doc:"What part of the requests is traced, from 0 to 1; of those with a traceparent of a trusted proxy, those that it says."`
	LogLevel     string        `env:"CHATIRE_LOG_LEVEL" default:"info" doc:"debug, info, warn or error."`
}

// maxDrainSpread bounds CHATIRE_DRAIN_SPREAD.
const maxDrainSpread = 10 * time.Minute

// MinSecret is the least length of CHATIRE_SECRET in characters.
const MinSecret = 32

// Check returns every complaint about these settings, each one naming its variable;
// without names about all of them.
func (c *Config) Check(names ...string) error {
	var errs []error
	complain := func(name, format string, args ...any) {
		if len(names) > 0 && !slices.Contains(names, name) {
			return
		}
		errs = append(errs, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...)))
	}
	if !hasScheme(string(c.DatabaseURL), "postgres", "postgresql", "sqlite") {
		complain("CHATIRE_DATABASE_URL", "must begin with postgres:// or sqlite://")
	}
	if !hasScheme(string(c.BusURL), "amqp", "amqps", "memory") {
		complain("CHATIRE_BUS_URL", "must begin with amqp://, amqps:// or memory://")
	}
	for _, u := range []struct {
		name  string
		value chat.Secret
	}{{"CHATIRE_DATABASE_URL", c.DatabaseURL}, {"CHATIRE_BUS_URL", c.BusURL}} {
		if knownToAll(string(u.value)) {
			complain(u.name, "has a password that everybody knows, for another machine: make an account of your own")
		}
	}
	if len(c.Secret) < MinSecret {
		complain("CHATIRE_SECRET", "must have at least %d characters; make one with: openssl rand -hex 32", MinSecret)
	}
	if c.SMTPURL != "" && !hasScheme(string(c.SMTPURL), "smtp", "smtps") {
		complain("CHATIRE_SMTP_URL", "must begin with smtp:// or smtps://")
	}
	for _, u := range []struct{ name, value string }{
		{"CHATIRE_PUBLIC_URL", c.PublicURL}, {"CHATIRE_TERMS_URL", c.TermsURL},
	} {
		if u.value != "" && !isHTTP(u.value) {
			complain(u.name, "must be an http:// or https:// address")
		}
	}
	for _, origin := range c.CORSOrigins {
		if origin != "*" && !isOrigin(origin) {
			complain("CHATIRE_CORS_ORIGINS", "%q is not an origin such as https://chat.example.com", origin)
		}
		if origin == "*" && len(c.CORSOrigins) > 1 {
			complain("CHATIRE_CORS_ORIGINS", "* stands alone")
		}
	}
	if _, err := c.TrustedProxies(); err != nil {
		complain("CHATIRE_TRUSTED_PROXIES", "%v", err)
	}
	if c.Registration != "open" && c.Registration != "closed" {
		complain("CHATIRE_REGISTRATION", "must be open or closed")
	}
	if c.JoinLinks != "on" && c.JoinLinks != "off" {
		complain("CHATIRE_JOIN_LINKS", "must be on or off")
	}
	if c.EditWindow < 0 {
		complain("CHATIRE_EDIT_WINDOW", "must be a time such as 15m or 24h, or 0")
	}
	if c.BusSlots < 1 || c.BusSlots > 1024 {
		complain("CHATIRE_BUS_SLOTS", "must be from 1 to 1024")
	}
	if c.Connections < 1 {
		complain("CHATIRE_MAX_CONNECTIONS", "must be at least 1")
	}
	if c.DrainSpread < 0 || c.DrainSpread > maxDrainSpread {
		complain("CHATIRE_DRAIN_SPREAD", "must be a time from 0 to 10m, such as 30s")
	}
	if c.OTLPURL != "" && !isPlainHTTP(c.OTLPURL) {
		complain("CHATIRE_OTLP_URL", "must be an http:// or https:// address such as http://collector:4318, without a user or a query")
	}
	if !(c.TraceRatio >= 0 && c.TraceRatio <= 1) { // also what is no number
		complain("CHATIRE_TRACE_RATIO", "must be from 0 to 1")
	}
	if _, err := c.level(); err != nil {
		complain("CHATIRE_LOG_LEVEL", "must be debug, info, warn or error")
	}
	return errors.Join(errs...)
}

// TrustedProxies returns the networks of CHATIRE_TRUSTED_PROXIES.
func (c *Config) TrustedProxies() ([]netip.Prefix, error) {
	var nets []netip.Prefix
	for _, s := range c.Proxies {
		if addr, err := netip.ParseAddr(s); err == nil {
			nets = append(nets, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network", s)
		}
		nets = append(nets, prefix)
	}
	return nets, nil
}

func hasScheme(raw string, schemes ...string) bool {
	for _, scheme := range schemes {
		if strings.HasPrefix(raw, scheme+"://") {
			return true
		}
	}
	return false
}

func isHTTP(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// knownPasswords are those that come with servers and with their examples.
var knownPasswords = []string{"guest", "postgres", "rabbitmq", "admin", "password", "changeme", "PASSWORD"}

// knownToAll says that an address leads to another machine with a password that everybody
// knows. On one's own machine that is how one begins.
func knownToAll(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil || u.Hostname() == "localhost" {
		return false
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil && addr.IsLoopback() {
		return false
	}
	password, _ := u.User.Password()
	return slices.Contains(knownPasswords, password)
}

// isPlainHTTP says whether raw is scheme, host and path, with nothing to hide in it.
func isPlainHTTP(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && isHTTP(raw) && u.Scheme+"://"+u.Host+u.EscapedPath() == raw
}

func isOrigin(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && isHTTP(raw) && u.Scheme+"://"+u.Host == raw
}

// Insecure lists the settings that can give safety away, and whether they do.
func (c *Config) Insecure() map[string]bool {
	return map[string]bool{
		"rate_limit_off": c.RateLimit.Off,
		"cors_any":       slices.Contains(c.CORSOrigins, "*"),
	}
}
