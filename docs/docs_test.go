// Package docs_test holds the docs to the code: what they name must exist, what they
// show must be so, and what they list must be complete. .ci/docs looks at paths, make
// targets and settings.
package docs_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// update writes the pages that are made from the code.
var update = flag.Bool("update", false, "write the pages that are made from the code")

// root is the top of the tree, as seen from here.
const root = ".."

// document is one Markdown file, apart from what stands in its fences.
type document struct {
	path   string // from the top
	text   string // outside of fences
	blocks []block
}

// block is one fenced block.
type block struct {
	language string
	section  string // the heading of the second level that it stands under
	before   string // the last line before it that is not empty
	text     string
}

// documents returns all documents that are read by people of the project.
func documents(t *testing.T) []document {
	t.Helper()
	paths := []string{"README.md", "STYLE.md", "CHANGELOG.md"}
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			paths = append(paths, "docs/"+filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []document
	for _, path := range paths {
		all = append(all, read(t, path))
	}
	return all
}

func read(t *testing.T, path string) document {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	d := document{path: path}
	var (
		outside         strings.Builder
		fence           *block
		section, before string
	)
	for line := range strings.Lines(string(content)) {
		bare := strings.TrimRight(line, "\n")
		language, isFence := strings.CutPrefix(bare, "```")
		switch {
		case isFence && fence == nil:
			fence = &block{language: language, section: section, before: before}
		case isFence:
			d.blocks = append(d.blocks, *fence)
			fence = nil
		case fence != nil:
			fence.text += line
		default:
			outside.WriteString(line)
			if heading, ok := strings.CutPrefix(bare, "## "); ok {
				section = heading
			}
			if bare != "" {
				before = bare
			}
		}
	}
	if fence != nil {
		t.Errorf("%s: a fence does not end", path)
	}
	d.text = outside.String()
	return d
}

var (
	spanPattern = regexp.MustCompile("`([^`\n]+)`")
	linkPattern = regexp.MustCompile(`\]\(([^)\s]+)\)`)

	// refsPattern is a line that names code or tests: a file, then what is in it.
	refsPattern = regexp.MustCompile(`(?m)^- (Code|Test): (.*)$`)

	testPattern = regexp.MustCompile(`^(Test[A-Z]\w*)(?:/(.+))?$`)
	namePattern = regexp.MustCompile(`^([a-z]+)\.([A-Z]\w*(?:\.\w+)?)$`)
)

func spans(text string) (all []string) {
	for _, match := range spanPattern.FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	return all
}

// TestNames looks for functions, types and tests that documents name.
func TestNames(t *testing.T) {
	code := readCode(t)
	for _, d := range documents(t) {
		for _, span := range spans(d.text) {
			if complaint := code.complain(span); complaint != "" {
				t.Errorf("%s: %s", d.path, complaint)
			}
		}
		for _, match := range refsPattern.FindAllStringSubmatch(d.text, -1) {
			for _, complaint := range code.complainOfRefs(spans(match[2])) {
				t.Errorf("%s: %s", d.path, complaint)
			}
		}
	}
}

// TestEveryStepNamesCodeAndTest keeps the way of a message whole.
func TestEveryStepNamesCodeAndTest(t *testing.T) {
	steps := strings.Split(read(t, "docs/ONE-MESSAGE.md").text, "\n## ")[1:]
	if len(steps) < 10 {
		t.Fatalf("there are %d steps", len(steps))
	}
	for _, step := range steps {
		title, _, _ := strings.Cut(step, "\n")
		if !strings.Contains(step, "\n- Code: ") || !strings.Contains(step, "\n- Test: ") {
			t.Errorf("%s: names no code or no test", title)
		}
	}
}

// TestLinks follows the relative links.
func TestLinks(t *testing.T) {
	for _, d := range documents(t) {
		for _, match := range linkPattern.FindAllStringSubmatch(d.text, -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := d.path
			if target != "" {
				path = filepath.ToSlash(filepath.Join(filepath.Dir(d.path), target))
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", d.path, match[1])
				continue
			}
			if anchor != "" && !hasHeading(read(t, path), anchor) {
				t.Errorf("%s: %s has no heading #%s", d.path, path, anchor)
			}
		}
	}
}

func hasHeading(d document, anchor string) bool {
	for line := range strings.Lines(d.text) {
		if title := strings.TrimLeft(line, "#"); title != line {
			slug := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-")
			if slug == anchor {
				return true
			}
		}
	}
	return false
}

// TestExamplesAreJSON reads every block that says it is JSON, a log line as well.
func TestExamplesAreJSON(t *testing.T) {
	for _, d := range documents(t) {
		for _, b := range d.blocks {
			if b.language == "json" && !json.Valid([]byte(b.text)) {
				t.Errorf("%s, %s: this is not JSON: %s", d.path, b.section, b.text)
			}
		}
	}
}
