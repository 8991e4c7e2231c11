package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestCommandPages compares docs/cli with what chatirectl says of itself, or writes it.
func TestCommandPages(t *testing.T) {
	folder, kept := t.TempDir(), filepath.Join(root, "docs/cli")
	if out, err := exec.Command("go", "run", "../ctl/cmd/chatirectl", "docs", "--markdown", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if *update {
		if err := os.MkdirAll(kept, 0o755); err != nil {
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
		generated(t, "docs/cli/"+page.Name(), string(text))
	}
	there, err := os.ReadDir(kept)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range there {
		if !said[page.Name()] {
			t.Errorf("docs/cli/%s is of a command that there is not", page.Name())
		}
	}
}
