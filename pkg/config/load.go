package config

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/caarlos0/env/v11"

	"github.com/chatire/chatire/pkg/chat"
)

// prefix begins the name of every variable of ours.
const prefix = "CHATIRE_"

// testPrefix begins variables that only tests read.
const testPrefix = "CHATIRE_TEST_"

// Setting is one field of Config as an operator sees it.
type Setting struct {
	Name    string // of the variable
	Default string
	Doc     string
	Secret  bool   // can also be read from the file that Name_FILE names
	Value   string // as set; "***" for a secret that is set
}

// Environ returns this process's environment as a map.
func Environ() map[string]string {
	vars := map[string]string{}
	for _, kv := range os.Environ() {
		if name, value, ok := strings.Cut(kv, "="); ok {
			vars[name] = value
		}
	}
	return vars
}

// Load reads the settings from vars and refuses those with which a server cannot
// run; the error has one line for each complaint.
func Load(vars map[string]string) (*Config, error) {
	c, err := Read(vars)
	if err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	return c, nil
}

// Read reads the settings from vars without a look at whether they are right: a
// program that needs few of them checks those. A variable that begins with CHATIRE_
// and is none of ours is refused, and so is what cannot be read.
func Read(vars map[string]string) (*Config, error) {
	if err := refuseUnknown(vars); err != nil {
		return nil, err
	}
	vars, err := readFiles(vars)
	if err != nil {
		return nil, err
	}
	var c Config
	err = env.ParseWithOptions(&c, env.Options{
		Environment:         vars,
		DefaultValueTagName: "default",
	})
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	return &c, nil
}

// Settings lists all settings in their order, with the values of c.
func (c *Config) Settings() []Setting {
	var settings []Setting
	value := reflect.ValueOf(c).Elem()
	for i := range value.NumField() {
		field := value.Type().Field(i)
		s := Setting{
			Name:    field.Tag.Get("env"),
			Default: field.Tag.Get("default"),
			Doc:     field.Tag.Get("doc"),
			Secret:  field.Type == reflect.TypeFor[chat.Secret](),
		}
		switch v := value.Field(i).Interface().(type) {
		case chat.Secret:
			switch string(v) {
			case "", s.Default: // nobody's secret
				s.Value = string(v)
			default:
				s.Value = v.String()
			}
		case []string:
			s.Value = strings.Join(v, ",")
		default:
			s.Value = fmt.Sprint(v)
		}
		settings = append(settings, s)
	}
	return settings
}

// Level returns the log level.
func (c *Config) Level() slog.Level {
	level, _ := c.level() // Check has seen it
	return level
}

func (c *Config) level() (level slog.Level, err error) {
	switch c.LogLevel {
	case "debug", "info", "warn", "error":
		err = level.UnmarshalText([]byte(c.LogLevel))
	default:
		err = errors.New("unknown level")
	}
	return level, err
}

// known returns the names of all variables; those of secrets have a _FILE form.
func known() []string {
	var names []string
	for _, s := range new(Config).Settings() {
		names = append(names, s.Name)
		if s.Secret {
			names = append(names, s.Name+"_FILE")
		}
	}
	return names
}

func refuseUnknown(vars map[string]string) error {
	names := known()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, testPrefix) || slices.Contains(names, name) {
			continue
		}
		nearest := slices.MinFunc(names, func(a, b string) int {
			return levenshtein.ComputeDistance(name, a) - levenshtein.ComputeDistance(name, b)
		})
		errs = append(errs, fmt.Errorf("%s: no such setting; did you mean %s?", name, nearest))
	}
	return errors.Join(errs...)
}

// readFiles returns vars with each secret that is given as a file read from it.
func readFiles(vars map[string]string) (map[string]string, error) {
	read := maps.Clone(vars)
	for _, s := range new(Config).Settings() {
		path := vars[s.Name+"_FILE"]
		if !s.Secret || path == "" {
			continue
		}
		if vars[s.Name] != "" {
			return nil, fmt.Errorf("%s: set either it or %s_FILE, not both", s.Name, s.Name)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s_FILE: %w", s.Name, err)
		}
		read[s.Name] = strings.TrimRight(string(content), "\r\n")
	}
	return read, nil
}
