package ctl

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func newSecretsCommand() *cobra.Command {
	return newNoun("secrets", "Make the secrets of an installation", newSecretsInitCommand())
}

type secretsOptions struct {
	terminal
	file string
}

func newSecretsInitCommand() *cobra.Command {
	o := &secretsOptions{}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the secret that all processes of an installation share",
		Long: `Make the secret that all processes of an installation share, CHATIRE_SECRET: with it they
sign what they tell each other, and the links in mails. With --file it goes to a file of
yours alone, for CHATIRE_SECRET_FILE. A file that is there stays as it is: another secret
would make links in mails void, and processes would not hear each other until all have it.`,
		Example: `  chatirectl secrets init
  chatirectl secrets init --file secret.txt`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.run()
		},
	}
	cmd.Flags().StringVar(&o.file, "file", "", "`file` to write, unless it is there")
	return cmd
}

func (o *secretsOptions) run() error {
	var random [32]byte
	rand.Read(random[:]) // never fails: see crypto/rand
	secret := hex.EncodeToString(random[:])
	if o.file == "" {
		_, err := fmt.Fprintln(o.out, secret)
		return err
	}
	if err := os.MkdirAll(filepath.Dir(o.file), 0o700); err != nil {
		return fmt.Errorf("make the folder of the secret: %w", err)
	}
	file, err := os.OpenFile(o.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		o.note("%s is there: nothing was changed.", o.file)
		return nil
	}
	if err != nil {
		return fmt.Errorf("make the file of the secret: %w", err)
	}
	_, err = fmt.Fprintln(file, secret)
	return errors.Join(err, file.Sync(), file.Close())
}
