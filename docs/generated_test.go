package docs_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/chatire/chatire/api"
	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/config"
	"github.com/chatire/chatire/worker"
)

// generated compares a page with what the code says, or writes it.
func generated(t *testing.T, path, want string) {
	t.Helper()
	path = filepath.Join(root, path)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date: go test ./docs -update", path)
	}
}

// cell returns a text as it may stand in a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func TestSettingsPage(t *testing.T) {
	var page strings.Builder
	page.WriteString(`# Settings

<!-- Made by: go test ./docs -update -->

Every process reads its settings from the environment when it starts, and does not
start with a variable that begins with ` + "`CHATIRE_`" + ` and is none of these.
` + "`chatirectl config`" + ` shows them with their values and says what is wrong.

| setting | default | meaning |
|---|---|---|
`)
	for _, s := range new(config.Config).Settings() {
		name := quoted(s.Name)
		if s.Secret {
			name += " (secret)"
		}
		fmt.Fprintf(&page, "| %s | %s | %s |\n", name, quoted(cell(s.Default)), cell(s.Doc))
	}
	page.WriteString(`
A secret can also be read from a file, which keeps it out of the environment: put the
path into the variable with ` + "`_FILE`" + ` behind its name, and leave the other one out.

` + "`chatirectl dev`" + ` fills in what is not set: the database and a secret in its data folder,
its own address as the public one, ` + "`*`" + ` as origins, and ` + "`warn`" + ` as the log level.

## Limits

` + "`CHATIRE_RATE_LIMIT`" + ` changes these by name, as in ` + "`messages=60/10s,creates=100/1m`" + `, or
lifts all of them with ` + "`off`" + `. It never lifts a bound of size or memory. Each process counts
for itself. Whoever is over a limit gets 429 and how long to wait, on a websocket 4429.

| limit | default | counts |
|---|---|---|
`)
	meanings := limiterComments(t)
	for _, name := range config.Limiters() {
		rate, _ := config.RateLimit{}.Rate(name)
		if meanings[string(name)] == "" {
			t.Errorf("nothing says what %s counts", name)
		}
		figures := strings.Replace(rate.String(), "m0s", "m", 1)
		fmt.Fprintf(&page, "| %s | %s | %s |\n", quoted(string(name)), figures, cell(meanings[string(name)]))
	}
	generated(t, "docs/operations/settings.md", page.String())
}

// limiterComments returns what stands behind the name of each limit in the code.
func limiterComments(t *testing.T) map[string]string {
	t.Helper()
	meanings := map[string]string{}
	for _, decl := range parse(t, "pkg/config/ratelimit.go").Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.CONST {
			continue
		}
		for _, spec := range d.Specs {
			v := spec.(*ast.ValueSpec)
			if name, ok := text(v.Values[0]); ok {
				meanings[name] = strings.TrimSpace(v.Comment.Text())
			}
		}
	}
	return meanings
}

// metric is a family of metrics as a reader sees it.
type metric struct {
	kind, help string
	labels     map[string][]string // values by name
	programs   []string            // that have it
}

// openLabels have values that depend on the build or on what is asked for.
var openLabels = []string{"version", "go", "method", "route"}

func TestMetricsPage(t *testing.T) {
	metrics := map[string]*metric{}
	for _, p := range []struct {
		name string
		new  boot.New
	}{{"chatire-api", api.New}, {"chatire-worker", worker.New}} {
		t.Run(p.name, func(t *testing.T) { gather(t, metrics, p.name, p.new) })
	}
	var page strings.Builder
	page.WriteString(`# Metrics

<!-- Made by: go test ./docs -update -->

Each process answers ` + "`/metrics`" + ` on its operators' address, in the format of Prometheus.
Beside these there are the usual metrics of Go and of the process, which begin with
` + "`go_` and `process_`" + `. ` + "`chatirectl dev`" + ` has those of both programs.

A label whose values are fixed has them behind its name, and each of them is there from
the start, so that a rate begins at 0. No label names a user, a session, a connection
or a path.

| metric | kind | in | meaning |
|---|---|---|---|
`)
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		m := metrics[name]
		in := strings.Join(m.programs, ", ")
		if len(m.programs) == 2 {
			in = "both"
		}
		fmt.Fprintf(&page, "| `%s`%s | %s | %s | %s |\n", name, labelText(m), m.kind, in, cell(m.help))
	}
	generated(t, "docs/metrics.md", page.String())
}

// gather starts one program and notes its metrics, after they were found tidy.
func gather(t *testing.T, metrics map[string]*metric, program string, makeProgram boot.New) {
	s := startSite(t, makeProgram)
	response, err := http.Get(s.url + "/") // what is counted by route begins with the first request
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if program == "chatire-worker" {
		s.awaitSubscriber(t) // which has metrics from then on
	}
	complaints, err := testutil.GatherAndLint(s.Metrics)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range complaints {
		t.Errorf("%s: %s", c.Metric, c.Text)
	}
	families, err := s.Metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		name := family.GetName()
		switch {
		case strings.HasPrefix(name, "go_"), strings.HasPrefix(name, "process_"):
			continue
		case !strings.HasPrefix(name, "chatire_"):
			t.Errorf("%s is neither ours nor one of Go or of the process", name)
		}
		m := metrics[name]
		if m == nil {
			m = &metric{kind: strings.ToLower(family.GetType().String()), help: family.GetHelp(), labels: map[string][]string{}}
			metrics[name] = m
		}
		m.programs = append(m.programs, program)
		for _, one := range family.GetMetric() {
			for _, label := range one.GetLabel() {
				m.add(label.GetName(), label.GetValue())
			}
		}
	}
}

func (m *metric) add(label, value string) {
	if !slices.Contains(m.labels[label], value) {
		m.labels[label] = append(m.labels[label], value)
	}
}

func labelText(m *metric) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m.labels)) {
		values := m.labels[name]
		slices.Sort(values)
		// A label beside an open one takes what comes, as the status of a request.
		if m.labels["route"] != nil || slices.Contains(openLabels, name) {
			parts = append(parts, quoted(name))
			continue
		}
		parts = append(parts, quoted(name)+": "+strings.Join(values, " "))
	}
	if len(parts) == 0 {
		return ""
	}
	return ", " + strings.Join(parts, "; ")
}
