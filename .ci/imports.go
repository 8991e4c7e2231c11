// Imports fails if a package imports upwards, or if a library comes in by another
// door than its own.
package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/chatire/chatire/"

// lines is the house from top to bottom. A package imports only from lower lines,
// or from within its own folder. Tests may use any package of ours.
var lines = [][]string{
	{"charts"},
	{"ctl"},
	{"api", "worker"},
	{"pkg/boot"},
	{"pkg/store", "pkg/bus", "pkg/httpd", "pkg/client", "pkg/mail"},
	{"pkg/config", "pkg/telemetry"},
	{"pkg/chat", "pkg/history", "pkg/netfault", "pkg/trace", "migrations", "web"},
}

// doors says in which folders or files a library may be imported.
var doors = map[string][]string{
	"github.com/uptrace/bun":             {"pkg/store", "migrations"},
	"github.com/ThreeDotsLabs/watermill": {"pkg/bus", "worker/bridge.go"},
	"github.com/rabbitmq/amqp091-go":     {"pkg/bus", "ctl/faults"}, // who breaks things, breaks the broker's too
	"github.com/gofiber/fiber":           {"pkg/httpd", "pkg/boot", "api", "worker/worker.go", "worker/handshake.go"},
	"github.com/valyala/fasthttp":        {"pkg/httpd", "pkg/boot", "api", "worker/worker.go", "worker/handshake.go"},
	"github.com/lxzan/gws":               {"pkg/client", "worker"},
	"github.com/spf13/cobra":             {"ctl"},
	"go.opentelemetry.io":                {"pkg/telemetry"},
}

func main() {
	complaints, err := check(".")
	if err != nil {
		complaints = append(complaints, err.Error())
	}
	for _, complaint := range complaints {
		fmt.Fprintln(os.Stderr, complaint)
	}
	if len(complaints) > 0 {
		os.Exit(1)
	}
}

// check returns what is wrong in the tree below root.
func check(root string) ([]string, error) {
	var complaints []string
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := file != root && strings.HasPrefix(entry.Name(), ".")
		if entry.IsDir() && (hidden || entry.Name() == "testdata" || entry.Name() == "node_modules") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		found, err := checkFile(filepath.ToSlash(file))
		complaints = append(complaints, found...)
		return err
	})
	return complaints, err
}

func checkFile(file string) ([]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var complaints []string
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		complaint := ""
		if ours, ok := strings.CutPrefix(imported, module); ok {
			complaint = checkLevel(file, ours)
		} else {
			complaint = checkDoor(file, imported)
		}
		if complaint != "" {
			complaints = append(complaints, file+": "+complaint)
		}
	}
	return complaints, nil
}

// checkLevel returns what is wrong with a file's import of one of our packages.
func checkLevel(file, imported string) string {
	if inTest(file) {
		return ""
	}
	if inTest(imported) {
		return imported + " is for tests only"
	}
	from, fromLine := place(file)
	to, toLine := place(imported)
	switch {
	case from == "":
		return "has no line in .ci/imports.go"
	case to == "":
		return imported + " has no line in .ci/imports.go"
	case from != to && fromLine >= toLine:
		return from + " is not above " + to
	}
	return ""
}

// place returns the folder of lines that holds name, and its line.
func place(name string) (folder string, line int) {
	for line, folders := range lines {
		for _, folder := range folders {
			if within(name, folder) {
				return folder, line
			}
		}
	}
	return "", 0
}

// checkDoor returns what is wrong with a file's import of a library.
func checkDoor(file, imported string) string {
	for library, places := range doors {
		if !within(imported, library) {
			continue
		}
		if !slices.ContainsFunc(places, func(place string) bool { return opens(place, file) }) {
			return imported + " belongs in " + strings.Join(places, ", ")
		}
	}
	return ""
}

// opens says whether a door's place lets a file through. Where it is one file of a
// package, the tests of that package pass as well.
func opens(place, file string) bool {
	if inTest(file) && strings.HasSuffix(place, ".go") {
		place = path.Dir(place)
	}
	return within(file, place)
}

// inTest says whether a file or package is for tests: x_test.go or in a folder like
// storetest.
func inTest(name string) bool {
	dir := name
	if strings.HasSuffix(name, ".go") {
		dir = path.Dir(name)
	}
	return strings.HasSuffix(name, "_test.go") || strings.HasSuffix(path.Base(dir), "test")
}

// within says whether name is folder or lies in it.
func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}
