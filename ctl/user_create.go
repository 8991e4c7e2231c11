package ctl

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
)

type userCreateOptions struct {
	terminal
	output
	password  passwordFlags
	username  string
	email     string
	admin     bool
	bootstrap bool
}

func newUserCreateCommand() *cobra.Command {
	o := &userCreateOptions{}
	cmd := &cobra.Command{
		Use:   "create USERNAME",
		Short: "Make an account, also where registration is closed",
		Example: `  chatirectl user create ada --email ada@example.com --generate
  chatirectl user create ada --password-file password.txt`,
		Args: exactly("USERNAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.username = newTerminal(cmd), args[0]
			return o.run(cmd.Context())
		},
	}
	o.bind(cmd)
	cmd.Flags().BoolVar(&o.admin, "admin", false, "make the user an administrator")
	return cmd
}

func (o *userCreateOptions) bind(cmd *cobra.Command) {
	o.output.bind(cmd)
	o.password.bind(cmd, true)
	cmd.Flags().StringVar(&o.email, "email", "", "`address` for mails about the account")
}

func (o *userCreateOptions) run(ctx context.Context) error {
	if err := o.password.check(&o.terminal); err != nil {
		return err
	}
	i, err := openInstallation(ctx, &o.terminal, false)
	if err != nil {
		return err
	}
	defer i.close(&o.terminal)
	password, err := o.password.read(ctx, &o.terminal, true)
	if err != nil {
		return err
	}
	create := i.chat.CreateUser
	if o.bootstrap {
		create = i.chat.Bootstrap
	}
	user, err := create(ctx, chat.NewUser{Username: o.username, Email: o.email, Password: password, Admin: o.admin})
	if err != nil {
		return err
	}
	return printMade(&o.terminal, o.output, user, o.password, password)
}

// printMade prints an account after its password was set. One that was made is
// shown wherever the format has no place for it.
func printMade(t *terminal, o output, u chat.User, p passwordFlags, password chat.Secret) error {
	if !p.generate {
		return userKind(false).printOne(t.out, o, account{User: u})
	}
	if o.format == formatName {
		t.note("The password of %s is %s", printable(u.Username), string(password))
	}
	return userKind(true).printOne(t.out, o, account{u, password})
}
