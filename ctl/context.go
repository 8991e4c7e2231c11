package ctl

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

func newContextCommand() *cobra.Command {
	noun := newNoun("context", "Choose which installation to administer",
		newContextAddCommand(), newContextListCommand(), newContextUseCommand(), newContextDeleteCommand())
	noun.Long = `Choose which installation to administer. A context is the address of a server and a
token of an administrator. They are kept in chatirectl/config.yaml in your folder for
settings, which only you can read.

Commands work on the context in use, unless the environment or a flag names another
installation: --context, --server, --local.`
	return noun
}

// contextLine is a context as it is shown: without its token.
type contextLine struct {
	knownContext
	current bool
}

var contextKind = kind[contextLine]{
	name: "Context",
	columns: []column[contextLine]{
		{"NAME", func(c contextLine) string { return c.Name }},
		{"SERVER", func(c contextLine) string { return c.Server }},
		{"CURRENT", func(c contextLine) string { return map[bool]string{true: "yes", false: "no"}[c.current] }},
	},
	id: func(c contextLine) string { return "context/" + c.Name },
	json: func(c contextLine) any {
		return struct {
			Name    string `json:"name"`
			Server  string `json:"server"`
			Current bool   `json:"current"`
		}{c.Name, c.Server, c.current}
	},
}

// contextOptions are the flags of the commands about contexts.
type contextOptions struct {
	terminal
	output
	name       string
	server     string
	username   string
	password   passwordFlags
	tokenStdin bool
	tokenFile  string
}

func newContextAddCommand() *cobra.Command {
	o := &contextOptions{}
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Sign in to a server and use it from now on",
		Long: `Sign in to a server and use it from now on. With --username it asks for the password
and makes a token, which chatirectl context delete ends again; or it takes a token that
there is. A context of that name is replaced.`,
		Example: `  chatirectl context add prod --server https://chat.example.com --username root
  chatirectl context add ci --server https://chat.example.com --token-stdin < token.txt`,
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.name = newTerminal(cmd), args[0]
			return o.add(cmd.Context())
		},
	}
	o.output.bind(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.server, "server", "", "`address` of the server")
	flags.StringVar(&o.username, "username", "", "sign in as this `user`")
	flags.BoolVar(&o.tokenStdin, "token-stdin", false, "read a token from the first line of the input")
	flags.StringVar(&o.tokenFile, "token-file", "", "read a token from the first line of a `file`")
	o.password.bind(cmd, false)
	return cmd
}

// contextName is what a context may be called.
var contextName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

func (o *contextOptions) check() error {
	ways := 0
	for _, way := range []bool{o.username != "", o.tokenStdin, o.tokenFile != ""} {
		if way {
			ways++
		}
	}
	switch {
	case !contextName.MatchString(o.name):
		return usageErrorf("%q is no name for a context: letters, digits and . _ - are allowed", o.name)
	case o.server == "":
		return usageErrorf("the server is missing: say --server https://...")
	case ways != 1:
		return usageErrorf("say who you are: --username NAME, or one of --token-stdin and --token-file")
	case o.username != "":
		return o.password.check(&o.terminal)
	}
	return nil
}

func (o *contextOptions) add(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	c, err := client.New(o.server)
	if err != nil {
		return usageError{err}
	}
	defer c.Close()
	token, err := o.token(ctx, c)
	if err != nil {
		return explainTarget(err, o.server)
	}
	if _, err := c.As(string(token)).Admin().About(ctx); err != nil {
		if o.username != "" {
			_ = c.As(string(token)).SignOut(ctx) // it would be of no use
		}
		return explainTarget(err, o.server)
	}
	all, err := o.readContexts()
	if err != nil {
		return err
	}
	added := knownContext{Name: o.name, Server: o.server, Token: string(token)}
	if i := all.index(o.name); i >= 0 {
		all.Contexts[i] = added
	} else {
		all.Contexts = append(all.Contexts, added)
	}
	all.Current = o.name
	if err := o.writeContexts(all); err != nil {
		return err
	}
	return contextKind.one(&o.terminal, o.output, contextLine{added, true})
}

// token signs in, or reads the token that there is.
func (o *contextOptions) token(ctx context.Context, c *client.Client) (chat.Secret, error) {
	switch {
	case o.tokenStdin:
		line, err := o.line(ctx)
		if err != nil {
			return "", fmt.Errorf("read the token from the input: %w", err)
		}
		return cleanSecret("token", line)
	case o.tokenFile != "":
		return readSecretFile(&o.terminal, "token", o.tokenFile)
	}
	password, err := o.password.read(ctx, &o.terminal, false)
	if err != nil {
		return "", err
	}
	host, _ := os.Hostname() // without one the label is shorter
	token, err := c.SignIn(ctx, o.username, string(password), "chatirectl "+host)
	if chat.CodeOf(err) == chat.Invalid {
		return "", chat.Errorf(chat.Unauthorized, "The user or the password is wrong.")
	}
	return chat.Secret(token), err
}

func newContextListCommand() *cobra.Command {
	o := &contextOptions{}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List your contexts",
		Example: `  chatirectl context list`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.list()
		},
	}
	o.output.bind(cmd)
	return cmd
}

func (o *contextOptions) list() error {
	all, err := o.readContexts()
	if err != nil {
		return err
	}
	var lines []contextLine
	for _, c := range all.Contexts {
		lines = append(lines, contextLine{c, c.Name == all.Current})
	}
	return contextKind.list(&o.terminal, o.output, lines)
}

// newContextVerb makes a command about one context that there is.
func newContextVerb(use, short string, fn func(ctx context.Context, o *contextOptions, all *contexts) error) *cobra.Command {
	o := &contextOptions{}
	return &cobra.Command{
		Use:     use + " NAME",
		Short:   short,
		Example: "  chatirectl context " + use + " prod",
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.name = newTerminal(cmd), args[0]
			all, err := o.readContexts()
			if err != nil {
				return err
			}
			if all.named(o.name) == nil {
				return chat.Errorf(chat.NotFound, "There is no context %q: chatirectl context list shows them.", o.name)
			}
			return fn(cmd.Context(), o, all)
		},
		ValidArgsFunction: completeContexts,
	}
}

func newContextUseCommand() *cobra.Command {
	return newContextVerb("use", "Use a context from now on", func(_ context.Context, o *contextOptions, all *contexts) error {
		all.Current = o.name
		return o.writeContexts(all)
	})
}

func newContextDeleteCommand() *cobra.Command {
	return newContextVerb("delete", "Forget a context and end its token", func(ctx context.Context, o *contextOptions, all *contexts) error {
		at := all.index(o.name)
		gone := all.Contexts[at]
		all.Contexts = slices.Delete(all.Contexts, at, at+1)
		if all.Current == o.name {
			all.Current = ""
		}
		if err := o.writeContexts(all); err != nil {
			return err
		}
		o.endToken(ctx, gone)
		return nil
	})
}

// endToken ends the token of a context that was deleted, if the server can be reached.
func (o *contextOptions) endToken(ctx context.Context, gone knownContext) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	c, err := client.New(gone.Server, client.WithToken(gone.Token))
	if err != nil {
		return // it never was one
	}
	defer c.Close()
	if err := c.SignOut(ctx); err != nil && chat.CodeOf(err) != chat.Unauthorized {
		o.note("Its token could not be ended: %v. End it with chatirectl token revoke.", err)
	}
}
