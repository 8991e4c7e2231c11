package ctl

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

func newAdminCommand() *cobra.Command {
	return newNoun("admin", "Set up the administrators", newAdminBootstrapCommand())
}

// bootstrapOptions are the flags of chatirectl admin bootstrap. It works on the database:
// before there is an administrator nobody can sign in as one.
type bootstrapOptions struct {
	terminal
	output
	password passwordFlags
	username string
	email    string
	exists   bool
}

func newAdminBootstrapCommand() *cobra.Command {
	o := &bootstrapOptions{}
	cmd := &cobra.Command{
		Use:   "bootstrap USERNAME",
		Short: "Make the first administrator",
		Long: `Make the first administrator, in the database of CHATIRE_DATABASE_URL. Where there is
one it refuses: there is no default account, and whoever comes first is nobody special.`,
		Example: `  chatirectl admin bootstrap root --generate
  chatirectl admin bootstrap root --password-stdin < password.txt`,
		Args: exactly("USERNAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.username = newTerminal(cmd), args[0]
			return o.run(cmd.Context())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	bindNewUser(cmd, &o.output, &o.password, &o.email)
	cmd.Flags().BoolVar(&o.exists, "if-not-exists", false, "succeed, and change nothing, where there is an administrator")
	return cmd
}

func (o *bootstrapOptions) run(ctx context.Context) error {
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
	ctx = chat.WithAdmin(ctx, localAdmin())
	user, err := i.chat.Bootstrap(ctx, chat.NewUser{Username: o.username, Email: o.email, Password: password})
	if o.exists && err == chat.ErrAdminExists {
		o.note("There is an administrator: nothing was changed.")
		return nil
	}
	if err != nil {
		return err
	}
	shown := client.AdminUser{ID: user.ID, Username: user.Username, Email: user.Email, Admin: true, CreatedDate: user.CreatedAt.Truncate(time.Microsecond)}
	return printMade(&o.terminal, o.output, shown, o.password, password)
}
