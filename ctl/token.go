package ctl

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

func newTokenCommand() *cobra.Command {
	return newNoun("token", "Manage the tokens of users",
		newTokenCreateCommand(), newTokenListCommand(), newTokenRotateCommand(), newTokenRevokeCommand())
}

// tokenKind shows tokens, with the secret where one was made.
func tokenKind(made bool) kind[client.AdminToken] {
	k := kind[client.AdminToken]{
		name: "Token",
		columns: []column[client.AdminToken]{
			{"ID", func(t client.AdminToken) string { return formatID(t.ID) }},
			{"LABEL", func(t client.AdminToken) string { return t.Label }},
			{"CREATED", func(t client.AdminToken) string { return moment(t.CreatedDate) }},
			{"LAST-USED", func(t client.AdminToken) string { return moment(t.LastUsed) }},
			{"EXPIRES", func(t client.AdminToken) string { return moment(t.Expires) }},
		},
		id: func(t client.AdminToken) string { return fmt.Sprintf("token/%d", t.ID) },
		json: func(t client.AdminToken) any {
			return struct {
				ID       int64      `json:"id"`
				Label    string     `json:"label"`
				Created  *time.Time `json:"created"`
				LastUsed *time.Time `json:"lastUsed"`
				Expires  *time.Time `json:"expires"`
				Token    string     `json:"token,omitempty"` // of one that was made
			}{t.ID, t.Label, jsonMoment(t.CreatedDate), jsonMoment(t.LastUsed), jsonMoment(t.Expires), string(t.AuthToken)}
		},
	}
	if made {
		k.columns = append(k.columns, column[client.AdminToken]{"TOKEN", func(t client.AdminToken) string { return string(t.AuthToken) }})
	}
	return k
}

type tokenOptions struct {
	change
	username string
	id       string
	label    string
	ttl      time.Duration
	all      bool
}

func newTokenCreateCommand() *cobra.Command {
	o := &tokenOptions{}
	cmd := &cobra.Command{
		Use:   "create USERNAME",
		Short: "Make a token for a user and show it once",
		Long: `Make a token with which a program acts as a user, and show it. It cannot be shown
again: only a digest of it is kept.

Without --ttl it lives as one from a sign-in does: until it was not used for 90 days.`,
		Example: `  chatirectl token create bot --label "build robot" --ttl 720h`,
		Args:    exactly("USERNAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.username = newTerminal(cmd), args[0]
			return o.create(cmd.Context())
		},
		ValidArgsFunction: completing(completeUsers),
	}
	o.output.bind(cmd)
	cmd.Flags().StringVar(&o.label, "label", "", "what the token is for")
	cmd.Flags().DurationVar(&o.ttl, "ttl", 0, "end the token after this `time`, used or not")
	o.bind(cmd, false)
	return cmd
}

func (o *tokenOptions) create(ctx context.Context) error {
	if o.ttl < 0 || o.ttl > 0 && o.ttl < time.Second {
		return usageErrorf("--ttl must be a second or more")
	}
	t, err := o.connectTo(ctx, "make a token for "+printable(o.username), false)
	if err != nil || t == nil {
		return err
	}
	defer t.close()
	token, err := t.CreateToken(ctx, o.username, o.label, o.ttl)
	return o.finish(noUser(err, o.username), t, func() error { return o.showMade(token) })
}

// showMade shows a token with its secret, wherever the format has a place for it.
func (o *tokenOptions) showMade(token client.AdminToken) error {
	if o.format == formatName {
		o.note("The token is %s", string(token.AuthToken))
	}
	return tokenKind(true).one(&o.terminal, o.output, token)
}

func newTokenListCommand() *cobra.Command {
	o := &listOptions{}
	cmd := &cobra.Command{
		Use:     "list USERNAME",
		Short:   "List the newest 200 tokens of a user",
		Example: `  chatirectl token list ada`,
		Args:    exactly("USERNAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal = newTerminal(cmd)
			return listAll(cmd.Context(), o, tokenKind(false), func(ctx context.Context, t *target) ([]client.AdminToken, error) {
				tokens, err := t.Tokens(ctx, args[0])
				return tokens, noUser(err, args[0])
			})
		},
		ValidArgsFunction: completing(completeUsers),
	}
	o.output.bind(cmd)
	return cmd
}

// number returns the id that was given.
func (o *tokenOptions) number() (int64, error) {
	id, err := strconv.ParseInt(o.id, 10, 64)
	if err != nil {
		return 0, usageErrorf("%q is not the id of a token: chatirectl token list shows them", o.id)
	}
	return id, nil
}

// noToken says more about a token, or its user, that was not found.
func (o *tokenOptions) noToken(err error) error {
	if answer, ok := asAnswer(err); ok && answer.Detail == chat.ErrNoToken.Error() {
		return chat.Errorf(chat.NotFound, "%s has no token %s: chatirectl token list shows them.", printable(o.username), o.id)
	}
	return noUser(err, o.username)
}

func newTokenRotateCommand() *cobra.Command {
	o := &tokenOptions{}
	cmd := &cobra.Command{
		Use:   "rotate USERNAME ID",
		Short: "Replace a token by a new one and show it once",
		Long: `Replace a token by a new one with the same label and the same end, and show it. The old
one ends at once, with its connections.`,
		Example: `  chatirectl token rotate bot 12 --yes`,
		Args:    exactly("USERNAME", "ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.username, o.id = newTerminal(cmd), args[0], args[1]
			return o.rotate(cmd.Context())
		},
		ValidArgsFunction: completing(completeUsers, completeTokens),
	}
	o.output.bind(cmd)
	o.bind(cmd, true)
	return cmd
}

func (o *tokenOptions) rotate(ctx context.Context) error {
	id, err := o.number()
	if err != nil {
		return err
	}
	t, err := o.connectTo(ctx, fmt.Sprintf("replace token %d of %s", id, printable(o.username)), true)
	if err != nil || t == nil {
		return err
	}
	defer t.close()
	if err := o.ask(ctx, t, "Replace token %d of %s", id, printable(o.username)); err != nil {
		return err
	}
	token, err := t.RotateToken(ctx, o.username, id)
	return o.finish(o.noToken(err), t, func() error { return o.showMade(token) })
}

func newTokenRevokeCommand() *cobra.Command {
	o := &tokenOptions{}
	cmd := &cobra.Command{
		Use:   "revoke USERNAME {ID | --all}",
		Short: "End tokens of a user and their connections",
		Example: `  chatirectl token revoke bot 13 --yes
  chatirectl token revoke ada --all --yes`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.all {
				return exactly("USERNAME")(cmd, args)
			}
			return exactly("USERNAME", "ID")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.username = newTerminal(cmd), args[0]
			if !o.all {
				o.id = args[1]
			}
			return o.revoke(cmd.Context())
		},
		ValidArgsFunction: completing(completeUsers, completeTokens),
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "end all of them")
	o.bind(cmd, true)
	return cmd
}

func (o *tokenOptions) revoke(ctx context.Context) (err error) {
	id, what := int64(0), "all tokens"
	if !o.all {
		if id, err = o.number(); err != nil {
			return err
		}
		what = fmt.Sprintf("token %d", id)
	}
	t, err := o.connectTo(ctx, fmt.Sprintf("end %s of %s", what, printable(o.username)), true)
	if err != nil || t == nil {
		return err
	}
	defer t.close()
	if _, err := t.User(ctx, o.username); err != nil {
		return o.finish(noUser(err, o.username), t, nil)
	}
	if err := o.ask(ctx, t, "End %s of %s", what, printable(o.username)); err != nil {
		return err
	}
	if o.all {
		err = t.RevokeTokens(ctx, o.username)
	} else {
		err = t.RevokeToken(ctx, o.username, id)
	}
	return o.finish(o.noToken(err), t, nil)
}
