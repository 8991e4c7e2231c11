package docs_test

import (
	"go/ast"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestServerFrames compares the frames of servers with the types that a worker
// encodes. Event frames have a test of their own.
func TestServerFrames(t *testing.T) {
	d := read(t, "docs/PROTOCOL.md")
	frames := readFrames(t)
	types := []string{"event"}
	for _, example := range examples(t, d, fromServer) {
		var frame map[string]any
		strictly(t, example, &frame)
		kind, _ := frame["type"].(string)
		types = append(types, kind)
		if frames.structs[frames.named[kind]] == nil {
			t.Errorf("no worker says %s", example)
			continue
		}
		frames.compare(t, frames.named[kind], frame, example)
	}
	inCode := append(slices.Collect(maps.Keys(frames.named)), "event")
	same(t, "types of frames", types, inCode)

	mentioned := spans(d.text)
	for kind, values := range frames.values {
		for _, value := range values {
			if !slices.Contains(mentioned, value) {
				t.Errorf("%s %q is not in the document", kind, value)
			}
		}
	}
	same(t, "codes of errors", rows(d, "| code | means |"), frames.values["errorCode"])
}

// frameSource is the frames in the source of the worker.
type frameSource struct {
	structs map[string]*ast.StructType // by their names
	named   map[string]string          // the struct of each type of frame
	values  map[string][]string        // the constants of each type of texts
	codes   []string                   // the close codes
}

func readFrames(t *testing.T) frameSource {
	t.Helper()
	s := frameSource{
		structs: map[string]*ast.StructType{},
		named:   map[string]string{},
		values:  map[string][]string{},
	}
	s.addConstants(parse(t, "worker/frames.go"))
	s.addConstants(parse(t, "pkg/chat/event.go"))
	s.addConstants(parse(t, "pkg/chat/session.go"))
	paths, err := filepath.Glob(filepath.Join(root, "worker", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		ast.Inspect(parse(t, "worker/"+filepath.Base(path)), func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if body, ok := n.Type.(*ast.StructType); ok {
					s.structs[n.Name.Name] = body
				}
			case *ast.CompositeLit:
				s.addLiteral(n)
			}
			return true
		})
	}
	return s
}

// addConstants notes the close codes, and the texts of types that clients see.
func (s *frameSource) addConstants(f *ast.File) {
	for _, decl := range f.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.CONST {
			continue
		}
		for _, spec := range d.Specs {
			v := spec.(*ast.ValueSpec)
			if len(v.Values) != 1 {
				continue
			}
			if number, ok := v.Values[0].(*ast.BasicLit); ok && strings.HasPrefix(v.Names[0].Name, "close") {
				s.codes = append(s.codes, number.Value)
			}
			kind, typed := v.Type.(*ast.Ident)
			value, isText := text(v.Values[0])
			if typed && isText && kind.Name != "ControlKind" {
				s.values[kind.Name] = append(s.values[kind.Name], value)
			}
		}
	}
}

// addLiteral notes which type of frame a struct is used for: the first field of a
// frame is its type.
func (s *frameSource) addLiteral(l *ast.CompositeLit) {
	name, ok := l.Type.(*ast.Ident)
	if !ok || !strings.HasSuffix(name.Name, "Frame") || len(l.Elts) == 0 {
		return
	}
	first := l.Elts[0]
	if pair, ok := first.(*ast.KeyValueExpr); ok {
		first = pair.Value
	}
	if kind, ok := text(first); ok {
		s.named[kind] = name.Name
	}
}

var jsonTag = regexp.MustCompile(`json:"(\w+)(,omitempty)?"`)

// compare checks an object against a struct: all fields that are always there, no
// other ones, each of its kind.
func (s *frameSource) compare(t *testing.T, name string, object map[string]any, example string) {
	t.Helper()
	known := map[string]bool{}
	for _, field := range s.structs[name].Fields.List {
		tag := jsonTag.FindStringSubmatch(field.Tag.Value)
		known[tag[1]] = true
		value, there := object[tag[1]]
		if !there {
			if tag[2] == "" {
				t.Errorf("%s is missing in %s", tag[1], example)
			}
			continue
		}
		if !s.fits(t, field.Type, value, example) {
			t.Errorf("%s is of another kind in %s", tag[1], example)
		}
	}
	for key := range object {
		if !known[key] {
			t.Errorf("%s has no %q: %s", name, key, example)
		}
	}
}

// fits says whether a value is of a type. A text of a type with constants must be one
// of them.
func (s *frameSource) fits(t *testing.T, e ast.Expr, value any, example string) bool {
	kind := ""
	switch e := e.(type) {
	case *ast.Ident:
		kind = e.Name
	case *ast.SelectorExpr:
		kind = e.Sel.Name
	}
	switch v := value.(type) {
	case string:
		return kind == "string" || slices.Contains(s.values[kind], v)
	case float64:
		return (kind == "int" || kind == "int64") && v == float64(int64(v))
	case []any:
		list, ok := e.(*ast.ArrayType)
		return ok && !slices.ContainsFunc(v, func(one any) bool { return !s.fits(t, list.Elt, one, example) })
	case map[string]any:
		if s.structs[kind] == nil {
			return false
		}
		s.compare(t, kind, v, example)
		return true
	}
	return false
}
