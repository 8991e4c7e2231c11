package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// rule is a rule for Prometheus.
type rule struct {
	Record, Alert, Expr string
	Annotations         map[string]string
}

func readRules(t *testing.T) []rule {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "charts/chatire/rules/chatire.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

// recordedSeries returns what rules record; none of it has labels of its own.
func recordedSeries(rules []rule) series {
	s := series{}
	for _, r := range rules {
		if r.Record != "" {
			s[r.Record] = nil
		}
	}
	return s
}

func alertsOf(rules []rule) []string {
	var names []string
	for _, r := range rules {
		if r.Alert != "" {
			names = append(names, r.Alert)
		}
	}
	return names
}

// TestRules compares the rules for Prometheus with the metrics that there are, and with the
// pages that say what to do about each alert. What the rules do is for promtool.
func TestRules(t *testing.T) {
	metrics, known := read(t, "docs/metrics.md").text, knownSeries(t)
	recorded, pages := map[string]bool{}, map[string]bool{}
	for _, rule := range readRules(t) {
		for _, complaint := range known.complaints(rule.Expr) {
			t.Errorf("%s%s: %s", rule.Record, rule.Alert, complaint)
		}
		if rule.Record != "" {
			recorded[rule.Record] = true
			known[rule.Record] = nil
			continue
		}
		page := "docs/operations/runbooks/" + rule.Alert + ".md"
		if rule.Annotations["runbook"] != page || rule.Annotations["summary"] == "" {
			t.Errorf("%s: needs a summary and the runbook %s", rule.Alert, page)
		}
		if !strings.HasPrefix(read(t, page).text, "# "+rule.Alert+": ") {
			t.Errorf("%s is not about %s", page, rule.Alert)
		}
		pages[rule.Alert+".md"] = true
	}
	if len(pages) < 15 || len(recorded) < 30 {
		t.Errorf("there are only %d alerts and %d recorded series", len(pages), len(recorded))
	}
	files, err := os.ReadDir(filepath.Join(root, "docs/operations/runbooks"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !pages[file.Name()] {
			t.Errorf("docs/operations/runbooks/%s is of no alert", file.Name())
		}
		for _, metric := range regexp.MustCompile(`\bchatire_[a-z_]+`).FindAllString(read(t, "docs/operations/runbooks/"+file.Name()).text, -1) {
			if !strings.Contains(metrics, "`"+strings.TrimSuffix(metric, "_bucket")+"`") {
				t.Errorf("docs/operations/runbooks/%s: there is no metric %s", file.Name(), metric)
			}
		}
	}
}

// TestMetricsThatAreRead looks for each metric that code reads by its name, as chatirectl
// top does.
func TestMetricsThatAreRead(t *testing.T) {
	metrics := read(t, "docs/metrics.md").text
	for _, file := range []string{"pkg/boot/answer.go", "ctl/top.go", "ctl/doctor_processes.go"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`"(chatire_[a-z_]+)"`).FindAllStringSubmatch(string(text), -1)
		if len(names) == 0 {
			t.Errorf("%s reads no metric", file)
		}
		for _, name := range names {
			if !strings.Contains(metrics, "`"+name[1]+"`") {
				t.Errorf("%s reads %s, which is no metric", file, name[1])
			}
		}
	}
}
