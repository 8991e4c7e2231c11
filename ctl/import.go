package ctl

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/ctl/django"
	"github.com/chatire/chatire/pkg/chat"
)

func newImportCommand() *cobra.Command {
	return newNoun("import", "Move over from another installation", newImportDjangoCommand())
}

// djangoOptions are the flags of chatirectl import django.
type djangoOptions struct {
	terminal
	output
	address string
	file    string
	rename  bool
}

func newImportDjangoCommand() *cobra.Command {
	o := &djangoOptions{}
	cmd := &cobra.Command{
		Use:   "django",
		Short: "Bring in what a database of the original has",
		Long: `Bring accounts, tokens, sessions, members and messages of the original, a Django
application, into the database of CHATIRE_DATABASE_URL. People sign in with their old
passwords, programs with their old tokens, and links stay good.

All messages are read again on both sides and compared, and both sides are counted. It can
be run again, such as after a first run while the original still served: then it brings
what came since.

The database is postgres://user@host/name or sqlite:///path/db.sqlite3, and is only read. A
password is not taken from the command line, where others could see it: set PGPASSWORD, or
put the whole address into a file.`,
		Example: `  chatirectl import django --database-url sqlite:///var/lib/original/db.sqlite3
  chatirectl import django --database-url-file address.txt --rename-clashes`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.run(cmd.Context())
		},
	}
	o.output.bind(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.address, "database-url", "", "`address` of the original's database, without a password")
	flags.StringVar(&o.file, "database-url-file", "", "`file` with the address in its first line")
	flags.BoolVar(&o.rename, "rename-clashes", false, "put the id behind a name that another account has")
	return cmd
}

// source returns the address of the original's database.
func (o *djangoOptions) source() (string, error) {
	if o.file != "" && o.address != "" {
		return "", usageErrorf("several databases are named: say one of --database-url and --database-url-file")
	}
	if o.file != "" {
		address, err := readSecretFile(&o.terminal, "address", o.file)
		return string(address), err
	}
	if o.address == "" {
		return "", usageErrorf("the database is missing: say --database-url")
	}
	u, err := url.Parse(o.address)
	if err != nil {
		return "", usageErrorf("--database-url is no address")
	}
	if _, given := u.User.Password(); given || strings.Contains(u.RawQuery, "password") {
		return "", usageErrorf("others can see a password on the command line: set PGPASSWORD, or say --database-url-file")
	}
	return o.address, nil
}

// movedLine is how much there is of one sort.
type movedLine struct {
	what             string
	there, here, new int64
}

var movedKind = kind[movedLine]{
	name: "Moved",
	columns: []column[movedLine]{
		{"WHAT", func(l movedLine) string { return l.what }},
		{"THERE", func(l movedLine) string { return formatID(l.there) }},
		{"HERE", func(l movedLine) string { return formatID(l.here) }},
		{"NEW", func(l movedLine) string { return formatID(l.new) }},
	},
	id: func(l movedLine) string { return l.what },
	json: func(l movedLine) any {
		return struct {
			What  string `json:"what"`
			There int64  `json:"there"`
			Here  int64  `json:"here"`
			New   int64  `json:"new"`
		}{l.what, l.there, l.here, l.new}
	},
}

func (o *djangoOptions) run(ctx context.Context) error {
	address, err := o.source()
	if err != nil {
		return err
	}
	if path, local := strings.CutPrefix(address, "sqlite://"); local {
		if _, err := os.Stat(path); err != nil {
			return chat.Errorf(chat.NotFound, "There is no database at %s.", path)
		}
	}
	source, err := django.Open(ctx, address)
	if err != nil {
		return err
	}
	defer source.Close()
	i, err := openInstallation(ctx, &o.terminal, false)
	if err != nil {
		return err
	}
	defer i.close(&o.terminal)
	there, err := source.Count(ctx)
	if err != nil {
		return err
	}
	bar := newProgress(&o.terminal, "messages moved", there.Messages)
	mover := &django.Mover{
		Source:        source,
		Chat:          i.chat,
		RenameClashes: o.rename,
		Note:          func(format string, args ...any) { o.note("%s", printable(fmt.Sprintf(format, args...))) },
		Progress:      func(n int) { bar.add(int64(n)) },
	}
	result, err := mover.Run(chat.WithAdmin(ctx, localAdmin()))
	bar.end()
	if err != nil {
		return err
	}
	lines := []movedLine{
		{"users", result.There.Users, result.Here.Users, result.New.Users},
		{"tokens", result.There.Tokens, result.Here.Tokens, result.New.Tokens},
		{"sessions", result.There.Sessions, result.Here.Sessions, result.New.Sessions},
		{"members", result.There.Members, result.Here.Members, result.New.Members},
		{"messages", result.There.Messages, result.Here.Messages, result.New.Messages},
	}
	if err := movedKind.list(&o.terminal, o.output, lines); err != nil {
		return err
	}
	for _, l := range lines {
		if l.there != l.here {
			return partialError{chat.Errorf(chat.Conflict, "Not all is here. If the original is still in use, run it again.")}
		}
	}
	o.note("All is here, and all messages are the same on both sides.")
	return nil
}
