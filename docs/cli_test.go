package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestCommandPages compares docs/cli, as Markdown and for man, with what chatirectl says
// of itself, or writes it.
func TestCommandPages(t *testing.T) {
	markdown, man := t.TempDir(), t.TempDir()
	out, err := exec.Command("go", "run", "../ctl/cmd/chatirectl", "docs", "--markdown", markdown, "--man", man).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	samePages(t, markdown, "docs/cli")
	samePages(t, man, "docs/cli/man")
}

// samePages compares the files of a folder with those that are kept.
func samePages(t *testing.T, folder, kept string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Join(root, kept), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, page := range pages {
		said[page.Name()] = true
		text, err := os.ReadFile(filepath.Join(folder, page.Name()))
		if err != nil {
			t.Fatal(err)
		}
		generated(t, kept+"/"+page.Name(), string(text))
	}
	there, err := os.ReadDir(filepath.Join(root, kept))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range there {
		if !page.IsDir() && !said[page.Name()] {
			t.Errorf("%s/%s is of a command that there is not", kept, page.Name())
		}
	}
}
