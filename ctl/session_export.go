package ctl

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func newSessionExportCommand() *cobra.Command {
	o := &sessionOptions{}
	cmd := newSessionVerb(o, "export", "Write all that happened in a session as JSON, a line for each event", o.export)
	cmd.Long = `Write all that happened in a session as JSON: a first line about the session, and then a
line for each event, as docs/PROTOCOL.md describes them. The audit notes it.`
	cmd.Example = `  chatirectl session export 0123456789abcde > history.jsonl
  chatirectl session export 0123456789abcde --file history.jsonl`
	cmd.Flags().StringVarP(&o.file, "file", "f", "-", "`file` to write, which must not exist; - is the output")
	return cmd
}

func (o *sessionOptions) export(ctx context.Context) (err error) {
	t, err := o.connect(ctx, false)
	if err != nil {
		return err
	}
	defer t.close()
	session, err := t.Session(ctx, o.uri)
	if err != nil {
		return explainTarget(noSuchSession(err, o.uri), t.place)
	}
	out, closeOut, err := createFile(&o.terminal, o.file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeOut()) }()
	header, err := sessionKind(true).document(session)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "%s\n", header); err != nil {
		return err
	}
	bar := newProgress(&o.terminal, "exported", session.Events)
	defer bar.end()
	for after, more := int64(0), true; more; {
		var events []json.RawMessage
		if events, more, err = t.Events(ctx, o.uri, after); err != nil {
			return explainTarget(noSuchSession(err, o.uri), t.place)
		}
		for _, e := range events {
			if _, err := fmt.Fprintf(out, "%s\n", e); err != nil {
				return err
			}
		}
		after += int64(len(events)) // there are no gaps
		bar.add(int64(len(events)))
	}
	return nil
}

// createFile makes a file of its owner's alone, or returns the output for "-".
func createFile(t *terminal, path string) (io.Writer, func() error, error) {
	if path == "-" {
		out := bufio.NewWriter(t.out)
		return out, out.Flush, nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("make the file: %w", err)
	}
	out := bufio.NewWriter(file)
	return out, func() error { return errors.Join(out.Flush(), file.Close()) }, nil
}
