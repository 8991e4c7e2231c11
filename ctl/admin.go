package ctl

import (
	"github.com/spf13/cobra"
)

func newAdminCommand() *cobra.Command {
	return newNoun("admin", "Set up the administrators", newAdminBootstrapCommand())
}

func newAdminBootstrapCommand() *cobra.Command {
	o := &userCreateOptions{bootstrap: true}
	cmd := &cobra.Command{
		Use:   "bootstrap USERNAME",
		Short: "Make the first administrator",
		Long: `Make the first administrator. Where there is one it refuses: there is no default
account, and whoever comes first is nobody special.`,
		Example: `  chatirectl admin bootstrap root --generate
  chatirectl admin bootstrap root --password-stdin < password.txt`,
		Args: exactly("USERNAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.username = newTerminal(cmd), args[0]
			return o.run(cmd.Context())
		},
	}
	o.bind(cmd)
	return cmd
}
