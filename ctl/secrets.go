package ctl

import (
	"context"
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
	file       string
	kubernetes string
}

func newSecretsInitCommand() *cobra.Command {
	o := &secretsOptions{}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the secret that all processes of an installation share",
		Long: `Make the secret that all processes of an installation share, CHATIRE_SECRET: with it they
sign what they tell each other, and the links in mails. With --file it goes to a file of
yours alone, for CHATIRE_SECRET_FILE. A file that is there stays as it is: another secret
would make links in mails void, and processes would not hear each other until all have it.

With --kubernetes-secret, in a pod, it becomes the key "secret" of a Secret in the pod's
namespace, and is not shown. One that is there stays as it is. It goes when the pod's
service account goes, which needs the right to create Secrets.`,
		Example: `  chatirectl secrets init
  chatirectl secrets init --file secret.txt`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&o.file, "file", "", "`file` to write, unless it is there")
	cmd.Flags().StringVar(&o.kubernetes, "kubernetes-secret", "", "`name` of the Secret to create, unless it is there")
	cmd.MarkFlagsMutuallyExclusive("file", "kubernetes-secret")
	return cmd
}

func (o *secretsOptions) run(ctx context.Context) error {
	var random [32]byte
	rand.Read(random[:]) // never fails: see crypto/rand
	secret := hex.EncodeToString(random[:])
	switch {
	case o.kubernetes != "":
		return o.store(ctx, secret)
	case o.file != "":
		return o.write(secret)
	}
	_, err := fmt.Fprintln(o.out, secret)
	return err
}

// store creates the Secret in the cluster that this pod runs in.
func (o *secretsOptions) store(ctx context.Context, secret string) error {
	p, err := newPod(serviceAccountFolder, o.environ)
	if err != nil {
		return err
	}
	made, err := p.createSecret(ctx, o.kubernetes, map[string]string{"secret": secret})
	if err != nil {
		return err
	}
	if !made {
		o.note("The Secret %s is there: nothing was changed.", o.kubernetes)
		return nil
	}
	o.note("Made the Secret %s.", o.kubernetes)
	return nil
}

// write writes the secret to the file.
func (o *secretsOptions) write(secret string) error {
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
