package docs_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// series are the names that an expression may have, each with its labels and, where they
// are fixed, their values.
type series map[string]map[string][]string

// targetLabels are what Prometheus adds to all that it scrapes.
var targetLabels = []string{"namespace", "job", "instance"}

// knownSeries returns the metrics of docs/metrics.md, which is made from the registries,
// those of Go and of the process, and those that Prometheus makes of alerts.
func knownSeries(t *testing.T) series {
	t.Helper()
	s := series{"ALERTS": {"alertname": nil, "alertstate": {"pending", "firing"}, "severity": nil, "window": nil}}
	row := regexp.MustCompile("(?m)^\\| `(chatire_[a-z_]+)`(.*?) \\| (counter|gauge|histogram) \\|")
	for _, m := range row.FindAllStringSubmatch(read(t, "docs/metrics.md").text, -1) {
		labels := map[string][]string{}
		for _, l := range regexp.MustCompile("`(\\w+)`(?:: ([^;]*))?").FindAllStringSubmatch(m[2], -1) {
			labels[l[1]] = strings.Fields(l[2])
		}
		s.add(m[1], labels, m[3])
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		s.add(f.GetName(), map[string][]string{}, strings.ToLower(f.GetType().String()))
	}
	return s
}

// add adds a metric, or the series that a metric consists of.
func (s series) add(name string, labels map[string][]string, kind string) {
	switch kind {
	case "histogram":
		s[name+"_sum"], s[name+"_count"] = labels, labels
		s[name+"_bucket"] = with(labels, "le")
	case "summary":
		s[name+"_sum"], s[name+"_count"] = labels, labels
		s[name] = with(labels, "quantile")
	default:
		s[name] = labels
	}
}

func with(labels map[string][]string, more string) map[string][]string {
	all := map[string][]string{more: nil}
	for name, values := range labels {
		all[name] = values
	}
	return all
}

var (
	grouping = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	span     = regexp.MustCompile(`\[[^\]]*\]`)
	selector = regexp.MustCompile(`([a-zA-Z_:][\w:]*)(?:\{([^}]*)\}|(\s*\())?`)
	matcher  = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"`)
	operator = []string{"and", "or", "unless"}
)

// namesOf returns the series that an expression names.
func namesOf(expression string) []string {
	var names []string
	for _, m := range selectorsOf(expression) {
		names = append(names, m[1])
	}
	return names
}

func selectorsOf(expression string) [][]string {
	expression = span.ReplaceAllString(grouping.ReplaceAllString(expression, ""), "")
	return slices.DeleteFunc(selector.FindAllStringSubmatch(expression, -1), func(m []string) bool {
		return m[3] != "" || slices.Contains(operator, m[1]) // a function
	})
}

// complaints says which series, labels and values an expression names that there are not.
// Whether it is one at all is for promtool: see .ci/rules.
func (s series) complaints(expression string) []string {
	var wrong []string
	usable := slices.Clone(targetLabels)
	for _, m := range selectorsOf(expression) {
		labels, ok := s[m[1]]
		if !ok {
			wrong = append(wrong, "there is no metric "+m[1])
			continue
		}
		for label := range labels {
			usable = append(usable, label)
		}
		for _, match := range matcher.FindAllStringSubmatch(m[2], -1) {
			label, values := match[1], match[2]
			known, ok := labels[label]
			if !ok && !slices.Contains(targetLabels, label) {
				wrong = append(wrong, fmt.Sprintf("%s has no label %s", m[1], label))
			}
			for value := range strings.SplitSeq(values, "|") {
				if len(known) > 0 && !slices.Contains(known, value) {
					wrong = append(wrong, fmt.Sprintf("%s of %s is never %q", label, m[1], value))
				}
			}
		}
	}
	for _, group := range grouping.FindAllStringSubmatch(expression, -1) {
		for label := range strings.SplitSeq(group[1], ",") {
			if label = strings.TrimSpace(label); !slices.Contains(usable, label) {
				wrong = append(wrong, "nothing in it has a label "+label)
			}
		}
	}
	return wrong
}
