package ctl

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

func newUserCommand() *cobra.Command {
	return newNoun("user", "Manage accounts",
		newUserCreateCommand(), newUserListCommand(), newUserGetCommand(), newUserUpdateCommand(),
		newUserEnableCommand(), newUserDisableCommand(), newUserPasswordCommand(), newUserDeleteCommand(),
		newUserImportCommand(), newUserExportCommand())
}

// account is a user as it is shown. made is a password that was made, to be shown once.
type account struct {
	client.AdminUser
	made chat.Secret
}

// userKind shows accounts, with the password where one was made.
func userKind(made bool) kind[account] {
	k := kind[account]{
		name: "User",
		columns: []column[account]{
			{"ID", func(a account) string { return formatID(a.ID) }},
			{"USERNAME", func(a account) string { return a.Username }},
			{"EMAIL", func(a account) string { return a.Email }},
			{"ROLE", func(a account) string { return map[bool]string{true: "admin", false: "user"}[a.Admin] }},
			{"STATE", func(a account) string { return map[bool]string{true: "disabled", false: "enabled"}[a.Disabled] }},
			{"CREATED", func(a account) string { return moment(a.CreatedDate) }},
			{"LAST-SIGN-IN", func(a account) string { return moment(orZero(a.LastSeen)) }},
		},
		id:   func(a account) string { return "user/" + a.Username },
		json: userJSON,
	}
	if made {
		k.columns = append(k.columns, column[account]{"PASSWORD", func(a account) string { return string(a.made) }})
	}
	return k
}

// formatID returns an id as it is shown.
func formatID(id int64) string { return strconv.FormatInt(id, 10) }

// orZero returns a time, the zero one for none.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
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
	}{a.ID, a.Username, a.Email, a.Admin, a.Disabled, jsonMoment(a.CreatedDate), jsonMoment(orZero(a.LastSeen)), string(a.made)}
}

func newUserListCommand() *cobra.Command {
	return newListCommand("List all accounts in the order they were made", `  chatirectl user list
  chatirectl user list -o name`, userKind(false), func(ctx context.Context, t *target) ([]account, error) {
		users, err := everything(func(after int64) ([]client.AdminUser, bool, error) { return t.Users(ctx, after) },
			func(u client.AdminUser) int64 { return u.ID })
		accounts := make([]account, len(users))
		for i, u := range users {
			accounts[i] = account{AdminUser: u}
		}
		return accounts, err
	})
}

// userOptions are those of the commands about one account.
type userOptions struct {
	change
	password passwordFlags
	username string
	email    string
	rename   string
	admin    bool
}

// newUserVerb makes a command about one account that runs fn.
func newUserVerb(o *userOptions, use, short string, fn func(ctx context.Context, cmd *cobra.Command) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use + " USERNAME",
		Short: short,
		Args:  exactly("USERNAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.username = newTerminal(cmd), args[0]
			return fn(cmd.Context(), cmd)
		},
		ValidArgsFunction: completing(completeUsers),
	}
	o.output.bind(cmd)
	return cmd
}

func newUserGetCommand() *cobra.Command {
	o := &userOptions{}
	cmd := newUserVerb(o, "get", "Show an account", o.get)
	cmd.Example = "  chatirectl user get ada -o json"
	cmd.Flags().BoolVar(&o.ignoreMissing, "ignore-not-found", false, "succeed where there is no such account")
	return cmd
}

func (o *userOptions) get(ctx context.Context, _ *cobra.Command) error {
	t, err := o.connect(ctx, false)
	if err != nil {
		return err
	}
	defer t.close()
	return o.finish(o.show(ctx, t), t, nil)
}

// show prints the account as it is now.
func (o *userOptions) show(ctx context.Context, t *target) error {
	user, err := t.User(ctx, o.username)
	if err != nil {
		return noUser(err, o.username)
	}
	return userKind(false).one(&o.terminal, o.output, account{AdminUser: user})
}

// noUser says more about a user that was not found.
func noUser(err error, username string) error {
	if chat.CodeOf(err) != chat.NotFound {
		return err
	}
	return chat.Errorf(chat.NotFound, "There is no user named %q: chatirectl user list shows all, and case counts.", username)
}

func newUserUpdateCommand() *cobra.Command {
	o := &userOptions{}
	cmd := newUserVerb(o, "update", "Change an account's name or address, or what it may do", o.update)
	cmd.Example = `  chatirectl user update ada --email ada@example.com
  chatirectl user update ada --admin=false`
	cmd.Flags().StringVar(&o.email, "email", "", `new `+"`address`"+`; "" takes it away`)
	cmd.Flags().StringVar(&o.rename, "username", "", "new `name`")
	cmd.Flags().BoolVar(&o.admin, "admin", false, "make the user an administrator, or with =false none")
	o.bind(cmd, false)
	return cmd
}

func (o *userOptions) update(ctx context.Context, cmd *cobra.Command) error {
	var next chat.UserChange
	for _, flag := range []struct {
		name string
		set  func()
	}{
		{"email", func() { next.Email = &o.email }},
		{"username", func() { next.Username = &o.rename }},
		{"admin", func() { next.Admin = &o.admin }},
	} {
		if cmd.Flags().Changed(flag.name) {
			flag.set()
		}
	}
	if next == (chat.UserChange{}) {
		return usageErrorf("nothing is to be changed: say --email, --username or --admin")
	}
	t, err := o.connectTo(ctx, "update "+printable(o.username), false)
	if err != nil || t == nil {
		return err
	}
	defer t.close()
	user, err := t.UpdateUser(ctx, o.username, next)
	if err := o.finish(noUser(err, o.username), t, nil); err != nil {
		return err
	}
	return userKind(false).one(&o.terminal, o.output, account{AdminUser: user})
}

func newUserEnableCommand() *cobra.Command {
	o := &userOptions{}
	cmd := newUserVerb(o, "enable", "Let a disabled user sign in again", func(ctx context.Context, _ *cobra.Command) error {
		t, err := o.connectTo(ctx, "enable "+printable(o.username), false)
		if err != nil || t == nil {
			return err
		}
		defer t.close()
		err = noUser(t.EnableUser(ctx, o.username), o.username)
		return o.finish(err, t, func() error { return o.show(ctx, t) })
	})
	cmd.Example = "  chatirectl user enable ada"
	o.bind(cmd, false)
	return cmd
}

func newUserDisableCommand() *cobra.Command {
	o := &userOptions{}
	cmd := newUserVerb(o, "disable", "Shut a user out and end their tokens and connections", func(ctx context.Context, _ *cobra.Command) error {
		return o.end(ctx, "Disable", client.Admin.DisableUser, o.show)
	})
	cmd.Example = "  chatirectl user disable ada --yes"
	o.bind(cmd, true)
	return cmd
}

func newUserDeleteCommand() *cobra.Command {
	o := &userOptions{}
	cmd := newUserVerb(o, "delete", "Delete an account; its messages stay, without a name", func(ctx context.Context, _ *cobra.Command) error {
		return o.end(ctx, "Delete", client.Admin.DeleteUser, nil)
	})
	cmd.Long = `Delete an account. It leaves all sessions; those that it owns pass to the oldest other
member, or are closed where there is none. Its messages stay, without a name. This cannot
be taken back: chatirectl user disable can.`
	cmd.Example = "  chatirectl user delete ada --yes"
	o.bind(cmd, true)
	return cmd
}

// end asks, and does to an account what is hard to take back.
func (o *userOptions) end(ctx context.Context, verb string, do func(client.Admin, context.Context, string) error,
	show func(context.Context, *target) error) error {
	t, err := o.connectTo(ctx, lower(verb)+" "+printable(o.username), true)
	if err != nil || t == nil {
		return err
	}
	defer t.close()
	if _, err := t.User(ctx, o.username); err != nil {
		return o.finish(noUser(err, o.username), t, nil)
	}
	if err := o.ask(ctx, t, "%s %s", verb, printable(o.username)); err != nil {
		return err
	}
	err = noUser(do(t.Admin, ctx, o.username), o.username)
	if show == nil {
		return o.finish(err, t, nil)
	}
	return o.finish(err, t, func() error { return show(ctx, t) })
}

func newUserPasswordCommand() *cobra.Command {
	o := &userOptions{}
	cmd := newUserVerb(o, "password", "Set a user's password and end their tokens and connections", o.setPassword)
	cmd.Example = `  chatirectl user password ada --generate
  chatirectl user password ada --password-stdin < password.txt`
	o.password.bind(cmd, true)
	o.bind(cmd, false)
	return cmd
}

func (o *userOptions) setPassword(ctx context.Context, _ *cobra.Command) error {
	if err := o.password.check(&o.terminal); err != nil {
		return err
	}
	t, err := o.connectTo(ctx, "set the password of "+printable(o.username), true)
	if err != nil || t == nil {
		return err
	}
	defer t.close()
	user, err := t.User(ctx, o.username)
	if err != nil {
		return o.finish(noUser(err, o.username), t, nil)
	}
	password, err := o.password.read(ctx, &o.terminal, true)
	if err != nil {
		return err
	}
	err = noUser(t.SetPassword(ctx, o.username, password), o.username)
	return o.finish(err, t, func() error { return printMade(&o.terminal, o.output, user, o.password, password) })
}
