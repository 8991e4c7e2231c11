package docs_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

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
