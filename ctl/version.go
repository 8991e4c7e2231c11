package ctl

import (
	"runtime"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/migrations"
	"github.com/chatire/chatire/pkg/config"
)

// build is what this program is.
type build struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	Schema  int    `json:"schema"`
}

var buildKind = kind[build]{
	name: "Build",
	columns: []column[build]{
		{"VERSION", func(b build) string { return b.Version }},
		{"GO", func(b build) string { return b.Go }},
		{"SCHEMA", func(b build) string { return strconv.Itoa(b.Schema) }},
	},
	id:   func(b build) string { return b.Version },
	json: func(b build) any { return b },
}

func newVersionCommand() *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Show the version of this program and of the schema that it needs",
		Example: `  chatirectl version`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return buildKind.printOne(cmd.OutOrStdout(), o, build{config.Version, runtime.Version(), migrations.Latest()})
		},
	}
	o.bind(cmd)
	return cmd
}
