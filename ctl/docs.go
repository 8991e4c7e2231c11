package ctl

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

type docsOptions struct {
	terminal
	markdown, man string
}

func newDocsCommand() *cobra.Command {
	o := &docsOptions{}
	cmd := &cobra.Command{
		Use:   "docs",
		Short: "Write the pages of all commands, as Markdown or for man",
		Example: `  chatirectl docs --man /usr/local/share/man/man1
  chatirectl docs --markdown ./pages`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.write(cmd.Root())
		},
	}
	cmd.Flags().StringVar(&o.markdown, "markdown", "", "write Markdown into this `folder`")
	cmd.Flags().StringVar(&o.man, "man", "", "write pages for man into this `folder`")
	return cmd
}

func (o *docsOptions) write(root *cobra.Command) error {
	if o.markdown == "" && o.man == "" {
		return usageErrorf("say --markdown or --man, and a folder")
	}
	root.DisableAutoGenTag = true // the pages are the same each day
	if o.markdown != "" {
		if err := writeMarkdown(root, o.markdown); err != nil {
			return err
		}
	}
	if o.man == "" {
		return nil
	}
	if err := os.MkdirAll(o.man, 0o755); err != nil {
		return err
	}
	date := time.Unix(0, 0).UTC()
	header := &doc.GenManHeader{Section: "1", Source: "Chatire", Manual: "Chatire", Date: &date}
	return doc.GenManTree(root, header, o.man)
}

// writeMarkdown writes a page for each command, and one that lists them.
func writeMarkdown(root *cobra.Command, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := doc.GenMarkdownTree(root, folder); err != nil {
		return err
	}
	var list strings.Builder
	list.WriteString("# chatirectl\n\nThese pages are what `chatirectl help` says.\n\n| command | does |\n|---|---|\n")
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			if !sub.IsAvailableCommand() {
				continue
			}
			fmt.Fprintf(&list, "| [%s](%s.md) | %s |\n", sub.CommandPath(), strings.ReplaceAll(sub.CommandPath(), " ", "_"), sub.Short)
			walk(sub)
		}
	}
	walk(root)
	return os.WriteFile(filepath.Join(folder, "README.md"), []byte(list.String()), 0o644)
}
