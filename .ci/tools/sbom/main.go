// Sbom writes what programs and the web app consist of, as a CycloneDX bill of materials: the Go
// modules that are linked in, as the programs themselves say, and the packages of npm that the
// lock file has for production. The same input makes the same bytes.
//
//	sbom VERSION LOCKFILE PROGRAM...
package main

import (
	"cmp"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/licensecheck"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: sbom VERSION LOCKFILE PROGRAM...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(version, lockfile string, programs []string) error {
	modules, err := modulesOf(programs)
	if err != nil {
		return err
	}
	packages, err := packagesOf(lockfile)
	if err != nil {
		return err
	}
	components := append(modules, packages...)
	slices.SortFunc(components, func(a, b cyclonedx.Component) int { return cmp.Compare(a.BOMRef, b.BOMRef) })
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Component: &cyclonedx.Component{
		BOMRef: "chatire", Type: cyclonedx.ComponentTypeApplication, Name: "chatire", Version: version,
		Licenses: licences("Apache-2.0"),
	}}
	bom.Components = &components
	return cyclonedx.NewBOMEncoder(os.Stdout, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
}

// modulesOf returns what is linked into any of the programs, and the Go that linked it.
func modulesOf(programs []string) ([]cyclonedx.Component, error) {
	linked := map[string]*debug.Module{}
	var golang string
	for _, program := range programs {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			return nil, err
		}
		golang = strings.TrimPrefix(info.GoVersion, "go")
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			linked[m.Path+"@"+m.Version] = m
		}
	}
	components := []cyclonedx.Component{component("golang", "std", golang, "BSD-3-Clause")}
	for _, m := range linked {
		licence, err := licenceOf(m)
		if err != nil {
			return nil, err
		}
		components = append(components, component("golang", m.Path, m.Version, licence))
	}
	return components, nil
}

// licenceOf finds the licence of a module in its files; "" if it is none that is known.
func licenceOf(m *debug.Module) (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", m.Path+"@"+m.Version)
	cmd.Dir = os.TempDir()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", m.Path, err)
	}
	var got struct{ Dir string }
	if err := json.Unmarshal(out, &got); err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(got.Dir, "[LlCc][IiOo][CcPp][EeYy]*"))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a folder
		}
		if covered := licensecheck.Scan(text); covered.Percent > 75 && len(covered.Match) > 0 {
			return covered.Match[0].ID, nil
		}
	}
	return "", nil
}

// packagesOf returns the packages of npm of which the web app may have something in it.
func packagesOf(lockfile string) ([]cyclonedx.Component, error) {
	text, err := os.ReadFile(lockfile)
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]struct {
			Version, License string
			Dev, DevOptional bool
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, fmt.Errorf("read %s: %w", lockfile, err)
	}
	found := map[string]cyclonedx.Component{}
	for path, p := range lock.Packages {
		_, name, inside := cutLast(path, "node_modules/")
		if inside && !p.Dev && !p.DevOptional {
			c := component("npm", name, p.Version, p.License)
			found[c.BOMRef] = c
		}
	}
	return slices.Collect(maps.Values(found)), nil
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

// component names a part by its package URL (github.com/package-url/purl-spec).
func component(kind, name, version, licence string) cyclonedx.Component {
	purl := fmt.Sprintf("pkg:%s/%s@%s", kind, strings.ReplaceAll(url.PathEscape(name), "%2F", "/"), url.PathEscape(version))
	return cyclonedx.Component{
		BOMRef: purl, Type: cyclonedx.ComponentTypeLibrary, Name: name, Version: version, PackageURL: purl,
		Licenses: licences(licence),
	}
}

func licences(id string) *cyclonedx.Licenses {
	if id == "" {
		return nil
	}
	return &cyclonedx.Licenses{{License: &cyclonedx.License{ID: id}}}
}
