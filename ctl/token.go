package ctl

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
)

func newTokenCommand() *cobra.Command {
	return newNoun("token", "Manage the tokens of users",
		newTokenCreateCommand(), newTokenListCommand(), newTokenRevokeCommand())
}

// signIn is a token as it is shown. secret is there once, when it was made.
type signIn struct {
	chat.Token
	secret chat.Secret
}

// tokenKind shows tokens, with the secret where one was made.
func tokenKind(made bool) kind[signIn] {
	k := kind[signIn]{
		name: "Token",
		columns: []column[signIn]{
			{"ID", func(s signIn) string { return strconv.FormatInt(s.ID, 10) }},
			{"LABEL", func(s signIn) string { return s.Label }},
			{"CREATED", func(s signIn) string { return moment(s.CreatedAt) }},
			{"LAST-USED", func(s signIn) string { return moment(s.LastUsed) }},
			{"EXPIRES", func(s signIn) string { return moment(s.ExpiresAt) }},
		},
		id: func(s signIn) string { return fmt.Sprintf("token/%d", s.ID) },
		json: func(s signIn) any {
			return struct {
				ID       int64      `json:"id"`
				Label    string     `json:"label"`
				Created  *time.Time `json:"created"`
				LastUsed *time.Time `json:"lastUsed"`
				Expires  *time.Time `json:"expires"`
				Token    string     `json:"token,omitempty"` // of one that was made
			}{s.ID, s.Label, jsonMoment(s.CreatedAt), jsonMoment(s.LastUsed), jsonMoment(s.ExpiresAt), string(s.secret)}
		},
	}
	if made {
		k.columns = append(k.columns, column[signIn]{"TOKEN", func(s signIn) string { return string(s.secret) }})
	}
	return k
}

type tokenOptions struct {
	terminal
	output
	username string
	id       string
	label    string
	ttl      time.Duration
	all      bool
	yes      bool
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
	}
	o.output.bind(cmd)
	cmd.Flags().StringVar(&o.label, "label", "", "what the token is for")
	cmd.Flags().DurationVar(&o.ttl, "ttl", 0, "end the token after this `time`, used or not")
	return cmd
}

func (o *tokenOptions) create(ctx context.Context) error {
	if o.ttl < 0 || o.ttl > 0 && o.ttl < time.Second {
		return usageErrorf("--ttl must be a second or more")
	}
	i, err := openInstallation(ctx, &o.terminal, false)
	if err != nil {
		return err
	}
	defer i.close(&o.terminal)
	secret, token, err := i.chat.IssueToken(ctx, o.username, o.label, o.ttl)
	if err != nil {
		return noUser(err, o.username)
	}
	if o.format == formatName {
		o.note("The token is %s", string(secret))
	}
	return tokenKind(true).printOne(o.out, o.output, signIn{token, secret})
}

func newTokenListCommand() *cobra.Command {
	o := &tokenOptions{}
	cmd := &cobra.Command{
		Use:     "list USERNAME",
		Short:   "List the newest 200 tokens of a user",
		Example: `  chatirectl token list ada`,
		Args:    exactly("USERNAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.username = newTerminal(cmd), args[0]
			return o.list(cmd.Context())
		},
	}
	o.output.bind(cmd)
	return cmd
}

func (o *tokenOptions) list(ctx context.Context) error {
	i, err := openInstallation(ctx, &o.terminal, false)
	if err != nil {
		return err
	}
	defer i.close(&o.terminal)
	tokens, err := i.chat.UserTokens(ctx, o.username)
	if err != nil {
		return noUser(err, o.username)
	}
	var signIns []signIn
	for _, t := range tokens {
		signIns = append(signIns, signIn{Token: t})
	}
	return tokenKind(false).printList(o.out, o.output, signIns)
}

func newTokenRevokeCommand() *cobra.Command {
	o := &tokenOptions{}
	cmd := &cobra.Command{
		Use:   "revoke USERNAME {ID | --all}",
		Short: "End tokens of a user and their connections",
		Example: `  chatirectl token revoke ada 12
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
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "end all of them")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	return cmd
}

func (o *tokenOptions) revoke(ctx context.Context) error {
	id, what := int64(0), "all tokens"
	if !o.all {
		var err error
		if id, err = strconv.ParseInt(o.id, 10, 64); err != nil {
			return usageErrorf("%q is not the id of a token: chatirectl token list shows them", o.id)
		}
		what = fmt.Sprintf("token %d", id)
	}
	i, err := openInstallation(ctx, &o.terminal, true)
	if err != nil {
		return err
	}
	defer i.close(&o.terminal)
	if _, err := i.chat.UserNamed(ctx, o.username); err != nil {
		return noUser(err, o.username)
	}
	question := fmt.Sprintf("End %s of %s on %s?", what, printable(o.username), i.place)
	if err := o.confirm(ctx, o.yes, question); err != nil {
		return err
	}
	if o.all {
		return i.chat.RevokeUserTokens(ctx, o.username)
	}
	err = i.chat.RevokeUserToken(ctx, o.username, id)
	if errors.Is(err, chat.ErrNoToken) {
		return chat.Errorf(chat.NotFound, "%s has no token %d: chatirectl token list shows them.", o.username, id)
	}
	return err
}
