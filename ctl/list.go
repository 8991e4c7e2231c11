package ctl

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

// listOptions are those of a command that shows a list.
type listOptions struct {
	terminal
	output
}

// newListCommand makes the command that lists all things of a kind.
func newListCommand[T any](short, example string, k kind[T], read func(ctx context.Context, t *target) ([]T, error)) *cobra.Command {
	o := &listOptions{}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   short,
		Example: example,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return listAll(cmd.Context(), o, k, read)
		},
	}
	o.output.bind(cmd)
	return cmd
}

// listAll reads things of a kind and prints them.
func listAll[T any](ctx context.Context, o *listOptions, k kind[T], read func(ctx context.Context, t *target) ([]T, error)) error {
	t, err := o.connect(ctx, false)
	if err != nil {
		return err
	}
	defer t.close()
	items, err := read(ctx, t)
	if err != nil {
		return explainTarget(err, t.place)
	}
	return k.list(&o.terminal, o.output, items)
}

// everything reads a list page by page: read returns a page, which begins after an id,
// and whether there are more.
func everything[T any](read func(after int64) ([]T, bool, error), id func(T) int64) ([]T, error) {
	return everythingAfter(0, read, id)
}

// everythingAfter is everything behind an id.
func everythingAfter[T any](after int64, read func(after int64) ([]T, bool, error), id func(T) int64) (all []T, err error) {
	for more := true; more; {
		var page []T
		if page, more, err = read(after); err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) > 0 {
			after = id(page[len(page)-1])
		}
	}
	return all, nil
}

// lower returns a verb as it stands within a sentence.
func lower(verb string) string { return strings.ToLower(verb) }
