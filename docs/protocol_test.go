package docs_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
)

// The sections of the protocol that have examples.
const (
	fromClient = "Frames from the client"
	fromServer = "Frames from the server"
	events     = "Events"
	closeCodes = "Close codes"
)

// examples returns the JSON of one section.
func examples(t *testing.T, d document, section string) (list []string) {
	t.Helper()
	for _, b := range d.blocks {
		if b.section == section && b.language == "json" {
			list = append(list, b.text)
		}
	}
	if len(list) == 0 {
		t.Fatalf("%q has no examples", section)
	}
	return list
}

// strictly decodes an example in which no field may be unknown.
func strictly(t *testing.T, example string, into any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(example))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Errorf("%v in %s", err, example)
	}
}

// parse reads one of our source files.
func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// same compares what a document lists with what the code has.
func same(t *testing.T, what string, documented, inCode []string) {
	t.Helper()
	for _, name := range inCode {
		if !slices.Contains(documented, name) {
			t.Errorf("%s: %s is not in the document", what, name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(inCode, name) {
			t.Errorf("%s: %s is in the document only", what, name)
		}
	}
}

// TestClientFrames compares the frames of clients with those that a worker takes.
func TestClientFrames(t *testing.T) {
	var types, fields []string
	for _, example := range examples(t, read(t, "docs/PROTOCOL.md"), fromClient) {
		var frame struct {
			Type     string `json:"type"`
			Token    string `json:"token"`
			URI      string `json:"uri"`
			Epoch    string `json:"epoch"`
			Sessions []struct {
				URI   string `json:"uri"`
				After *int64 `json:"after"`
			} `json:"sessions"`
		}
		strictly(t, example, &frame)
		types = append(types, frame.Type)
		fields = append(fields, keys(t, example)...)
	}
	source := parse(t, "worker/client.go")
	same(t, "types of frames", types, cases(source, "receive"))
	same(t, "fields of frames", fields, lookups(source))
}

// keys returns the names of all fields of an example, inner ones as well.
func keys(t *testing.T, example string) (names []string) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(example))
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				names = append(names, name)
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	walk(v)
	return names
}

// cases returns the texts that a method's switches compare with.
func cases(f *ast.File, method string) (names []string) {
	for _, decl := range f.Decls {
		d, ok := decl.(*ast.FuncDecl)
		if !ok || d.Name.Name != method {
			continue
		}
		ast.Inspect(d, func(n ast.Node) bool {
			if c, ok := n.(*ast.CaseClause); ok {
				for _, e := range c.List {
					if name, ok := text(e); ok {
						names = append(names, name)
					}
				}
			}
			return true
		})
	}
	return names
}

// lookups returns the names under which fields of a frame are looked up: x.text("name")
// and fields["name"].
func lookups(f *ast.File) (names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if method, ok := n.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == "text" && len(n.Args) == 1 {
				if name, ok := text(n.Args[0]); ok {
					names = append(names, name)
				}
			}
		case *ast.IndexExpr:
			if name, ok := text(n.Index); ok {
				names = append(names, name)
			}
		}
		return true
	})
	return names
}

// rows returns the first cells of the table below a header, without back quotes.
func rows(d document, header string) (cells []string) {
	_, table, _ := strings.Cut(d.text, header+"\n")
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if cell := strings.Trim(strings.Split(line, "|")[1], " `"); strings.Trim(cell, "-") != "" {
			cells = append(cells, cell)
		}
	}
	return cells
}

// TestEventFrames decodes each example of an event with the type that makes frames,
// and encodes it again: nothing may be lost and nothing come in.
func TestEventFrames(t *testing.T) {
	frames := readFrames(t)
	var kinds []string
	for _, example := range examples(t, read(t, "docs/PROTOCOL.md"), events) {
		var e chat.EventJSON
		strictly(t, example, &e)
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(decoded(t, again), decoded(t, []byte(example))) {
			t.Errorf("a worker would say %s instead of %s", again, example)
		}
		if e.Type != "event" || e.ID != e.Seq || e.Rev != e.Seq || e.User.Email != "" {
			t.Errorf("no such frame is ever sent: %s", example)
		}
		if e.Role != "" && !slices.Contains(frames.values["Role"], string(e.Role)) {
			t.Errorf("there is no role %q", e.Role)
		}
		kinds = append(kinds, string(e.Event))
	}
	same(t, "events", kinds, frames.values["EventType"])
}

func decoded(t *testing.T, example []byte) (v any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(example))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCloseCodes(t *testing.T) {
	documented := rows(read(t, "docs/PROTOCOL.md"), "| code | the server closes with it | the client |")
	same(t, closeCodes, documented, readFrames(t).codes)
}
