// Dashboards writes the dashboards for Grafana as JSON to charts/chatire/dashboards.
// With -check it fails where a file is another one, and with -rules it prints what the
// dashboards ask as rules for promtool, which parses them.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chatire/chatire/charts/dashboards"
)

const folder = "charts/chatire/dashboards"

func main() {
	check := flag.Bool("check", false, "compare the files instead of writing them")
	rules := flag.Bool("rules", false, "print the expressions as rules instead")
	flag.Parse()
	do := func() error { return each(write) }
	switch {
	case *rules:
		do = printRules
	case *check:
		do = func() error { return each(compare) }
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func each(do func(path string, text []byte) error) error {
	for _, d := range dashboards.All() {
		text, err := d.JSON()
		if err != nil {
			return err
		}
		if err := do(filepath.Join(folder, d.Name+".json"), text); err != nil {
			return err
		}
	}
	return nil
}

func write(path string, text []byte) error { return os.WriteFile(path, text, 0o644) }

func compare(path string, text []byte) error {
	got, err := os.ReadFile(path)
	if err == nil && !bytes.Equal(got, text) {
		err = fmt.Errorf("%s is out of date: make dashboards", path)
	}
	return err
}

// printRules prints JSON, which is YAML.
func printRules() error {
	type rule struct {
		Record string            `json:"record"`
		Expr   string            `json:"expr"`
		Labels map[string]string `json:"labels"`
	}
	var all []rule
	for _, d := range dashboards.All() {
		for i, e := range d.Expressions() {
			all = append(all, rule{"panel", e.Chosen("1m"), map[string]string{"panel": fmt.Sprint(e.Panel, " ", i)}})
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"groups": []any{map[string]any{"name": "dashboards", "rules": all}}})
}
