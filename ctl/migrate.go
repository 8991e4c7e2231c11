package ctl

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/migrations"
)

func newMigrateCommand() *cobra.Command {
	return newNoun("migrate", "Bring the database to the schema of this build",
		newMigrateUpCommand(), newMigrateStatusCommand(), newMigrateCopyCommand(), newMigrateNewEpochCommand())
}

// step is a migration as it is shown.
type step struct {
	migrations.Migration
	applied bool
}

var stepKind = kind[step]{
	name: "Migration",
	columns: []column[step]{
		{"VERSION", func(s step) string { return strconv.Itoa(s.Version) }},
		{"NAME", func(s step) string { return s.Name }},
		{"STATE", func(s step) string { return s.state() }},
	},
	id: func(s step) string { return fmt.Sprintf("migration/%d", s.Version) },
	json: func(s step) any {
		return struct {
			Version int    `json:"version"`
			Name    string `json:"name"`
			State   string `json:"state"`
		}{s.Version, s.Name, s.state()}
	},
}

func (s step) state() string {
	if s.applied {
		return "applied"
	}
	return "pending"
}

type migrateOptions struct {
	terminal
	output
	yes bool
}

func newMigrateUpCommand() *cobra.Command {
	o := &migrateOptions{}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Apply the migrations that are pending",
		Long: `Apply the migrations that are pending, and print them.

Several that run at once wait for each other. One that was stopped is taken up
where it was: each migration is applied whole or not at all.`,
		Example: `  chatirectl migrate up`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.up(cmd.Context())
		},
	}
	o.output.bind(cmd)
	return cmd
}

func (o *migrateOptions) up(ctx context.Context) error {
	s, _, err := openDatabase(ctx, &o.terminal)
	if err != nil {
		return err
	}
	defer s.Close()
	done, err := s.Migrate(ctx)
	if err != nil {
		return err
	}
	var steps []step
	for _, m := range done {
		steps = append(steps, step{m, true})
	}
	if len(steps) == 0 {
		o.note("The schema was up to date.")
	}
	return stepKind.printList(o.out, o.output, steps)
}

func newMigrateStatusCommand() *cobra.Command {
	o := &migrateOptions{}
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show which migrations are applied",
		Example: `  chatirectl migrate status -o json`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.status(cmd.Context())
		},
	}
	o.output.bind(cmd)
	return cmd
}

func (o *migrateOptions) status(ctx context.Context) error {
	s, _, err := openDatabase(ctx, &o.terminal)
	if err != nil {
		return err
	}
	defer s.Close()
	version, err := s.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	all, err := migrations.All(migrations.Postgres) // only numbers and names are used
	if err != nil {
		return err
	}
	var steps []step
	for _, m := range all {
		steps = append(steps, step{m, m.Version <= version})
	}
	o.advise(version)
	return stepKind.printList(o.out, o.output, steps)
}

// advise says what to do about a schema of another version than this build's.
func (o *migrateOptions) advise(version int) {
	switch latest := migrations.Latest(); {
	case version < latest:
		o.note("The database has schema version %d and this build needs %d: run chatirectl migrate up.", version, latest)
	case version > latest:
		o.note("The database has schema version %d and this build knows %d: use a newer build.", version, latest)
	}
}

func newMigrateNewEpochCommand() *cobra.Command {
	o := &migrateOptions{}
	cmd := &cobra.Command{
		Use:   "new-epoch",
		Short: "Begin a new life of the log, after a restore from a backup",
		Long: `Give the log a new epoch. Do it once after the database was restored from a
backup, before the servers start: events that clients have seen may be missing in
the backup, and their numbers will be used again.

Every client then drops what it has and reads everything anew.`,
		Example: `  chatirectl migrate new-epoch --yes`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.newEpoch(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	return cmd
}

func (o *migrateOptions) newEpoch(ctx context.Context) error {
	s, c, err := openDatabase(ctx, &o.terminal)
	if err != nil {
		return err
	}
	defer s.Close()
	question := fmt.Sprintf("Make all clients of %s drop what they have and read it anew?", place(c.DatabaseURL))
	if err := o.confirm(ctx, o.yes, question); err != nil {
		return err
	}
	epoch, err := s.NewEpoch(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(o.out, epoch)
	return err
}
