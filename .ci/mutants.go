// Mutants checks that the tests notice when the promise is broken. A mutant is a
// mistake that somebody could make: in .ci/mutants each has a file that says what it
// is, which test must notice it, and which text stands for which in the sources. It is
// compiled in with go's -overlay, so that nothing of it is in the sources.
//
//	go run .ci/mutants.go               runs each test on healthy code and on its mutant
//	go run .ci/mutants.go -check        only looks whether each still fits the sources
//	go run .ci/mutants.go -overlay NAME DIR   writes what go build -overlay takes
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

const folder = ".ci/mutants"

// patience bounds one run of one test.
const patience = 3 * time.Minute

// mutant is one mistake.
type mutant struct {
	name    string
	what    string // in one sentence
	clause  string // of docs/GUARANTEES.md
	pkg     string // of the test
	test    string // a pattern for go test -run
	changes map[string][]change
}

// change replaces one text of a file, which must be there once.
type change struct{ old, new string }

func main() {
	check := flag.Bool("check", false, "only look whether the mutants fit the sources")
	overlay := flag.String("overlay", "", "write the overlay of this mutant into a folder")
	flag.Parse()
	if err := run(*check, *overlay, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(check bool, name, into string) error {
	mutants, err := readAll()
	if err != nil {
		return err
	}
	if name != "" {
		i := slices.IndexFunc(mutants, func(m mutant) bool { return m.name == name })
		if i < 0 {
			return fmt.Errorf("there is no mutant %q", name)
		}
		path, err := mutants[i].writeOverlay(into)
		fmt.Println(path)
		return err
	}
	if check {
		return fits(mutants)
	}
	return hunt(mutants)
}

func readAll() ([]mutant, error) {
	files, err := filepath.Glob(folder + "/*.txtar")
	if err != nil {
		return nil, err
	}
	var mutants []mutant
	for _, file := range files {
		m, err := read(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		mutants = append(mutants, m)
	}
	return mutants, nil
}

// read reads a mutant: lines "what:", "clause:" and "test:", then pairs of files
// "PATH old" and "PATH new".
func read(file string) (mutant, error) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		return mutant{}, err
	}
	m := mutant{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), changes: map[string][]change{}}
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "what":
			m.what = value
		case "clause":
			m.clause = value
		case "test":
			m.pkg, m.test, _ = strings.Cut(value, " ")
		}
	}
	if m.what == "" || m.test == "" || len(archive.Files)%2 != 0 {
		return m, errors.New("it needs a what, a test, and pairs of old and new")
	}
	for pair := range slices.Chunk(archive.Files, 2) {
		path, isOld := strings.CutSuffix(pair[0].Name, " old")
		if !isOld || pair[1].Name != path+" new" {
			return m, fmt.Errorf("%q and %q are no pair of old and new", pair[0].Name, pair[1].Name)
		}
		m.changes[path] = append(m.changes[path], change{string(pair[0].Data), string(pair[1].Data)})
	}
	return m, nil
}

// mutated returns a file with the changes made.
func (m mutant) mutated(path string) (string, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	text := string(source)
	for _, c := range m.changes[path] {
		if n := strings.Count(text, c.old); n != 1 {
			return "", fmt.Errorf("mutant %s: %s has this text %d times instead of once:\n%s", m.name, path, n, c.old)
		}
		text = strings.Replace(text, c.old, c.new, 1)
	}
	return text, nil
}

// writeOverlay writes the changed files into a folder, and the file that tells go of
// them, whose name it returns.
func (m mutant) writeOverlay(into string) (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(m.changes)) {
		text, err := m.mutated(path)
		if err != nil {
			return "", err
		}
		name := filepath.Join(into, strings.ReplaceAll(path, "/", "_"))
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(here, path)] = name
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(into, "overlay.json")
	return name, os.WriteFile(name, text, 0o600)
}

// fits says which mutants no longer fit the sources.
func fits(mutants []mutant) error {
	var errs []error
	for _, m := range mutants {
		for path := range m.changes {
			_, err := m.mutated(path)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// hunt runs all tests and prints who was caught.
func hunt(mutants []mutant) error {
	var failures []error
	caught := 0
	began := time.Now()
	for _, m := range mutants {
		line, err := m.hunt()
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", m.name, err))
			line = "NOT CAUGHT"
		} else {
			caught++
		}
		fmt.Printf("%-32s clause %-2s %-34s %s\n", m.name, m.clause, m.test, line)
	}
	fmt.Printf("caught %d/%d in %v\n", caught, len(mutants), time.Since(began).Round(time.Second))
	return errors.Join(failures...)
}

// hunt returns the first complaint of the test about the mutant.
func (m mutant) hunt() (string, error) {
	if out, err := m.run(); err != nil {
		return "", fmt.Errorf("its test fails on healthy code: %w\n%s", err, out)
	}
	into, err := os.MkdirTemp("", "chatire-mutant-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(into)
	overlay, err := m.writeOverlay(into)
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "vet", "-overlay", overlay, m.pkg).CombinedOutput(); err != nil {
		return "", fmt.Errorf("it does not compile: %s", out)
	}
	out, err := m.run("-overlay", overlay)
	if err == nil {
		return "", errors.New("its test does not notice it")
	}
	complaint := complaints.FindStringSubmatch(out)
	if complaint == nil {
		return "", fmt.Errorf("its test ends without a complaint: %w\n%s", err, out)
	}
	return complaint[1], nil
}

// complaints finds the first one in the output of a test that failed.
var complaints = regexp.MustCompile(`(?m)^ +\w+_test\.go:\d+: (.{1,100})`)

// run runs the mutant's test. -count keeps results from being remembered.
func (m mutant) run(flags ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	args := append([]string{"test", "-count", "1", "-run", m.test}, flags...)
	out, err := exec.CommandContext(ctx, "go", append(args, m.pkg)...).CombinedOutput()
	if err == nil && strings.Contains(string(out), "no tests to run") {
		err = errors.New("there is no such test")
	}
	return string(out), err
}
