package ctl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/goccy/go-yaml"
)

// contexts is the file of installations that somebody administers.
type contexts struct {
	APIVersion string         `yaml:"apiVersion"`
	Kind       string         `yaml:"kind"`
	Current    string         `yaml:"current,omitempty"`
	Contexts   []knownContext `yaml:"contexts"`
}

// knownContext is one installation.
type knownContext struct {
	Name   string `yaml:"name"`
	Server string `yaml:"server"`
	Token  string `yaml:"token"`
}

func (c *contexts) named(name string) *knownContext {
	if i := c.index(name); i >= 0 {
		return &c.Contexts[i]
	}
	return nil
}

func (c *contexts) index(name string) int {
	return slices.IndexFunc(c.Contexts, func(k knownContext) bool { return k.Name == name })
}

// contextsFile returns where the contexts are kept, as the XDG base directory
// specification has it.
func contextsFile(environ map[string]string) (string, error) {
	if base := environ["XDG_CONFIG_HOME"]; filepath.IsAbs(base) {
		return filepath.Join(base, "chatirectl", "config.yaml"), nil
	}
	home := environ["HOME"]
	if home == "" {
		return "", errors.New("there is no home folder to keep contexts in: set XDG_CONFIG_HOME")
	}
	return filepath.Join(home, ".config", "chatirectl", "config.yaml"), nil
}

// readContexts reads the file; there need not be one. Whoever else can read it is
// warned of, since it has tokens.
func (t *terminal) readContexts() (*contexts, error) {
	empty := &contexts{APIVersion: apiVersion, Kind: "Contexts"}
	path, err := contextsFile(t.environ)
	if err != nil {
		return empty, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read your contexts: %w", err)
	}
	if openToOthers(path) {
		t.note("Others can read %s, which has tokens. Make it yours alone: chmod 600 %s", path, path)
	}
	read := *empty
	if err := yaml.UnmarshalWithOptions(text, &read, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("read your contexts in %s: %s", path, yaml.FormatError(err, false, false))
	}
	return &read, nil
}

// openToOthers says whether others than its owner may read a file.
func openToOthers(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0
}

// writeContexts replaces the file at once, for its owner alone.
func (t *terminal) writeContexts(c *contexts) error {
	path, err := contextsFile(t.environ)
	if err != nil {
		return err
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode your contexts: %w", err)
	}
	if err := writeWhole(path, text); err != nil {
		return fmt.Errorf("keep your contexts: %w", err)
	}
	return nil
}

// writeWhole replaces a file of secrets, and the folder if need be, so that there is the
// old or the new one at any time.
func writeWhole(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(path), ".config-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // fails once it was renamed
	_, err = next.Write(text)
	if err = errors.Join(err, next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}
