// Sizes prints how long the functions and files of the module are, code and tests
// apart. It judges nothing.
package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// length is how many lines something has.
type length struct {
	name  string
	lines int
}

// measure is the lengths of all functions and all files of one kind.
type measure struct{ functions, files []length }

func main() {
	code, tests := &measure{}, &measure{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (file != "." && strings.HasPrefix(file, ".") || entry.Name() == "node_modules"):
			return fs.SkipDir
		case strings.HasSuffix(file, "_test.go"):
			return tests.add(file)
		case strings.HasSuffix(file, ".go"):
			return code.add(file)
		}
		return nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	report("functions", code.functions)
	report("files", code.files)
	report("functions of tests", tests.functions)
	report("files of tests", tests.files)
}

// add measures one file. A function's comment is not part of its length.
func (m *measure) add(file string) error {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	m.files = append(m.files, length{file, set.File(parsed.FileStart).LineCount()})
	for _, declared := range parsed.Decls {
		if f, ok := declared.(*ast.FuncDecl); ok {
			lines := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1
			m.functions = append(m.functions, length{file + " " + f.Name.Name, lines})
		}
	}
	return nil
}

func report(what string, all []length) {
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b length) int { return cmp.Compare(b.lines, a.lines) })
	fmt.Printf("%d %s: half have up to %d lines, nine in ten up to %d\n",
		len(all), what, all[len(all)/2].lines, all[len(all)/10].lines)
	for _, one := range all[:min(10, len(all))] {
		fmt.Printf("%8d  %s\n", one.lines, one.name)
	}
	fmt.Println()
}
