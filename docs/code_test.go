package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// code is what the Go files of the tree declare.
type code struct {
	files    map[string]map[string]bool // by path: functions, Type.Methods, types, constants and variables
	packages map[string]map[string]bool // the same by package, tests left out
	tests    map[string]map[string]bool // by test: the folders that have it
	claims   map[string]map[string]bool // by folder: the names given to t.Run
}

func readCode(t *testing.T) *code {
	t.Helper()
	c := &code{
		files:    map[string]map[string]bool{},
		packages: map[string]map[string]bool{},
		tests:    map[string]map[string]bool{},
		claims:   map[string]map[string]bool{},
	}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := path != root && strings.HasPrefix(entry.Name(), ".")
		if entry.IsDir() && (hidden || slices.Contains([]string{"testdata", "node_modules", "bin"}, entry.Name())) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		return c.add(path)
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *code) add(path string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	path, err = filepath.Rel(root, path)
	if err != nil {
		return err
	}
	path = filepath.ToSlash(path)
	folder, inTest := filepath.ToSlash(filepath.Dir(path)), strings.HasSuffix(path, "_test.go")
	for _, name := range declared(parsed) {
		put(c.files, path, name)
		if !inTest {
			put(c.packages, parsed.Name.Name, name)
		} else if strings.HasPrefix(name, "Test") {
			put(c.tests, name, folder)
		}
	}
	if inTest {
		for _, claim := range claims(parsed) {
			put(c.claims, folder, claim)
		}
	}
	return nil
}

func put(m map[string]map[string]bool, key, value string) {
	if m[key] == nil {
		m[key] = map[string]bool{}
	}
	m[key][value] = true
}

// declared returns what a file declares at the top level.
func declared(f *ast.File) (names []string) {
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil {
				name = typeName(d.Recv.List[0].Type) + "." + name
			}
			names = append(names, name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// claims returns the names that a file gives to its subtests, where it spells them out.
func claims(f *ast.File) (names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		if method, ok := call.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == "Run" {
			if name, ok := text(call.Args[0]); ok {
				names = append(names, name)
			}
		}
		return true
	})
	return names
}

// text returns the value of a literal string.
func text(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	value, err := strconv.Unquote(literal.Value)
	return value, err == nil
}

// complain returns what is wrong with a name in a document, "" for what is right or
// is no name of ours.
func (c *code) complain(span string) string {
	if match := testPattern.FindStringSubmatch(span); match != nil {
		return c.complainOfTest(match[1], match[2])
	}
	match := namePattern.FindStringSubmatch(span)
	if match == nil || c.packages[match[1]] == nil {
		return ""
	}
	if !c.packages[match[1]][match[2]] {
		return fmt.Sprintf("package %s has no %s", match[1], match[2])
	}
	return ""
}

func (c *code) complainOfTest(test, claim string) string {
	folders := c.tests[test]
	if len(folders) == 0 {
		return "there is no " + test
	}
	if claim == "" {
		return ""
	}
	for folder := range folders {
		if c.claims[folder][claim] {
			return ""
		}
	}
	return fmt.Sprintf("%s claims nothing like %q", test, claim)
}

// complainOfRefs returns what is wrong with a list that begins with a file: what
// follows must be declared there. A list without one was looked at already.
func (c *code) complainOfRefs(names []string) (complaints []string) {
	if len(names) == 0 || !strings.HasSuffix(names[0], ".go") {
		return nil
	}
	file := names[0]
	if c.files[file] == nil {
		return []string{"there is no " + file}
	}
	for _, name := range names[1:] {
		name, _, _ = strings.Cut(name, "/")
		if !c.files[file][name] {
			complaints = append(complaints, file+" has no "+name)
		}
	}
	return complaints
}
