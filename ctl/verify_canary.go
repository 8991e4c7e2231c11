package ctl

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/history"
)

// canary is an account of one run.
type canary struct {
	name, password string
	id             int64
	token          string
	recorder       client.Recorded
}

// on returns the canary's client of the n-th API.
func (c *canary) on(v *verification, n int) *client.Client {
	return v.clients[n%len(v.clients)].As(c.token)
}

// steadily calls f until it succeeds or is refused for good: an API that restarts is
// no reason to give up.
func steadily(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		err := f()
		answer, answered := errors.AsType[*client.Error](err)
		if err == nil || answered && answer.Status < 500 && answer.Status != 429 {
			return err
		}
		pause := 200 * time.Millisecond
		if answered {
			pause = max(pause, answer.RetryAfter)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// hatch makes the canaries: in the database if its settings are there, else by
// signing up like anybody.
func (v *verification) hatch(ctx context.Context, names ...string) error {
	suffix := strings.ToLower(rand.Text()[:8])
	create := v.signUp
	if v.environ["CHATIRE_DATABASE_URL"] != "" {
		i, err := openInstallation(ctx, &v.terminal, false)
		if err != nil {
			return err
		}
		defer i.close(&v.terminal)
		create = func(ctx context.Context, c *canary) error {
			_, err := i.chat.CreateUser(ctx, chat.NewUser{Username: c.name, Password: chat.Secret(c.password)})
			return err
		}
	}
	for _, name := range names {
		c := &canary{name: "canary-" + name + "-" + suffix, password: rand.Text()}
		if err := create(ctx, c); err != nil {
			return fmt.Errorf("make the canary %s: %w", c.name, err)
		}
		v.canaries = append(v.canaries, c)
		if err := v.signIn(ctx, c); err != nil {
			return fmt.Errorf("sign in as %s: %w", c.name, err)
		}
	}
	return nil
}

func (v *verification) signUp(ctx context.Context, c *canary) error {
	err := steadily(ctx, func() error {
		_, err := v.clients[0].SignUp(ctx, c.name, c.password, "")
		return err
	})
	if answer, ok := errors.AsType[*client.Error](err); ok && answer.Status == 403 {
		return fmt.Errorf("%w Set CHATIRE_DATABASE_URL to have canaries made in the database", err)
	}
	return err
}

func (v *verification) signIn(ctx context.Context, c *canary) error {
	c.recorder = client.Recorded{Recorder: v.book.Recorder(c.name)}
	return steadily(ctx, func() (err error) {
		if c.token == "" {
			if c.token, err = v.clients[0].SignIn(ctx, c.name, c.password, "chatirectl verify"); err != nil {
				return err
			}
		}
		me, err := c.on(v, 0).Me(ctx)
		c.id = me.ID
		return err
	})
}

// openSessions has the first canary open the sessions, and others join the first of
// them; those who are both are in the second as well.
func (v *verification) openSessions(ctx context.Context, both, first []*canary) error {
	owner := both[0]
	for i := range v.sessions {
		began := v.driver.Now()
		err := steadily(ctx, func() (err error) {
			v.sessions[i], err = owner.on(v, i).CreateSession(ctx, fmt.Sprintf("verify-%d", i))
			return err
		})
		if err != nil {
			return fmt.Errorf("open a session: %w", err)
		}
		v.driver.Member(v.sessions[i], owner.id, "add", began)
	}
	join := func(c *canary, uri string) error {
		began := v.driver.Now()
		if err := steadily(ctx, func() error { return c.on(v, 0).Join(ctx, uri) }); err != nil {
			return fmt.Errorf("join a session: %w", err)
		}
		v.driver.Member(uri, c.id, "add", began)
		return nil
	}
	for _, c := range both[1:] {
		for _, uri := range v.sessions {
			if err := join(c, uri); err != nil {
				return err
			}
		}
	}
	for _, c := range first {
		if err := join(c, v.sessions[0]); err != nil {
			return err
		}
	}
	return nil
}

// readLogs notes the logs as every API shows them.
func (v *verification) readLogs(ctx context.Context) error {
	for _, uri := range v.sessions {
		for n := range v.clients {
			var events []client.Event
			err := steadily(ctx, func() (err error) {
				events, err = v.canaries[0].on(v, n).AllEvents(ctx, uri)
				return err
			})
			if err != nil {
				return fmt.Errorf("read the log by %s: %w", v.apis[n], err)
			}
			source := "api"
			if n > 0 {
				source = "sql" // the checker compares two sources
			}
			v.driver.Log(source, uri, client.RowsOf(events))
		}
	}
	return nil
}

// clean removes the canaries, and says which it could not.
func (v *verification) clean(ctx context.Context) {
	for _, c := range v.canaries {
		err := steadily(ctx, func() error {
			token, err := v.clients[0].SignIn(ctx, c.name, c.password, "chatirectl verify")
			if err != nil {
				return err
			}
			return v.clients[0].As(token).DeleteAccount(ctx, c.password)
		})
		if answer, ok := errors.AsType[*client.Error](err); err != nil && !(ok && answer.Status == 400) {
			v.note("The account %s could not be removed: %v", c.name, err)
		}
	}
}

// memberLeft notes that a canary may see nothing more.
func (v *verification) memberLeft(c *canary, began int64) {
	v.driver.Write(history.Line{Kind: history.Member, URI: v.sessions[0], User: history.UserID(c.id), Op: "remove", Began: began})
}
