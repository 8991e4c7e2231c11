// Package ctl is the program chatirectl: what operators do with an installation,
// and all of Chatire as one process. A file is a noun or a verb; each command has
// its options, a constructor that binds flags to them, and a run.
//
// The commands that administer speak the admin API: of a server, or within their own
// process, where they work on the database. Data goes to the standard output,
// everything else to the standard error.
package ctl

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Main is the main function of chatirectl and returns its exit status. A second
// signal ends the process at once.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop)
	cmd, err := newRootCommand().ExecuteContextC(ctx)
	return report(os.Stderr, cmd, err)
}

func newRootCommand() *cobra.Command {
	root := newNoun("chatirectl", "Run and administer Chatire",
		newDevCommand(),
		newMigrateCommand(),
		newAdminCommand(),
		newContextCommand(),
		administering(newUserCommand()),
		administering(newTokenCommand()),
		administering(newSessionCommand()),
		administering(newMessageCommand()),
		administering(newAuditCommand()),
		newApplyCommand(),
		newDiffCommand(),
		newImportCommand(),
		newTraceCommand(),
		newTopCommand(),
		newSecretsCommand(),
		newExplainCommand(),
		newDocsCommand(),
		newChatCommand(),
		newBenchCommand(),
		newVerifyCommand(),
		newDoctorCommand(),
		newConfigCommand(),
		newVersionCommand(),
		newExitCodesTopic(),
	)
	root.Long = `Run and administer Chatire.

To try it on this machine, with nothing installed:

  chatirectl dev

To set up an installation, say where its database is, make the tables and the
first administrator:

  export CHATIRE_DATABASE_URL=postgres://user:password@host/chatire
  chatirectl migrate up
  chatirectl admin bootstrap root --generate

To administer one that runs, sign in to it once:

  chatirectl context add NAME --server https://chat.example.com --username root

The servers then run with the same settings; chatirectl config lists them.`
	bindTerminal(root)
	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	complainAsUsage(root)
	return root
}

// complainAsUsage makes what is wrong with arguments a usageError in all commands.
func complainAsUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		complainAsUsage(sub)
	}
}

// newNoun makes a command that only has others. Alone it shows its help.
func newNoun(use, short string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  noSuchCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(verbs...)
	return cmd
}

// noSuchCommand refuses what should have been the name of a command.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
	}
	return fmt.Errorf("there is no command %q%s", args[0], hint)
}

// exactly wants one argument for each name.
func exactly(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return fmt.Errorf("%s is missing", names[len(args)])
		}
		if len(args) > len(names) {
			return fmt.Errorf("%q is one argument too many", args[len(names)])
		}
		return nil
	}
}
