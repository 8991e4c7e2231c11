package ctl

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

type userCreateOptions struct {
	change
	password    passwordFlags
	username    string
	email       string
	admin       bool
	ifNotExists bool
}

func newUserCreateCommand() *cobra.Command {
	o := &userCreateOptions{}
	cmd := &cobra.Command{
		Use:   "create USERNAME",
		Short: "Make an account, also where registration is closed",
		Example: `  chatirectl user create grace --email grace@example.com --generate
  chatirectl user create bot --password-file password.txt --if-not-exists`,
		Args: exactly("USERNAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.username = newTerminal(cmd), args[0]
			return o.run(cmd.Context())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	bindNewUser(cmd, &o.output, &o.password, &o.email)
	cmd.Flags().BoolVar(&o.admin, "admin", false, "make the user an administrator")
	cmd.Flags().BoolVar(&o.ifNotExists, "if-not-exists", false, "succeed, and change nothing, where the name is taken")
	o.bind(cmd, false)
	return cmd
}

// bindNewUser adds the flags of a command that makes an account.
func bindNewUser(cmd *cobra.Command, o *output, p *passwordFlags, email *string) {
	o.bind(cmd)
	p.bind(cmd, true)
	cmd.Flags().StringVar(email, "email", "", "`address` for mails about the account")
}

func (o *userCreateOptions) run(ctx context.Context) error {
	if err := o.password.check(&o.terminal); err != nil {
		return err
	}
	t, err := o.connectTo(ctx, "make the user "+printable(o.username), false)
	if err != nil || t == nil {
		return err
	}
	defer t.close()
	password, err := o.password.read(ctx, &o.terminal, true)
	if err != nil {
		return err
	}
	user, err := t.CreateUser(ctx, chat.NewUser{Username: o.username, Email: o.email, Password: password, Admin: o.admin})
	if o.ifNotExists && errors.Is(err, chat.ErrUsernameTaken) {
		o.note("The user is there: nothing was changed.")
		if user, err = t.User(ctx, o.username); err != nil {
			return explainTarget(noUser(err, o.username), t.place)
		}
		return userKind(false).one(&o.terminal, o.output, account{AdminUser: user})
	}
	if err := o.finish(err, t, nil); err != nil {
		return err
	}
	return printMade(&o.terminal, o.output, user, o.password, password)
}

// printMade prints an account after its password was set. One that was made is
// shown wherever the format has no place for it.
func printMade(t *terminal, o output, u client.AdminUser, p passwordFlags, password chat.Secret) error {
	if !p.generate {
		return userKind(false).one(t, o, account{AdminUser: u})
	}
	if o.format == formatName {
		t.note("The password of %s is %s", printable(u.Username), string(password))
	}
	return userKind(true).one(t, o, account{u, password})
}
