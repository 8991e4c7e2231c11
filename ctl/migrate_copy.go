package ctl

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/config"
	"github.com/chatire/chatire/pkg/store"
)

// copyOptions are the flags of chatirectl migrate copy.
type copyOptions struct {
	change
	from string
}

func newMigrateCopyCommand() *cobra.Command {
	o := &copyOptions{}
	cmd := &cobra.Command{
		Use:   "copy",
		Short: "Move everything from SQLite to PostgreSQL",
		Long: `Copy everything that a SQLite database has, such as that of chatirectl dev, into the
PostgreSQL of CHATIRE_DATABASE_URL. Accounts, passwords, tokens, sessions, the log, the
audit: all stays as it is, ids and times too. The log is the same log, so devices go on
where they were.

Stop the server first. As long as anything has the source open, and be it idle, it is
refused; while it is copied nobody else can open it. It is only read, and must have the
schema of this build.

The target must be empty, or have no data: its schema is made or brought up to date. All
of it is one transaction, in which both sides are compared row by row. However it ends
before its end, the target is as it was, and it can be run again.

Give the new servers the CHATIRE_SECRET of the old one, or links in mails that were sent
are void. chatirectl dev keeps it in the file secret beside the database.`,
		Example: `  chatirectl migrate copy --from sqlite:///var/lib/chatire/chatire.db --dry-run=server
  chatirectl migrate copy --from sqlite:///var/lib/chatire/chatire.db -o json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.run(cmd.Context())
		},
	}
	o.change.bind(cmd, false)
	o.output.bind(cmd)
	cmd.Flags().StringVar(&o.from, "from", "", "`address` of the source: sqlite:///path/chatire.db")
	return cmd
}

var copiedKind = kind[store.Copied]{
	name: "Copied",
	columns: []column[store.Copied]{
		{"TABLE", func(c store.Copied) string { return c.Table }},
		{"ROWS", func(c store.Copied) string { return formatID(c.Rows) }},
	},
	wide: []column[store.Copied]{
		{"SHA256", func(c store.Copied) string { return c.Sum }},
	},
	id: func(c store.Copied) string { return "table/" + c.Table },
	json: func(c store.Copied) any {
		return struct {
			Table  string `json:"table"`
			Rows   int64  `json:"rows"`
			SHA256 string `json:"sha256"`
		}{c.Table, c.Rows, c.Sum}
	},
}

// path returns the file of the source.
func (o *copyOptions) path() (string, error) {
	if o.from == "" {
		return "", usageErrorf("the source is missing: say --from sqlite:///path/chatire.db")
	}
	path, local := strings.CutPrefix(o.from, "sqlite://")
	if !local || path == "" {
		return "", usageErrorf("--from must be a SQLite database, such as sqlite:///path/chatire.db: " +
			"a PostgreSQL is moved with pg_dump and pg_restore")
	}
	return path, nil
}

// target returns the address of the target.
func (o *copyOptions) target() (chat.Secret, error) {
	c, err := config.Read(o.environ)
	if err != nil {
		return "", fmt.Errorf("the settings are wrong: %w", err)
	}
	if strings.HasPrefix(string(c.DatabaseURL), "sqlite://") {
		return "", usageErrorf("CHATIRE_DATABASE_URL is the target and must name a PostgreSQL, such as postgres://user:password@host/chatire")
	}
	return c.DatabaseURL, nil // openDatabase complains of all else
}

func (o *copyOptions) run(ctx context.Context) error {
	path, err := o.path()
	if err != nil {
		return err
	}
	address, err := o.target()
	if err != nil {
		return err
	}
	if o.dryRun == dryClient {
		o.note("Dry run: this would copy %s to %s.", path, place(address))
		return nil
	}
	target, _, err := openDatabase(ctx, &o.terminal)
	if err != nil {
		return err
	}
	defer target.Close()
	source, err := store.OpenSource(ctx, path)
	if err != nil {
		return err
	}
	defer source.Close()
	copied, err := o.copy(ctx, source, target)
	if err != nil {
		return err
	}
	if err := copiedKind.list(&o.terminal, o.output, copied); err != nil {
		return err
	}
	if o.dryRun == dryServer {
		o.note("Dry run: all could be copied to %s and was the same on both sides, and nothing was changed.", place(address))
		return nil
	}
	o.note("All is in %s, and the same on both sides.", place(address))
	o.rememberSecret(path)
	return nil
}

// copy copies and shows how far it has come.
func (o *copyOptions) copy(ctx context.Context, source *store.Source, target *store.Store) ([]store.Copied, error) {
	var bar *progress
	end := func() {
		if bar != nil {
			bar.end()
		}
	}
	defer end()
	return target.CopyFrom(ctx, source, store.CopyOptions{
		DryRun: o.dryRun == dryServer,
		Began: func(done string, rows int64) {
			end()
			bar = newProgress(&o.terminal, done, rows)
		},
		Passed: func() { bar.add(1) },
	})
}

// rememberSecret says where the secret is that chatirectl dev has made.
func (o *copyOptions) rememberSecret(path string) {
	secret, err := filepath.Abs(filepath.Join(filepath.Dir(path), "secret"))
	if err != nil {
		return
	}
	if _, err := os.Stat(secret); err == nil {
		o.note("Give the servers the same secret, so that links in mails stay good: CHATIRE_SECRET_FILE=%s", secret)
	}
}
