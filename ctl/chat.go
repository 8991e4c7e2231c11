package ctl

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

// chatOptions are the flags of chatirectl chat.
type chatOptions struct {
	terminal
	server   string
	sockets  []string
	username string
	password passwordFlags
	history  int
	join     bool
	follow   bool
	json     bool
	uri      string
}

func newChatCommand() *cobra.Command {
	o := &chatOptions{}
	cmd := &cobra.Command{
		Use:   "chat URI",
		Short: "Talk in a session from the terminal",
		Long: `Show what was said in a session and what is being said, and send each line of the
input as a message. It needs a running server, not the database.

It signs in with --username and a password, and signs out at the end; or it uses the
token in CHATIRECTL_TOKEN. At the end of the input it waits for what it sent to come
back and ends, or goes on with --follow.`,
		Example: `  chatirectl chat 0123456789abcde --username ada
  echo "The build is green." | chatirectl chat 0123456789abcde --history 0
  chatirectl chat 0123456789abcde --follow --json < /dev/null`,
		Args: exactly("URI"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.uri = newTerminal(cmd), args[0]
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.server, "server", "", "`address` of the server (default: CHATIRECTL_SERVER, or http://127.0.0.1:8000)")
	flags.StringSliceVar(&o.sockets, "websocket", nil, "`address` of a worker's websocket; may be repeated (default: /ws/ of the server)")
	flags.StringVar(&o.username, "username", "", "sign in as this `user`")
	flags.IntVar(&o.history, "history", 20, "`number` of earlier messages to show, up to 200")
	flags.BoolVar(&o.join, "join", false, "become a member first")
	flags.BoolVar(&o.follow, "follow", false, "go on at the end of the input")
	flags.BoolVar(&o.json, "json", false, "print one JSON object a line")
	o.password.bind(cmd, false)
	return cmd
}

// check completes the options, and refuses what cannot work before anything is done.
func (o *chatOptions) check() error {
	if o.server == "" {
		o.server = o.environ["CHATIRECTL_SERVER"]
	}
	if o.server == "" {
		o.server = "http://127.0.0.1:8000"
	}
	if o.history < 0 || o.history > chat.MaxPage {
		return usageErrorf("--history must be from 0 to %d", chat.MaxPage)
	}
	if o.username != "" {
		return o.password.check(&o.terminal)
	}
	if o.environ["CHATIRECTL_TOKEN"] == "" {
		return usageErrorf("nobody is signed in: say --username, or set CHATIRECTL_TOKEN")
	}
	return nil
}

func (o *chatOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	var options []client.Option
	if len(o.sockets) > 0 {
		options = append(options, client.WithWebsockets(o.sockets...))
	}
	c, err := client.New(o.server, options...)
	if err != nil {
		return usageError{err}
	}
	defer c.Close()
	me, signOut, err := o.signIn(ctx, c)
	if err != nil {
		return o.noServer(err)
	}
	defer signOut()
	t, err := o.enter(ctx, me)
	if err != nil {
		return o.noServer(err)
	}
	return t.run(ctx)
}

// noServer says more about a server that does not answer.
func (o *chatOptions) noServer(err error) error {
	if !isUnreachable(err) {
		return err
	}
	return unreachableError{fmt.Errorf("%w\nDoes Chatire run at %s? Say where with --server", err, o.server)}
}

// signIn returns a client that is signed in, and what ends a token that was made
// for it.
func (o *chatOptions) signIn(ctx context.Context, c *client.Client) (*client.Client, func(), error) {
	if o.username == "" {
		return c.As(o.environ["CHATIRECTL_TOKEN"]), func() {}, nil
	}
	password, err := o.password.read(ctx, &o.terminal, false)
	if err != nil {
		return nil, nil, err
	}
	token, err := c.SignIn(ctx, o.username, string(password), "chatirectl")
	if chat.CodeOf(err) == chat.Invalid {
		return nil, nil, chat.Errorf(chat.Unauthorized, "The user or the password is wrong.")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("sign in: %w", err)
	}
	me := c.As(token)
	return me, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := me.SignOut(ctx); err != nil {
			o.note("The token of this session could not be ended: %v", err)
		}
	}, nil
}

// enter looks at the session and prints what was said before.
func (o *chatOptions) enter(ctx context.Context, me *client.Client) (*talk, error) {
	if o.join {
		if err := me.Join(ctx, o.uri); err != nil {
			return nil, o.noSession(err)
		}
	}
	session, err := me.Session(ctx, o.uri)
	if err != nil {
		return nil, o.noSession(err)
	}
	t := newTalk(o, me, session.Head)
	if o.history == 0 {
		return t, nil
	}
	page, err := me.History(ctx, o.uri, chat.HistoryPage{Limit: o.history})
	if err != nil {
		return nil, fmt.Errorf("read what was said: %w", err)
	}
	for _, m := range page.Messages {
		t.show(client.Event{
			URI:         o.uri,
			Seq:         m.Seq,
			ID:          m.ID,
			Rev:         m.Rev,
			Type:        chat.EventMessage,
			User:        m.User,
			CreatedDate: m.CreatedDate,
			Message:     m.Text,
			ClientID:    m.ClientID,
		})
	}
	return t, nil
}

// noSession says more about a session that was not found.
func (o *chatOptions) noSession(err error) error {
	if chat.CodeOf(err) != chat.NotFound {
		return fmt.Errorf("look at the session: %w", err)
	}
	return chat.Errorf(chat.NotFound, "There is no session %q that you are a member of. Whoever has its link may join: say --join.", o.uri)
}
