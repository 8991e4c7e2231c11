package ctl

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/ctl/bulk"
	"github.com/chatire/chatire/pkg/chat"
)

// exportOptions are the flags of chatirectl user export.
type exportOptions struct {
	terminal
	file    string
	format  string
	digests bool
}

func newUserExportCommand() *cobra.Command {
	o := &exportOptions{format: string(bulk.JSONL)}
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write all accounts in the form in which they can be imported",
		Long: `Write all accounts in the form in which chatirectl user import reads them. The digests
of passwords are left out, unless --password-digests asks for them: then people can sign in
with their passwords where the file is imported, and the file is a secret. The audit notes
what was taken.`,
		Example: `  chatirectl user export > users.jsonl
  chatirectl user export --format csv --file exported.csv --password-digests`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.file, "file", "f", "-", "`file` to write, which must not exist; - is the output")
	flags.Var(choice(&o.format, string(bulk.CSV), string(bulk.JSONL)), "format", "how to write it: csv, jsonl")
	flags.BoolVar(&o.digests, "password-digests", false, "take the digests of passwords along")
	return cmd
}

func (o *exportOptions) run(ctx context.Context) (err error) {
	t, err := o.connect(ctx, false)
	if err != nil {
		return err
	}
	defer t.close()
	out, closeOut, err := createFile(&o.terminal, o.file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeOut()) }()
	w, err := bulk.NewWriter(out, bulk.Format(o.format))
	if err != nil {
		return err
	}
	bar := newProgress(&o.terminal, "exported", 0)
	defer bar.end()
	for after, more := int64(0), true; more; {
		var users []chat.ImportedUser
		if users, after, err = t.ExportUsers(ctx, after, o.digests); err != nil {
			return explainTarget(err, t.place)
		}
		for _, u := range users {
			if err := w.Write(u); err != nil {
				return err
			}
		}
		bar.add(int64(len(users)))
		more = after != 0
	}
	return w.Flush()
}
