package ctl

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/api/admin"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

// where says which installation a command is for, as its flags have it.
type where struct {
	local   bool
	server  string
	context string
}

// administering adds to the commands of a noun the flags that say which installation.
func administering(noun *cobra.Command) *cobra.Command {
	flags := noun.PersistentFlags()
	flags.String("server", "", "`address` of the server (default: CHATIRECTL_SERVER, with the token in CHATIRECTL_TOKEN)")
	flags.String("context", "", "`name` of one of your contexts (default: CHATIRECTL_CONTEXT, or the one in use)")
	flags.Bool("local", false, "work on the database in CHATIRE_DATABASE_URL, without a server")
	return noun
}

// target is the installation that a command administers.
type target struct {
	client.Admin
	place string // names it in questions
	close func()
}

// destination is where a target is, before it is connected to.
type destination struct {
	local bool
	url   string
	token chat.Secret
}

// resolve finds out which installation is meant: a flag counts more than the
// environment, and that more than the context in use.
func (t *terminal) resolve() (destination, error) {
	switch w := t.where; {
	case w.local && w.server+w.context != "", w.server != "" && w.context != "":
		return destination{}, usageErrorf("several installations are named: say one of --server, --context and --local")
	case t.where.local:
		return destination{local: true}, nil
	case t.where.server != "":
		return t.server(t.where.server)
	case t.where.context != "":
		return t.inContext(t.where.context)
	case t.environ["CHATIRECTL_CONTEXT"] != "":
		return t.inContext(t.environ["CHATIRECTL_CONTEXT"])
	case t.environ["CHATIRECTL_SERVER"] != "":
		return t.server(t.environ["CHATIRECTL_SERVER"])
	}
	return t.inContext("")
}

// server is a place that is named by its address.
func (t *terminal) server(url string) (destination, error) {
	token := t.environ["CHATIRECTL_TOKEN"]
	if token == "" {
		return destination{}, chat.Errorf(chat.Unauthorized,
			"There is no token for %s: set CHATIRECTL_TOKEN, or sign in once with chatirectl context add NAME --server %s", url, url)
	}
	return destination{url: url, token: chat.Secret(token)}, nil
}

// inContext is the place of a context; "" is the one in use.
func (t *terminal) inContext(name string) (destination, error) {
	contexts, err := t.readContexts()
	if err != nil {
		return destination{}, err
	}
	if name == "" {
		name = contexts.Current
	}
	if name == "" {
		return destination{}, usageError{guidance(`no installation is named: say which one

  chatirectl context add NAME --server URL --username ADMIN   a running server, from now on
  --server URL                                                a server, with the token in CHATIRECTL_TOKEN
  --local                                                     the database in CHATIRE_DATABASE_URL`)}
	}
	c := contexts.named(name)
	if c == nil {
		return destination{}, chat.Errorf(chat.NotFound, "There is no context %q: chatirectl context list shows them.", name)
	}
	return destination{url: c.Server, token: chat.Secret(c.Token)}, nil
}

// connect opens the installation that a command is for. tell says whether the command
// ends what workers must hear of at once; it counts only where there is no server.
func (t *terminal) connect(ctx context.Context, tell bool) (*target, error) {
	p, err := t.resolve()
	if err != nil {
		return nil, err
	}
	if p.local {
		return t.connectLocal(ctx, tell)
	}
	c, err := client.New(p.url, client.WithToken(string(p.token)))
	if err != nil {
		return nil, usageError{err}
	}
	return &target{Admin: c.Admin(), place: p.url, close: c.Close}, nil
}

func (t *terminal) connectLocal(ctx context.Context, tell bool) (*target, error) {
	i, err := openInstallation(ctx, t, tell)
	if err != nil {
		return nil, err
	}
	local := admin.NewLocal(i.chat, i, localAdmin(), i.log)
	c, err := client.New(admin.LocalURL, client.WithToken("local"), client.WithTransport(local.Transport()))
	if err != nil {
		return nil, err
	}
	return &target{Admin: c.Admin(), place: i.place, close: func() { local.Close(); i.close(t) }}, nil
}

// localAdmin is who runs this command, and where.
func localAdmin() chat.Admin {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return chat.Admin{Actor: "local:" + name, Origin: host}
}

// explainTarget says what to do about an error of a server.
func explainTarget(err error, place string) error {
	answer, isAnswer := asAnswer(err)
	switch {
	case err == nil:
		return nil
	case isAnswer && answer.Status == http.StatusUnauthorized:
		return chat.Errorf(chat.Unauthorized, "%s does not accept the token: sign in again with chatirectl context add.", place)
	case isAnswer && answer.Status == http.StatusForbidden:
		return chat.Errorf(chat.Forbidden, "You are no administrator of %s: one can make you one, with chatirectl user update NAME --admin.", place)
	case isUnreachable(err) && !isAnswer:
		return unreachableError{fmt.Errorf("%s cannot be reached: %w\nDoes it run, and is the address right? chatirectl context list shows yours", place, err)}
	}
	return err
}
