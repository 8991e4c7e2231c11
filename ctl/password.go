package ctl

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/chatire/chatire/pkg/chat"
)

// passwordFlags are the ways to give a password. A flag's value is none of them:
// all processes of a machine can read it.
type passwordFlags struct {
	stdin    bool
	file     string
	generate bool
}

// bind adds the flags to a command; generate says whether a password can be made.
func (p *passwordFlags) bind(cmd *cobra.Command, generate bool) {
	flags := cmd.Flags()
	flags.BoolVar(&p.stdin, "password-stdin", false, "read the password from the first line of the input")
	flags.StringVar(&p.file, "password-file", "", "read the password from the first line of a `file`")
	if generate {
		flags.BoolVar(&p.generate, "generate", false, "make a password and show it once")
	}
}

// check says whether there is one way to get the password, before anything is done.
func (p *passwordFlags) check(t *terminal) error {
	ways := 0
	for _, way := range []bool{p.stdin, p.file != "", p.generate} {
		if way {
			ways++
		}
	}
	switch {
	case ways > 1:
		return usageErrorf("there are several passwords: say one of the flags")
	case ways == 0 && !t.asks():
		return usageErrorf("a password is missing and nobody is there to ask: say where it is")
	}
	return nil
}

// read returns the password. A person is asked for it, twice if it is a new one.
// Space around it is dropped, as it is at sign-in.
func (p *passwordFlags) read(ctx context.Context, t *terminal, isNew bool) (chat.Secret, error) {
	switch {
	case p.generate:
		return chat.Secret(rand.Text()), nil
	case p.stdin:
		line, err := t.line(ctx)
		if err != nil {
			return "", fmt.Errorf("read the password from the input: %w", err)
		}
		return cleanSecret("password", line)
	case p.file != "":
		return readSecretFile(t, "password", p.file)
	}
	return ask(ctx, t, isNew)
}

// cleanSecret drops the space around a secret; what names it.
func cleanSecret(what, line string) (chat.Secret, error) {
	secret := strings.TrimSpace(line)
	if secret == "" {
		return "", fmt.Errorf("the %s is empty", what)
	}
	return chat.Secret(secret), nil
}

// readSecretFile reads a secret from the first line of a file, and warns of one that
// others can read.
func readSecretFile(t *terminal, what, path string) (chat.Secret, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the %s: %w", what, err)
	}
	defer file.Close()
	if openToOthers(path) {
		t.note("Others can read %s. Make it yours alone: chmod 600 %s", path, path)
	}
	content, err := io.ReadAll(io.LimitReader(file, 2*chat.MaxPassword))
	if err != nil {
		return "", fmt.Errorf("read the %s: %w", what, err)
	}
	line, _, _ := strings.Cut(string(content), "\n")
	return cleanSecret(what, line)
}

func ask(ctx context.Context, t *terminal, isNew bool) (chat.Secret, error) {
	first, err := askOnce(ctx, t, "Password: ")
	if err != nil || !isNew {
		return first, err
	}
	second, err := askOnce(ctx, t, "The same again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ")
	}
	return first, nil
}

// askOnce reads a password without showing it. A signal ends the wait and gives the
// terminal back as it was; the read goes on, but the process is at its end then.
func askOnce(ctx context.Context, t *terminal, prompt string) (chat.Secret, error) {
	fd := int(t.inFile.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("ask for the password: %w", err)
	}
	fmt.Fprint(t.errOut, prompt)
	defer fmt.Fprintln(t.errOut)
	type read struct {
		text []byte
		err  error
	}
	done := make(chan read, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		done <- read{text, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return "", fmt.Errorf("ask for the password: %w", r.err)
		}
		return cleanSecret("password", string(r.text))
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(fd, before))
	}
}
