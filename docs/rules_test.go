package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestRules compares the rules for Prometheus with the metrics that there are, and with the
// pages that say what to do about each alert. What the rules do is for promtool.
func TestRules(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "charts/chatire/rules/chatire.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Record, Alert, Expr string
				Annotations         map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	metrics := read(t, "docs/metrics.md").text
	recorded, pages := map[string]bool{}, map[string]bool{}
	name := regexp.MustCompile(`\bchatire[a-z_]*(:[a-z0-9_:]+)?`)
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			if rule.Record != "" {
				recorded[rule.Record] = true
			}
			for _, metric := range name.FindAllString(rule.Expr, -1) {
				base := strings.TrimSuffix(strings.TrimSuffix(metric, "_bucket"), "_count")
				if !recorded[metric] && !strings.Contains(metrics, "`"+base+"`") {
					t.Errorf("%s%s: there is no metric %s", rule.Record, rule.Alert, metric)
				}
			}
			if rule.Alert == "" {
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
	}
	if len(pages) < 15 || len(recorded) < 21 {
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
