package docs_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

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
	case map[string]any:
		if s.structs[kind] == nil {
			return false
		}
		s.compare(t, kind, v, example)
		return true
	}
	return false
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

// TestRoutes compares the table of routes with the schema. That the schema has the
// routes of the API is for a test of the API.
func TestRoutes(t *testing.T) {
	schema := readSchema(t)
	pattern := regexp.MustCompile("(?m)^\\| `([A-Z]+) (/\\S+)` \\| (yes)? ?\\| [a-z]")
	var documented, inCode []string
	for _, row := range pattern.FindAllStringSubmatch(read(t, "docs/PROTOCOL.md").text, -1) {
		documented = append(documented, strings.TrimSpace(row[1]+" "+braced(row[2])+" "+row[3]))
	}
	for path, item := range schema.Paths.Map() {
		for method, operation := range item.Operations() {
			needsToken := " yes"
			if operation.Security != nil {
				needsToken = ""
			}
			inCode = append(inCode, method+" "+path+needsToken)
		}
	}
	same(t, "routes", documented, inCode)
}

func readSchema(t *testing.T) *openapi3.T {
	t.Helper()
	schema, err := openapi3.NewLoader().LoadFromFile(filepath.Join(root, "api", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// braced writes parameters of a path as the schema does.
func braced(path string) string { return strings.NewReplacer("<", "{", ">", "}").Replace(path) }

// TestBodies checks each example of a body with the schema. The line before it says
// what it is.
func TestBodies(t *testing.T) {
	schema := readSchema(t)
	pattern := regexp.MustCompile("^`([A-Z]+) (/\\S+)` (takes|answers ([0-9]+))")
	checked := 0
	for _, b := range read(t, "docs/PROTOCOL.md").blocks {
		if b.section != "REST" {
			continue
		}
		match := pattern.FindStringSubmatch(b.before)
		if match == nil {
			t.Errorf("nothing says what this is: %s", b.text)
			continue
		}
		item := schema.Paths.Find(braced(match[2]))
		if item == nil || item.Operations()[match[1]] == nil {
			t.Errorf("there is no %s %s", match[1], match[2])
			continue
		}
		body := bodySchema(item.Operations()[match[1]], match[4])
		if body == nil {
			t.Errorf("the schema has no body for %q", b.before)
			continue
		}
		var value any
		if err := json.Unmarshal([]byte(b.text), &value); err != nil {
			t.Fatal(err)
		}
		if err := body.VisitJSON(value); err != nil {
			t.Errorf("%s %v", b.before, err)
		}
		checked++
	}
	if checked == 0 {
		t.Error("there are no examples")
	}
}

// bodySchema returns the schema of an operation's JSON: of its answer with a status, or
// of its request without one.
func bodySchema(operation *openapi3.Operation, status string) *openapi3.Schema {
	var content openapi3.Content
	switch {
	case status == "" && operation.RequestBody != nil:
		content = operation.RequestBody.Value.Content
	case status != "" && operation.Responses.Value(status) != nil:
		content = operation.Responses.Value(status).Value.Content
	case status != "" && operation.Responses.Default() != nil:
		content = operation.Responses.Default().Value.Content
	}
	media := content.Get("application/json")
	if media == nil || media.Schema == nil {
		return nil
	}
	return media.Schema.Value
}
