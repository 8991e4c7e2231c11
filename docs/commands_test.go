package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fencedPattern = regexp.MustCompile(`(?m)^(?:\$ )?(?:bin/)?(chatirectl .*)$`)
	setInPattern  = regexp.MustCompile(`(?m)^ {4,}(?:bin/)?(chatirectl .*)$`)

	flagPattern = regexp.MustCompile(`--[a-z-]+`)
)

// TestCommands asks chatirectl for help about each of its commands that a document
// names: there must be one, with the flags that are named.
func TestCommands(t *testing.T) {
	program := filepath.Join(t.TempDir(), "chatirectl")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../ctl/cmd/chatirectl")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	seen := 0
	for _, d := range documents(t) {
		if strings.HasPrefix(d.path, "docs/cli/") {
			continue // they are what the program says of itself
		}
		var commands []string
		for _, span := range spans(d.text) {
			if strings.HasPrefix(span, "chatirectl ") {
				commands = append(commands, span)
			}
		}
		for _, match := range setInPattern.FindAllStringSubmatch(d.text, -1) {
			commands = append(commands, match[1])
		}
		for _, b := range d.blocks {
			for _, match := range fencedPattern.FindAllStringSubmatch(b.text, -1) {
				commands = append(commands, match[1])
			}
		}
		for _, command := range commands {
			if complaint := complainOfCommand(t, program, command); complaint != "" {
				t.Errorf("%s: %s: %s", d.path, command, complaint)
			}
			seen++
		}
	}
	if seen == 0 {
		t.Error("no document names a command")
	}
}

// complainOfCommand returns what is wrong with a command, "" if nothing.
func complainOfCommand(t *testing.T, program, command string) string {
	t.Helper()
	var words []string
	for _, word := range strings.Fields(command)[1:] {
		if strings.HasPrefix(word, "-") {
			break
		}
		words = append(words, word)
	}
	out, err := exec.CommandContext(t.Context(), program, append([]string{"help"}, words...)...).CombinedOutput()
	if err != nil {
		return err.Error()
	}
	help := string(out)
	_, usage, _ := strings.Cut(help, "Usage:\n  chatirectl")
	usage, _, _ = strings.Cut(usage, "\n")
	for _, part := range strings.Fields(usage) {
		if part != strings.ToLower(part) || strings.HasPrefix(part, "[") {
			break // the arguments begin
		}
		if len(words) == 0 || words[0] != part {
			return "there is no such command"
		}
		words = words[1:]
	}
	takesNone := usage == strings.ToLower(usage)
	if takesNone && len(words) > 0 {
		return "there is no such command"
	}
	for _, flag := range flagPattern.FindAllString(command, -1) {
		if !strings.Contains(help, flag+" ") {
			return "there is no flag " + flag
		}
	}
	return ""
}
