package ctl

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
)

// What --dry-run may be.
const (
	dryClient = "client" // nothing is sent
	dryServer = "server" // the server carries it out and takes it back
)

// change is what the commands share that change something.
type change struct {
	terminal
	output
	dryRun        string
	yes           bool
	ignoreMissing bool
}

// bind adds the flags. asks says that the command asks before it does something that
// cannot be taken back.
func (o *change) bind(cmd *cobra.Command, asks bool) {
	flags := cmd.Flags()
	flags.Var(choice(&o.dryRun, dryClient, dryServer), "dry-run", "change nothing: client only says what would be done, server also tries it")
	if asks {
		flags.BoolVar(&o.yes, "yes", false, "do not ask")
		flags.BoolVar(&o.ignoreMissing, "ignore-not-found", false, "succeed where there is nothing to do it to")
	}
}

// connectTo opens the installation for a change, which deed describes: "disable ada". It
// returns nil where a dry run ends before that.
func (o *change) connectTo(ctx context.Context, deed string, tell bool) (*target, error) {
	if o.dryRun == dryClient {
		p, err := o.resolve()
		if err != nil {
			return nil, err
		}
		place := p.url
		if p.local {
			place = "the database in CHATIRE_DATABASE_URL"
		}
		o.note("Dry run: this would %s on %s.", deed, place)
		return nil, nil
	}
	t, err := o.connect(ctx, tell && o.dryRun == "")
	if err != nil {
		return nil, err
	}
	if o.dryRun == dryServer {
		t.Admin = t.DryRun()
	}
	return t, nil
}

// ask asks before something that cannot be taken back, and names the installation. A
// dry run needs no answer.
func (o *change) ask(ctx context.Context, t *target, question string, args ...any) error {
	if o.dryRun != "" {
		return nil
	}
	return o.confirm(ctx, o.yes, fmt.Sprintf(question, args...)+" on "+t.place+"?")
}

// finish says how a change ended: what the command was to show, unless it failed or was
// a dry run.
func (o *change) finish(err error, t *target, show func() error) error {
	if o.ignoreMissing && chat.CodeOf(err) == chat.NotFound {
		return nil
	}
	if err != nil {
		return explainTarget(err, t.place)
	}
	if o.dryRun == dryServer {
		o.note("Dry run: %s could do this, and nothing was changed.", t.place)
		return nil
	}
	if show == nil {
		return nil
	}
	return explainTarget(show(), t.place)
}
