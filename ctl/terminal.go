package ctl

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/chatire/chatire/pkg/config"
)

// terminal is where a command runs: its streams and its environment, and the flags that
// all commands have.
type terminal struct {
	in          *bufio.Reader
	inFile      *os.File // nil if the input is no file
	out, errOut io.Writer
	environ     map[string]string
	noInput     bool
	color       bool
	where       where
}

// bindTerminal adds the flags that all commands have.
func bindTerminal(root *cobra.Command) {
	color := "auto"
	root.PersistentFlags().Bool("no-input", false, "fail instead of asking anything")
	root.PersistentFlags().Var(choice(&color, "auto", "always", "never"), "color", "colour what is shown: auto, always, never")
}

// choice is a flag whose value is one of some words.
func choice(into *string, words ...string) *choiceFlag { return &choiceFlag{into, words} }

type choiceFlag struct {
	value *string
	words []string
}

func (f *choiceFlag) String() string {
	if f.value == nil {
		return ""
	}
	return *f.value
}

func (f *choiceFlag) Type() string { return "word" }

func (f *choiceFlag) Set(value string) error {
	if !slices.Contains(f.words, value) {
		return fmt.Errorf("there are %s", strings.Join(f.words, ", "))
	}
	*f.value = value
	return nil
}

// flagValue returns a flag that a command may have, "" if it has not.
func flagValue(cmd *cobra.Command, name string) string {
	if f := cmd.Flag(name); f != nil {
		return f.Value.String()
	}
	return ""
}

func newTerminal(cmd *cobra.Command) terminal {
	t := terminal{
		in:      bufio.NewReader(cmd.InOrStdin()),
		out:     cmd.OutOrStdout(),
		errOut:  cmd.ErrOrStderr(),
		environ: config.Environ(),
	}
	t.inFile, _ = cmd.InOrStdin().(*os.File)
	t.noInput = flagValue(cmd, "no-input") == "true"
	t.color = colored(flagValue(cmd, "color"), t.environ, t.out)
	t.where = where{local: flagValue(cmd, "local") == "true", server: flagValue(cmd, "server"), context: flagValue(cmd, "context")}
	return t
}

// colored says whether to use colours: when asked to, else on a terminal whose user did
// not say otherwise (no-color.org).
func colored(choice string, environ map[string]string, out io.Writer) bool {
	switch choice {
	case "always":
		return true
	case "never":
		return false
	}
	return environ["NO_COLOR"] == "" && environ["TERM"] != "dumb" && isTerminal(out)
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// The colours that are used, in the terms of ECMA-48.
const (
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	plain = "\x1b[0m"
)

// paint returns a text in a colour, where colours are shown.
func (t *terminal) paint(color, text string) string {
	if !t.color {
		return text
	}
	return color + text + plain
}

// asks says whether there is a person to ask.
func (t *terminal) asks() bool {
	return !t.noInput && t.inFile != nil && term.IsTerminal(int(t.inFile.Fd()))
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
