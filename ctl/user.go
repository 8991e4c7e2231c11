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

func newUserCommand() *cobra.Command {
	return newNoun("user", "Manage accounts",
		newUserCreateCommand(), newUserListCommand(), newUserGetCommand(),
		newUserEnableCommand(), newUserDisableCommand(), newUserPasswordCommand())
}

// account is a user as it is shown. Password is one that was made, to be shown once.
type account struct {
	chat.User
	made chat.Secret
}

// userKind shows accounts, with the password where one was made.
func userKind(made bool) kind[account] {
	k := kind[account]{
		name: "User",
		columns: []column[account]{
			{"ID", func(a account) string { return strconv.FormatInt(a.ID, 10) }},
			{"USERNAME", func(a account) string { return a.Username }},
			{"EMAIL", func(a account) string { return a.Email }},
			{"ROLE", func(a account) string { return map[bool]string{true: "admin", false: "user"}[a.Admin] }},
			{"STATE", func(a account) string { return map[bool]string{true: "disabled", false: "enabled"}[a.Disabled] }},
			{"CREATED", func(a account) string { return moment(a.CreatedAt) }},
			{"LAST-SIGN-IN", func(a account) string { return moment(a.lastSeen()) }},
		},
		id:   func(a account) string { return "user/" + a.Username },
		json: userJSON,
	}
	if made {
		k.columns = append(k.columns, column[account]{"PASSWORD", func(a account) string { return string(a.made) }})
	}
	return k
}

func (a account) lastSeen() time.Time {
	if a.LastSeen == nil {
		return time.Time{}
	}
	return *a.LastSeen
}

func userJSON(a account) any {
	return struct {
		ID         int64      `json:"id"`
		Username   string     `json:"username"`
		Email      string     `json:"email"`
		Admin      bool       `json:"admin"`
		Disabled   bool       `json:"disabled"`
		Created    *time.Time `json:"created"`
		LastSignIn *time.Time `json:"lastSignIn"`
		Password   string     `json:"password,omitempty"` // one that was made
	}{a.ID, a.Username, a.Email, a.Admin, a.Disabled, jsonMoment(a.CreatedAt), jsonMoment(a.lastSeen()), string(a.made)}
}

type userListOptions struct {
	terminal
	output
}

func newUserListCommand() *cobra.Command {
	o := &userListOptions{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List all accounts in the order they were made",
		Example: `  chatirectl user list
  chatirectl user list -o name`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.run(cmd.Context())
		},
	}
	o.output.bind(cmd)
	return cmd
}

func (o *userListOptions) run(ctx context.Context) error {
	i, err := openInstallation(ctx, &o.terminal, false)
	if err != nil {
		return err
	}
	defer i.close(&o.terminal)
	users, err := everything(func(after int64) ([]chat.User, error) { return i.chat.Users(ctx, after, listPage) },
		func(u chat.User) int64 { return u.ID })
	if err != nil {
		return err
	}
	accounts := make([]account, len(users))
	for n, u := range users {
		accounts[n] = account{User: u}
	}
	return userKind(false).printList(o.out, o.output, accounts)
}

// userOptions are those of the commands about one account.
type userOptions struct {
	terminal
	output
	password passwordFlags
	username string
	yes      bool
}

// newUserVerb makes a command about one account that runs fn.
func newUserVerb(o *userOptions, use, short string, fn func(ctx context.Context) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use + " USERNAME",
		Short: short,
		Args:  exactly("USERNAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.username = newTerminal(cmd), args[0]
			return fn(cmd.Context())
		},
	}
	o.output.bind(cmd)
	return cmd
}

func newUserGetCommand() *cobra.Command {
	o := &userOptions{}
	cmd := newUserVerb(o, "get", "Show an account", o.get)
	cmd.Example = "  chatirectl user get ada -o json"
	return cmd
}

func (o *userOptions) get(ctx context.Context) error {
	i, err := openInstallation(ctx, &o.terminal, false)
	if err != nil {
		return err
	}
	defer i.close(&o.terminal)
	return o.show(ctx, i)
}

// show prints the account as it is now.
func (o *userOptions) show(ctx context.Context, i *installation) error {
	user, err := i.chat.UserNamed(ctx, o.username)
	if err != nil {
		return noUser(err, o.username)
	}
	return userKind(false).printOne(o.out, o.output, account{User: user})
}

// noUser says more about a user that was not found.
func noUser(err error, username string) error {
	if !errors.Is(err, chat.ErrNotFound) {
		return err
	}
	return chat.Errorf(chat.NotFound, "There is no user named %q: chatirectl user list shows all, and case counts.", username)
}

func newUserEnableCommand() *cobra.Command {
	o := &userOptions{}
	cmd := newUserVerb(o, "enable", "Let a disabled user sign in again", o.enable)
	cmd.Example = "  chatirectl user enable ada"
	return cmd
}

func (o *userOptions) enable(ctx context.Context) error {
	i, err := openInstallation(ctx, &o.terminal, false)
	if err != nil {
		return err
	}
	defer i.close(&o.terminal)
	if err := i.chat.EnableUser(ctx, o.username); err != nil {
		return noUser(err, o.username)
	}
	return o.show(ctx, i)
}

func newUserDisableCommand() *cobra.Command {
	o := &userOptions{}
	cmd := newUserVerb(o, "disable", "Shut a user out and end their tokens and connections", o.disable)
	cmd.Example = "  chatirectl user disable ada --yes"
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	return cmd
}

func (o *userOptions) disable(ctx context.Context) error {
	i, err := openInstallation(ctx, &o.terminal, true)
	if err != nil {
		return err
	}
	defer i.close(&o.terminal)
	if _, err := i.chat.UserNamed(ctx, o.username); err != nil {
		return noUser(err, o.username)
	}
	question := fmt.Sprintf("Disable %s on %s?", printable(o.username), i.place)
	if err := o.confirm(ctx, o.yes, question); err != nil {
		return err
	}
	if err := i.chat.DisableUser(ctx, o.username); err != nil {
		return noUser(err, o.username)
	}
	return o.show(ctx, i)
}

func newUserPasswordCommand() *cobra.Command {
	o := &userOptions{}
	cmd := newUserVerb(o, "password", "Set a user's password and end their tokens and connections", o.setPassword)
	cmd.Example = `  chatirectl user password ada --generate
  pass chatire/ada | chatirectl user password ada --password-stdin`
	o.password.bind(cmd, true)
	return cmd
}

func (o *userOptions) setPassword(ctx context.Context) error {
	if err := o.password.check(&o.terminal); err != nil {
		return err
	}
	i, err := openInstallation(ctx, &o.terminal, true)
	if err != nil {
		return err
	}
	defer i.close(&o.terminal)
	user, err := i.chat.UserNamed(ctx, o.username)
	if err != nil {
		return noUser(err, o.username)
	}
	password, err := o.password.read(ctx, &o.terminal, true)
	if err != nil {
		return err
	}
	if err := i.chat.SetUserPassword(ctx, o.username, password); err != nil {
		return noUser(err, o.username)
	}
	return printMade(&o.terminal, o.output, user, o.password, password)
}
