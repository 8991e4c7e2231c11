package ctl

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/ctl/manifest"
	"github.com/chatire/chatire/pkg/chat"
)

// applyOptions are the flags of chatirectl apply and diff.
type applyOptions struct {
	change
	files      []string
	collection string
	prune      bool
}

func newApplyCommand() *cobra.Command {
	o := &applyOptions{}
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Make users, sessions and tokens as documents say",
		Long: `Make users, sessions and tokens as documents say, in YAML or JSON:

  apiVersion: chatire/v1
  kind: User
  metadata: {name: bot}
  spec:
    email: bot@example.com
    password: {env: BOT_PASSWORD}
  ---
  apiVersion: chatire/v1
  kind: Session
  metadata: {name: releases}
  spec:
    owner: bot
    title: Releases
    members:
      - {user: ada, role: moderator}
  ---
  apiVersion: chatire/v1
  kind: Token
  metadata: {name: build-robot}
  spec:
    user: bot
    secret: {file: token.txt}

All of it is done or nothing, and to apply it again changes nothing. What a document leaves
out stays as it is. Secrets are never in a document: env names a variable, file a file
beside the document. A token's secret has 40 hexadecimal digits; another one replaces it.

Documents that are applied together are a collection. With --prune, what earlier documents
of the collection described and these do not is taken back, without destroying anything:
users are disabled, sessions are closed, tokens end. Members that an earlier document of a
session had are removed when it has them no more; who joined otherwise stays.`,
		Example: `  chatirectl apply --file team.yaml
  chatirectl apply --file team.yaml --prune --yes --dry-run=server`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.apply(cmd.Context())
		},
	}
	o.bindApply(cmd)
	o.bind(cmd, false)
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask before something is pruned")
	return administering(cmd)
}

func newDiffCommand() *cobra.Command {
	o := &applyOptions{}
	cmd := &cobra.Command{
		Use:   "diff",
		Short: "Show what apply would change",
		Long: `Show what chatirectl apply would change. The server carries it out and takes it back. It
ends with 0 where nothing would change, and with 1 where something would.`,
		Example: `  chatirectl diff --file team.yaml --prune`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal, o.dryRun = newTerminal(cmd), dryServer
			return o.diff(cmd.Context())
		},
	}
	o.bindApply(cmd)
	return administering(cmd)
}

func (o *applyOptions) bindApply(cmd *cobra.Command) {
	o.output.bind(cmd)
	flags := cmd.Flags()
	flags.StringSliceVarP(&o.files, "file", "f", nil, "`file` with documents; - is the input; may be repeated")
	flags.StringVar(&o.collection, "collection", "default", "`name` of what belongs together")
	flags.BoolVar(&o.prune, "prune", false, "take back what the collection had before and has no more")
}

var applyKind = kind[chat.ApplyResult]{
	name: "ApplyResult",
	columns: []column[chat.ApplyResult]{
		{"KIND", func(r chat.ApplyResult) string { return string(r.Kind) }},
		{"NAME", func(r chat.ApplyResult) string { return r.Name }},
		{"ACTION", func(r chat.ApplyResult) string { return string(r.Action) }},
		{"REF", func(r chat.ApplyResult) string { return r.Ref }},
	},
	id: func(r chat.ApplyResult) string { return strings.ToLower(string(r.Kind)) + "/" + r.Name },
	json: func(r chat.ApplyResult) any {
		type change struct {
			Field  string `json:"field"`
			Before string `json:"before"`
			After  string `json:"after"`
		}
		changes := []change{}
		for _, c := range r.Changes {
			changes = append(changes, change(c))
		}
		return struct {
			Document string           `json:"document"`
			Name     string           `json:"name"`
			Action   chat.ApplyAction `json:"action"`
			Ref      string           `json:"ref"`
			Changes  []change         `json:"changes"`
		}{string(r.Kind), r.Name, r.Action, r.Ref, changes}
	},
}

// documents reads the files.
func (o *applyOptions) documents() (*manifest.Documents, error) {
	if len(o.files) == 0 {
		return nil, usageErrorf("the file is missing: say --file team.yaml")
	}
	documents := &manifest.Documents{}
	reader := manifest.Reader{Stdin: o.in, Environ: o.environ}
	for _, path := range o.files {
		if err := reader.Read(path, documents); err != nil {
			return nil, err
		}
	}
	if len(documents.List) == 0 && !o.prune {
		return nil, chat.Errorf(chat.Invalid, "There are no documents in the file.")
	}
	return documents, nil
}

func (o *applyOptions) apply(ctx context.Context) error {
	documents, err := o.documents()
	if err != nil {
		return err
	}
	t, err := o.connectTo(ctx, fmt.Sprintf("apply %d documents", len(documents.List)), true)
	if err != nil || t == nil {
		return err
	}
	defer t.close()
	if o.prune && o.dryRun == "" {
		if err := o.askPrune(ctx, t, documents); err != nil {
			return err
		}
	}
	results, err := t.Apply(ctx, o.collection, documents.List, o.prune)
	if err := o.finish(documents.Locate(err), t, nil); err != nil {
		return err
	}
	return applyKind.list(&o.terminal, o.output, results)
}

// askPrune asks before something is taken back, and says what.
func (o *applyOptions) askPrune(ctx context.Context, t *target, documents *manifest.Documents) error {
	results, err := t.DryRun().Apply(ctx, o.collection, documents.List, true)
	if err != nil {
		return explainTarget(documents.Locate(err), t.place)
	}
	var pruned []string
	for _, r := range results {
		if r.Action == chat.ApplyPruned {
			pruned = append(pruned, applyKind.id(r))
		}
	}
	if len(pruned) == 0 {
		return nil
	}
	return o.ask(ctx, t, "Prune %s", printable(strings.Join(pruned, ", ")))
}

// errDiffers ends a diff that found something.
var errDiffers = errors.New("apply would change this")

func (o *applyOptions) diff(ctx context.Context) error {
	documents, err := o.documents()
	if err != nil {
		return err
	}
	t, err := o.connect(ctx, false)
	if err != nil {
		return err
	}
	defer t.close()
	results, err := t.DryRun().Apply(ctx, o.collection, documents.List, o.prune)
	if err != nil {
		return explainTarget(documents.Locate(err), t.place)
	}
	var changed []chat.ApplyResult
	for _, r := range results {
		if r.Action != chat.ApplyUnchanged {
			changed = append(changed, r)
		}
	}
	if err := o.printDiff(changed); err != nil {
		return err
	}
	if len(changed) > 0 {
		return errDiffers
	}
	return nil
}

// printDiff prints changes as people read them, unless another format was asked for.
func (o *applyOptions) printDiff(changed []chat.ApplyResult) error {
	if o.format != formatTable {
		return applyKind.list(&o.terminal, o.output, changed)
	}
	for _, r := range changed {
		if _, err := fmt.Fprintf(o.out, "%s %s\n", printable(applyKind.id(r)), r.Action); err != nil {
			return err
		}
		for _, c := range r.Changes {
			if c.Before != "" {
				fmt.Fprintln(o.out, o.paint(red, printable(fmt.Sprintf("- %s: %s", c.Field, c.Before))))
			}
			if c.After != "" {
				fmt.Fprintln(o.out, o.paint(green, printable(fmt.Sprintf("+ %s: %s", c.Field, c.After))))
			}
		}
	}
	return nil
}
