package ctl

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/config"
)

// health is how something that was looked at is.
type health string

const (
	healthy health = "ok"
	advice  health = "advice"  // the promise holds; something is better done otherwise
	failing health = "FAILING" // a clause of the promise is in danger
)

// finding is what one check found.
type finding struct {
	Health health `json:"health"`
	Check  string `json:"check"`
	Clause string `json:"clause"` // of docs/GUARANTEES.md that it endangers
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"` // what to do
}

// examination is one run of doctor.
type examination struct {
	*doctorOptions
	config   *config.Config
	findings []finding
}

// note adds a finding: fine, or else as bad as bad says.
func (e *examination) note(fine bool, bad health, check, clause, found, what string) {
	f := finding{Health: healthy, Check: check, Clause: clause, Found: found}
	if !fine {
		f.Health, f.Advice = bad, what
	}
	e.findings = append(e.findings, f)
}

// doctorOptions are the flags of chatirectl doctor.
type doctorOptions struct {
	terminal
	apis   []string
	ops    []string
	format string
}

func newDoctorCommand() *cobra.Command {
	o := &doctorOptions{}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for settings that would void the promise",
		Long: `Look at the settings, the database, the broker and the running processes, and say of
each thing that would void the promise which clause of it is in danger and what to do.

It reads the same settings as the servers. Name the processes with --ops, by the
addresses of their ops listeners, and public addresses of APIs with --api.

The exit status is 0 if nothing is failing; advice does not count.`,
		Example: `  chatirectl doctor
  chatirectl doctor --ops http://10.0.0.1:9000,http://10.0.0.3:9001 --api https://chat.example.com`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.ops, "ops", nil, "`address` of a process's ops listener; may be repeated")
	flags.StringSliceVar(&o.apis, "api", nil, "public `address` of an API; may be repeated")
	flags.StringVarP(&o.format, "output", "o", formatTable, "how to print: table or json")
	return cmd
}

func (o *doctorOptions) run(ctx context.Context) error {
	if o.format != formatTable && o.format != formatJSON {
		return usageErrorf("there are table and json")
	}
	e := &examination{doctorOptions: o}
	var err error
	if e.config, err = config.Read(o.environ); err != nil {
		return fmt.Errorf("the settings are wrong: %w", err)
	}
	if e.config.DatabaseURL == "" && len(o.ops) == 0 && len(o.apis) == 0 {
		return usageErrorf("there is nothing to look at: set CHATIRE_DATABASE_URL as for the servers, or say --ops or --api")
	}
	if e.config.DatabaseURL != "" {
		e.lookAtSettings()
		e.lookAtDatabase(ctx)
		e.lookAtBroker(ctx)
	}
	e.lookAtProcesses(ctx)
	e.lookAtAPIs(ctx)
	if err := e.print(); err != nil {
		return err
	}
	if failed := e.count(failing); failed > 0 {
		return fmt.Errorf("%d of %d checks are failing", failed, len(e.findings))
	}
	return nil
}

func (e *examination) count(h health) (n int) {
	for _, f := range e.findings {
		if f.Health == h {
			n++
		}
	}
	return n
}

func (e *examination) print() error {
	if e.format == formatJSON {
		return json.NewEncoder(e.out).Encode(struct {
			APIVersion string    `json:"apiVersion"`
			Kind       string    `json:"kind"`
			Items      []finding `json:"items"`
		}{apiVersion, "FindingList", append([]finding{}, e.findings...)})
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "HEALTH\tCHECK\tCLAUSE\tFOUND")
	for _, f := range e.findings {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.Health, f.Check, f.Clause, printable(f.Found))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, h := range []health{failing, advice} {
		for _, f := range e.findings {
			if f.Health == h {
				fmt.Fprintf(e.out, "\n%s: %s\n  %s\n", f.Health, f.Check, f.Advice)
			}
		}
	}
	return nil
}
