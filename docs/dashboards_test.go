package docs_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// board is what the tests read of a dashboard.
type board struct {
	UID           string
	SchemaVersion int
	Annotations   struct{ List []struct{ Expr string } }
	Templating    struct{ List []struct{ Name string } }
	Panels        []struct {
		Type, Title, Description string
		Targets                  []struct{ Expr string }
		Links                    []struct{ URL string }
	}
}

// TestDashboards compares the dashboards with the metrics that there are: each expression
// names only such, and no metric is left out. Whether an expression is one is for promtool,
// and whether it finds something is for make monitoring-test.
func TestDashboards(t *testing.T) {
	known := knownSeries(t)
	for name, labels := range recordedSeries(readRules(t)) {
		known[name] = labels
	}
	paths, err := filepath.Glob(filepath.Join(root, "charts/chatire/dashboards/*.json"))
	if err != nil || len(paths) < 4 {
		t.Fatalf("there are only the dashboards %v: %v", paths, err)
	}
	shown, linked := map[string]bool{}, map[string]bool{}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			d := readBoard(t, path)
			if d.UID != "chatire-"+name || d.SchemaVersion < 39 || len(d.Templating.List) < 4 || len(d.Annotations.List) == 0 {
				t.Errorf("uid, schema, variables or annotations are wrong: %s, %d, %v, %v", d.UID, d.SchemaVersion, d.Templating, d.Annotations)
			}
			look := func(panel, expression string) {
				for _, complaint := range known.complaints(expression) {
					t.Errorf("%s: %s: %s", panel, complaint, expression)
				}
				for _, name := range namesOf(expression) {
					shown[regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")] = true
					shown[name] = true
				}
			}
			for _, a := range d.Annotations.List {
				look("annotation", a.Expr)
			}
			for _, p := range d.Panels {
				if p.Type != "row" && (len(p.Targets) == 0 || !strings.HasSuffix(p.Description, ".")) {
					t.Errorf("%s: needs queries and a description that is a sentence", p.Title)
				}
				for _, target := range p.Targets {
					look(p.Title, target.Expr)
				}
				for _, link := range p.Links {
					page := strings.TrimPrefix(link.URL, "${runbooks}/")
					if _, err := os.Stat(filepath.Join("operations/runbooks", page)); err != nil {
						t.Errorf("%s: there is no runbook %s", p.Title, link.URL)
					}
					linked[page] = true
				}
			}
		})
	}
	for name := range known {
		metric := regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")
		if strings.HasPrefix(name, "chatire_") && !shown[metric] {
			t.Errorf("%s is on no panel", metric)
		}
	}
	for _, alert := range alertsOf(readRules(t)) {
		if !linked[alert+".md"] {
			t.Errorf("no panel leads to the runbook of %s", alert)
		}
	}
}

func readBoard(t *testing.T, path string) board {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var d board
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestComplaints shows that what is wrong with an expression is found.
func TestComplaints(t *testing.T) {
	known := knownSeries(t)
	for _, c := range []struct{ expression, want string }{
		{`sum by (code) (rate(chatire_ws_connections_closed_total{job=~"$job",code=~"1000|1001"}[5m])) or vector(0)`, ""},
		{`histogram_quantile(0.9, sum by (le, stage) (rate(chatire_delivery_seconds_bucket{le="0.5"}[5m])))`, ""},
		{`max_over_time(sum(chatire_ws_connections)[10m:30s]) > 20 and go_goroutines > 1 unless process_open_fds > 2`, ""},
		{`sum(rate(chatire_ws_conections[5m]))`, "there is no metric chatire_ws_conections"},
		{`sum(chatire_ws_connections) + connections`, "there is no metric connections"},
		{`rate(chatire_delivery_seconds[5m])`, "there is no metric chatire_delivery_seconds"},
		{`sum by (user) (chatire_ws_connections)`, "nothing in it has a label user"},
		{`chatire_delivery_seconds_bucket{step="broker"}`, "chatire_delivery_seconds_bucket has no label step"},
		{`chatire_amqp_refused_total{reason=~"forged|bored"}`, `reason of chatire_amqp_refused_total is never "bored"`},
	} {
		if got := known.complaints(c.expression); strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q instead of %q", c.expression, got, c.want)
		}
	}
	if got := namesOf(`sum(a{x="y"}[5m]) / on (x) b:c`); !slices.Equal(got, []string{"a", "b:c"}) {
		t.Errorf("the names are %v", got)
	}
}
