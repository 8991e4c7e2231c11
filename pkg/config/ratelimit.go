package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rate is at most Count things in each Window.
type Rate struct {
	Count  int
	Window time.Duration
}

func (r Rate) String() string { return fmt.Sprintf("%d/%s", r.Count, r.Window) }

// Limiter names a limit of counts. The names are also metric labels.
type Limiter string

const (
	LimitSignUps       Limiter = "signups"        // accounts, per address
	LimitSignInFails   Limiter = "signin_fails"   // failed sign-ins, per account and address
	LimitAccountFails  Limiter = "account_fails"  // failed sign-ins, per account from anywhere
	LimitResets        Limiter = "resets"         // password resets, per address
	LimitCreates       Limiter = "creates"        // sessions, per user
	LimitMessages      Limiter = "messages"       // messages, per user and session
	LimitChanges       Limiter = "changes"        // edits, deletions, reactions, roles and the like, per user
	LimitReads         Limiter = "reads"          // moves of a read position, per user
	LimitSearches      Limiter = "searches"       // searches, per user
	LimitLookups       Limiter = "lookups"        // unknown usernames asked for, per user
	LimitMisses        Limiter = "misses"         // sessions not found, per user
	LimitAdmin         Limiter = "admin"          // requests of the admin API, per user
	LimitFrames        Limiter = "frames"         // client frames, per connection
	LimitUserSockets   Limiter = "user_sockets"   // connections of one user; the window does not count
	LimitAddrSockets   Limiter = "addr_sockets"   // connections of one address; the window does not count
	LimitUnauthSockets Limiter = "unauth_sockets" // connections of one address before sign-in; the window does not count
	LimitConnects      Limiter = "connects"       // new connections of one process
)

// defaultRates are the limits of an installation that says nothing else.
var defaultRates = map[Limiter]Rate{
	LimitSignUps:       {10, time.Minute},
	LimitSignInFails:   {10, 5 * time.Minute},
	LimitAccountFails:  {100, 5 * time.Minute},
	LimitResets:        {5, time.Minute},
	LimitCreates:       {60, time.Minute},
	LimitMessages:      {30, 10 * time.Second},
	LimitChanges:       {60, 10 * time.Second},
	LimitReads:         {120, 10 * time.Second},
	LimitSearches:      {60, time.Minute},
	LimitLookups:       {30, time.Minute},
	LimitMisses:        {300, time.Minute},
	LimitAdmin:         {6000, time.Minute},
	LimitFrames:        {100, 10 * time.Second},
	LimitUserSockets:   {20, time.Minute},
	LimitAddrSockets:   {200, time.Minute},
	LimitUnauthSockets: {100, time.Minute},
	LimitConnects:      {500, time.Second},
}

// Limiters returns the names of all limits, sorted.
func Limiters() []Limiter {
	var names []Limiter
	for name := range defaultRates {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// RateLimit is the limits of counts. Bounds of size and memory are not among them
// and are never lifted.
type RateLimit struct {
	Off   bool
	given map[Limiter]Rate
}

// Rate returns the limit with this name and whether it applies.
func (l RateLimit) Rate(name Limiter) (Rate, bool) {
	if l.Off {
		return Rate{}, false
	}
	if rate, ok := l.given[name]; ok {
		return rate, true
	}
	return defaultRates[name], true
}

func (l RateLimit) String() string {
	if l.Off {
		return "off"
	}
	var parts []string
	for _, name := range Limiters() {
		if rate, ok := l.given[name]; ok {
			parts = append(parts, fmt.Sprintf("%s=%s", name, rate))
		}
	}
	if len(parts) == 0 {
		return "on"
	}
	return strings.Join(parts, ",")
}

// UnmarshalText reads on, off, or figures: messages=60/10s,creates=100/1m.
func (l *RateLimit) UnmarshalText(text []byte) error {
	*l = RateLimit{}
	switch s := string(text); s {
	case "off":
		l.Off = true
		return nil
	case "", "on":
		return nil
	default:
		return l.parse(s)
	}
}

func (l *RateLimit) parse(s string) error {
	l.given = map[Limiter]Rate{}
	for part := range strings.SplitSeq(s, ",") {
		name, figures, ok := strings.Cut(strings.TrimSpace(part), "=")
		count, window, ok2 := strings.Cut(figures, "/")
		if !ok || !ok2 {
			return fmt.Errorf("%q is not on, off, or name=count/window", part)
		}
		if _, known := defaultRates[Limiter(name)]; !known {
			return fmt.Errorf("%q is no limit; there are %v", name, Limiters())
		}
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 {
			return fmt.Errorf("%s: %q is not a count of 1 or more", name, count)
		}
		d, err := time.ParseDuration(window)
		if err != nil || d <= 0 {
			return fmt.Errorf("%s: %q is not a time such as 10s or 1m", name, window)
		}
		l.given[Limiter(name)] = Rate{n, d}
	}
	return nil
}
