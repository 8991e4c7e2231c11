package ctl

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/api"
	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/config"
	"github.com/chatire/chatire/worker"
)

// devOptions are the flags of chatirectl dev.
type devOptions struct {
	listen    string
	opsListen string
	data      string
	ephemeral bool

	out, errOut io.Writer
	environ     map[string]string
}

func newDevCommand() *cobra.Command {
	o := &devOptions{}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run all of Chatire as one process, with nothing installed",
		Long: `Run API and worker as one process, with SQLite and a bus inside the process.

The settings of the environment apply, as for the servers; chatirectl config
lists them. What they leave open is filled in for one machine: the data is in a
folder of yours, and pages of every origin may call the API.`,
		Example: `  chatirectl dev
  chatirectl dev --listen 127.0.0.1:8080 --data ./chatire
  chatirectl dev --ephemeral`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.out, o.errOut, o.environ = cmd.OutOrStdout(), cmd.ErrOrStderr(), config.Environ()
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8000", "`address` of the web app, the API and the websocket")
	flags.StringVar(&o.opsListen, "ops-listen", "127.0.0.1:9000", "`address` of health, metrics and debugging")
	flags.StringVar(&o.data, "data", "", "`folder` that keeps the data (default: chatire in your data folder)")
	flags.BoolVar(&o.ephemeral, "ephemeral", false, "keep the data in a temporary folder and forget it at the end")
	return cmd
}

func (o *devOptions) run(ctx context.Context) error {
	folder, forget, err := o.folder()
	if err != nil {
		return err
	}
	defer forget()
	c, err := o.config(folder)
	if err != nil {
		return err
	}
	const name = "chatirectl dev"
	err = boot.Run(ctx, boot.Options{
		Name:     name,
		Config:   c,
		Log:      boot.NewLog(o.errOut, c.Level()).With("program", name),
		Programs: []boot.New{api.New, worker.New},
		Migrate:  true,
		Ready: func(public, _ net.Addr) {
			fmt.Fprintf(o.out, "Chatire runs at http://%s and keeps its data in %s. End it with Ctrl-C.\n", public, folder)
		},
	})
	switch {
	case errors.Is(err, context.Canceled):
		return nil
	case errors.Is(err, syscall.EADDRINUSE):
		return chat.Errorf(chat.Conflict, "Another program has %s or %s: end it, or say others with --listen and --ops-listen.", c.Listen, c.OpsListen)
	}
	return err
}

// folder returns where the data is kept, and what to do with it at the end.
func (o *devOptions) folder() (folder string, forget func(), err error) {
	if o.ephemeral {
		folder, err = os.MkdirTemp("", "chatire-")
		return folder, func() { os.RemoveAll(folder) }, err
	}
	folder = o.data
	if folder == "" {
		folder, err = dataFolder(o.environ)
		if err != nil {
			return "", nil, err
		}
	}
	folder, err = filepath.Abs(folder)
	if err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", nil, fmt.Errorf("make the folder for the data: %w; say another with --data", err)
	}
	return folder, func() {}, nil
}

// dataFolder returns the user's folder for our data, as the XDG base directory
// specification has it.
func dataFolder(environ map[string]string) (string, error) {
	if base := environ["XDG_DATA_HOME"]; filepath.IsAbs(base) {
		return filepath.Join(base, "chatire"), nil
	}
	home := environ["HOME"]
	if home == "" {
		return "", errors.New("there is no home folder: say --data FOLDER or --ephemeral")
	}
	return filepath.Join(home, ".local", "share", "chatire"), nil
}

// config returns the settings of the environment, with those that are open filled
// in.
func (o *devOptions) config(folder string) (*config.Config, error) {
	secret, err := keptSecret(folder)
	if err != nil {
		return nil, err
	}
	vars := map[string]string{
		"CHATIRE_DATABASE_URL": "sqlite://" + filepath.Join(folder, "chatire.db"),
		"CHATIRE_LISTEN":       o.listen,
		"CHATIRE_OPS_LISTEN":   o.opsListen,
		"CHATIRE_PUBLIC_URL":   "http://" + o.listen,
		"CHATIRE_CORS_ORIGINS": "*",
		"CHATIRE_LOG_LEVEL":    "warn",
	}
	if o.environ["CHATIRE_SECRET_FILE"] == "" {
		vars["CHATIRE_SECRET"] = secret
	}
	for name, value := range o.environ {
		if value != "" {
			vars[name] = value
		}
	}
	c, err := config.Load(vars)
	if err != nil {
		return nil, fmt.Errorf("the settings are wrong\n%w", err)
	}
	return c, nil
}

// keptSecret returns the secret of an installation on one machine. It is made when
// it is first needed, and then kept with the data: links in mails stay good.
func keptSecret(folder string) (string, error) {
	path := filepath.Join(folder, "secret")
	kept, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(kept)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var random [32]byte
	rand.Read(random[:]) // never fails: see crypto/rand
	secret := hex.EncodeToString(random[:])
	return secret, os.WriteFile(path, []byte(secret+"\n"), 0o600)
}
