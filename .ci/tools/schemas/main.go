// Schemas writes strict JSON schemas of what Kubernetes and some operators take, for kubeconform,
// from the published Go modules: nothing else is needed of the internet.
//
//	schemas FOLDER VERSION...
//
// FOLDER/VERSION gets the kinds of that version of Kubernetes, such as v1.36.3, and FOLDER/crd
// those of the operators in [operators]. A file is named GROUP_VERSION_KIND.json in lower case,
// with "core" for the group that has no name.
package main

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// operators are modules with custom resources of ours, and the folder that has them.
var operators = map[string]string{
	"github.com/cloudnative-pg/cloudnative-pg@v1.28.0":           "config/crd/bases",
	"github.com/rabbitmq/cluster-operator/v2@v2.16.0":            "config/crd/bases",
	"github.com/prometheus-operator/prometheus-operator@v0.85.0": "example/prometheus-operator-crd",
	"github.com/kedacore/keda/v2@v2.21.0":                        "config/crd/bases",
	"sigs.k8s.io/gateway-api@v1.4.0":                             "config/crd/standard",
}

// schema is a JSON schema, or a part of one.
type schema = map[string]any

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: schemas FOLDER VERSION...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func run(folder string, versions []string) error {
	for _, version := range versions {
		if err := writeBuiltin(filepath.Join(folder, version), version); err != nil {
			return fmt.Errorf("Kubernetes %s: %w", version, err)
		}
	}
	for module, inside := range operators {
		if err := writeCustom(filepath.Join(folder, "crd"), module, inside); err != nil {
			return fmt.Errorf("%s: %w", module, err)
		}
	}
	return nil
}

// openModule opens the archive of module@version, and downloads it first if need be.
func openModule(module string) (*zip.ReadCloser, error) {
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir = os.TempDir() // no go.mod has a say
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, _ := cmd.Output() // what went wrong is in it
	var got struct{ Zip, Error string }
	if err := json.Unmarshal(out, &got); err != nil {
		return nil, fmt.Errorf("go mod download: %w", err)
	}
	if got.Zip == "" {
		return nil, fmt.Errorf("go mod download: %s", got.Error)
	}
	return zip.OpenReader(got.Zip)
}

func readFile(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// writeBuiltin writes the kinds of one version of Kubernetes, as its OpenAPI document has them.
func writeBuiltin(folder, version string) error {
	module := "k8s.io/kubernetes@" + version
	archive, err := openModule(module)
	if err != nil {
		return err
	}
	defer archive.Close()
	file, err := archive.Open(module + "/api/openapi-spec/swagger.json")
	if err != nil {
		return err
	}
	var document struct{ Definitions map[string]schema }
	if err := json.NewDecoder(file).Decode(&document); err != nil {
		return err
	}
	for name, definition := range document.Definitions {
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 { // those of several groups, such as DeleteOptions, are no objects
			continue
		}
		gvk := kinds[0].(schema)
		s := inline(definition, document.Definitions, []string{name}).(schema)
		if err := write(folder, gvk["group"].(string), gvk["version"].(string), gvk["kind"].(string), s); err != nil {
			return err
		}
	}
	return nil
}

// inline replaces references by what they name, and refuses unknown fields as an apiserver
// with strict validation does. inside are the definitions that we are in: one that has itself
// somewhere, such as a JSON schema, takes anything there.
func inline(part any, definitions map[string]schema, inside []string) any {
	s, isSchema := part.(schema)
	if !isSchema {
		return each(part, func(p any) any { return inline(p, definitions, inside) })
	}
	if reference, ok := s["$ref"].(string); ok {
		return referred(path.Base(reference), definitions, inside)
	}
	return strict(s, func(p any) any { return inline(p, definitions, inside) })
}

func referred(name string, definitions map[string]schema, inside []string) any {
	switch {
	case strings.HasSuffix(name, ".intstr.IntOrString"), strings.HasSuffix(name, ".resource.Quantity"):
		return schema{"type": []string{"string", "number"}}
	}
	for _, outer := range inside {
		if outer == name {
			return schema{}
		}
	}
	return inline(definitions[name], definitions, append(inside[:len(inside):len(inside)], name))
}

// strict converts the parts of a schema, forbids fields that it does not name, and lets those
// that are not required be null.
func strict(s schema, convert func(any) any) schema {
	out := schema{}
	for key, value := range s {
		switch {
		case key == "description", strings.HasPrefix(key, "x-kubernetes"):
		case key == "properties":
			out[key] = each(value, convert) // its keys are names of fields, whatever they look like
		default:
			out[key] = convert(value)
		}
	}
	properties, _ := out["properties"].(schema)
	if properties == nil {
		return out
	}
	if _, said := out["additionalProperties"]; !said && s["x-kubernetes-preserve-unknown-fields"] != true {
		out["additionalProperties"] = false
	}
	required, _ := s["required"].([]any)
	needed := map[any]bool{}
	for _, name := range required {
		needed[name] = true
	}
	for name, value := range properties {
		if field, ok := value.(schema); ok && !needed[name] {
			if one, ok := field["type"].(string); ok {
				field["type"] = []string{one, "null"}
			}
		}
	}
	return out
}

// each converts what a value is made of.
func each(value any, convert func(any) any) any {
	switch v := value.(type) {
	case schema:
		out := maps.Clone(v)
		for key, part := range v {
			out[key] = convert(part)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, part := range v {
			out[i] = convert(part)
		}
		return out
	}
	return value
}

// writeCustom writes the kinds that the CRDs of a module define.
func writeCustom(folder, module, inside string) error {
	archive, err := openModule(module)
	if err != nil {
		return err
	}
	defer archive.Close()
	found := 0
	for _, f := range archive.File {
		if path.Dir(f.Name) != module+"/"+inside || path.Ext(f.Name) != ".yaml" {
			continue
		}
		text, err := readFile(f)
		if err != nil {
			return err
		}
		for document := range strings.SplitSeq("\n"+string(text), "\n---") {
			n, err := writeCRD(folder, document)
			if err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
			found += n
		}
	}
	if found == 0 {
		return fmt.Errorf("there are no CRDs in %s", inside)
	}
	return nil
}

// writeCRD writes the kinds of one document, of which there are none where it is no CRD.
func writeCRD(folder, document string) (found int, err error) {
	var crd struct {
		Kind string
		Spec struct {
			Group    string
			Names    struct{ Kind string }
			Versions []struct {
				Name   string
				Schema struct{ OpenAPIV3Schema schema }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(document), &crd); err != nil {
		return 0, err
	}
	if crd.Kind != "CustomResourceDefinition" {
		return 0, nil
	}
	for _, version := range crd.Spec.Versions {
		s := custom(version.Schema.OpenAPIV3Schema).(schema)
		if s["properties"] == nil {
			s["properties"] = schema{}
		}
		s["properties"].(schema)["metadata"] = schema{"type": "object"}
		if err := write(folder, crd.Spec.Group, version.Name, crd.Spec.Names.Kind, s); err != nil {
			return found, err
		}
		found++
	}
	return found, nil
}

// custom forbids unknown fields, but where the CRD says that they are kept.
func custom(part any) any {
	s, isSchema := part.(schema)
	if !isSchema {
		return each(part, custom)
	}
	if s["x-kubernetes-int-or-string"] == true {
		return schema{"type": []string{"string", "number"}}
	}
	return strict(s, custom)
}

// write writes the schema of a kind.
func write(folder, group, version, kind string, s schema) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if group == "" {
		group = "core"
	}
	name := strings.ToLower(fmt.Sprintf("%s_%s_%s.json", group, version, kind))
	return os.WriteFile(filepath.Join(folder, name), body, 0o644)
}
