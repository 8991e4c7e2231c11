package ctl

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/chatire/chatire/pkg/config"
)

// terminal is where a command runs: its streams and its environment.
type terminal struct {
	in          *bufio.Reader
	inFile      *os.File // nil if the input is no file
	out, errOut io.Writer
	environ     map[string]string
}

func newTerminal(cmd *cobra.Command) terminal {
	t := terminal{
		in:      bufio.NewReader(cmd.InOrStdin()),
		out:     cmd.OutOrStdout(),
		errOut:  cmd.ErrOrStderr(),
		environ: config.Environ(),
	}
	t.inFile, _ = cmd.InOrStdin().(*os.File)
	return t
}

// asks says whether there is a person to ask.
func (t *terminal) asks() bool {
	return t.inFile != nil && term.IsTerminal(int(t.inFile.Fd()))
}

// note says something that is not data.
func (t *terminal) note(format string, args ...any) {
	fmt.Fprintf(t.errOut, format+"\n", args...)
}

// confirm asks before something that cannot be taken back. yes is the flag --yes;
// without it and without a person to ask nothing is done.
func (t *terminal) confirm(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	if !t.asks() {
		return usageErrorf("this needs a confirmation and nobody is there to ask: say --yes")
	}
	fmt.Fprintf(t.errOut, "%s [y/N] ", question)
	answer, err := t.line(ctx)
	if err != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errNothingDone
}

var errNothingDone = fmt.Errorf("nothing was changed")

// line reads a line of the input, or what there is of one at its end. A signal
// ends the wait; the read goes on, but the process is at its end then.
func (t *terminal) line(ctx context.Context) (string, error) {
	type read struct {
		line string
		err  error
	}
	done := make(chan read, 1)
	go func() {
		line, err := t.in.ReadString('\n')
		if err == io.EOF && line != "" {
			err = nil
		}
		done <- read{line, err}
	}()
	select {
	case r := <-done:
		return r.line, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
