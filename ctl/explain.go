package ctl

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// explanations has a page for each code: a line with its sort and itself, and text up
// to an empty line.
//
//go:embed explain.txt
var explanations string

// page explains one code.
type page struct {
	sort string // exit, close or error
	code string
	text string
}

// title says what the code is one of.
func (p page) title() string {
	return map[string]string{"exit": "exit status", "close": "close code of the websocket", "error": "error"}[p.sort] + " " + p.code
}

func pages() []page {
	var all []page
	for block := range strings.SplitSeq(strings.TrimSpace(explanations), "\n\n") {
		head, text, _ := strings.Cut(block, "\n")
		kind, code, _ := strings.Cut(head, " ")
		all = append(all, page{kind, code, text})
	}
	return all
}

func newExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain CODE",
		Short: "Say what an exit status, a close code or an error means, and what to do",
		Long: `Say what a code means and what to do about it: an exit status of chatirectl or of a
server, a close code of the websocket, an HTTP status or an error by its name. It asks
nobody.

Without a code it lists all of them.`,
		Example: `  chatirectl explain 4410
  chatirectl explain exit 5
  chatirectl explain throttled`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 2 {
				return fmt.Errorf("%q is one argument too many", args[2])
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			var codes []string
			for _, p := range pages() {
				codes = append(codes, p.code)
			}
			return codes, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			t := newTerminal(cmd)
			if len(args) == 0 {
				for _, p := range pages() {
					first, _, _ := strings.Cut(p.text, ". ")
					fmt.Fprintf(t.out, "%-6s %-13s %s\n", p.sort, p.code, strings.TrimSuffix(strings.ReplaceAll(first, "\n", " "), "."))
				}
				return nil
			}
			found := explained(args)
			if len(found) == 0 {
				return usageErrorf("there is no code %q: chatirectl explain lists them", strings.Join(args, " "))
			}
			for i, p := range found {
				if i > 0 {
					fmt.Fprintln(t.out)
				}
				fmt.Fprintf(t.out, "%s\n\n%s\n", p.title(), p.text)
			}
			return nil
		},
	}
}

// explained returns the pages for a code, with or without its sort before it, or for
// an HTTP status.
func explained(args []string) []page {
	code := strings.ToLower(args[len(args)-1])
	return slices.DeleteFunc(pages(), func(p page) bool {
		if len(args) == 2 && p.sort != strings.ToLower(args[0]) {
			return true
		}
		return p.code != code && !strings.HasPrefix(p.text, "HTTP "+code)
	})
}
