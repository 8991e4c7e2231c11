package ctl

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/config"
)

var settingKind = kind[config.Setting]{
	name: "Setting",
	columns: []column[config.Setting]{
		{"NAME", func(s config.Setting) string { return s.Name }},
		{"VALUE", func(s config.Setting) string { return s.Value }},
		{"DEFAULT", func(s config.Setting) string { return s.Default }},
		{"MEANING", func(s config.Setting) string { return s.Doc }},
	},
	id: func(s config.Setting) string { return s.Name },
	json: func(s config.Setting) any {
		return struct {
			Name    string `json:"name"`
			Value   string `json:"value"`
			Default string `json:"default"`
			Secret  bool   `json:"secret"`
			Meaning string `json:"meaning"`
		}{s.Name, s.Value, s.Default, s.Secret, s.Doc}
	},
}

type configOptions struct {
	terminal
	output
}

func newConfigCommand() *cobra.Command {
	o := &configOptions{}
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show all settings, and what is wrong with them",
		Long: `Show all settings as this environment has them, what they mean and what they are
unless set. Secrets are shown as ***; each can also be read from the file that the
variable with _FILE behind its name names.

If a server could not run with them the exit status is 1.`,
		Example: `  chatirectl config
  chatirectl config -o json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.run()
		},
	}
	o.output.bind(cmd)
	return cmd
}

func (o *configOptions) run() error {
	c, err := config.Read(o.environ)
	if err != nil {
		return fmt.Errorf("the settings are wrong\n%w", err)
	}
	if err := settingKind.printList(o.out, o.output, c.Settings()); err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return fmt.Errorf("a server could not run with these settings\n%w", err)
	}
	return nil
}
