// Package dashboards has the dashboards for Grafana as tables of panels, one file for
// each: title, what is normal and what to do, unit, queries. make dashboards writes them
// as JSON to charts/chatire/dashboards.
package dashboards

import (
	"regexp"
	"strings"
)

// Dashboard is one page of Grafana. Its uid is "chatire-" and its name.
type Dashboard struct {
	Name, Title, Text string
	Rows              []Row
}

// Row is a heading and the panels below it.
type Row struct {
	Title  string
	Panels []Panel
}

// Panel shows the results of queries.
type Panel struct {
	kind, title, unit string
	text              string // what is normal, and what to do where it is not
	queries           []Query

	// steps are where a value turns from green to orange to red. They descend where
	// less is worse.
	steps []float64

	runbooks []string // of the alerts about it
}

// Query is an expression of PromQL and how its series are called.
//
// In an expression @ is the choice of namespace, job and instance: x@ becomes x{...} and
// x@{code="500"} becomes x{...,code="500"}. Recorded series have a namespace only: @@. The
// functions below put it where it belongs.
type Query struct{ Legend, Expr string }

// Units, as Grafana calls them.
const (
	plain     = "short"
	seconds   = "s"
	bytes     = "bytes"
	percent   = "percentunit"
	perSecond = "ops"
	requests  = "reqps"
	byteRate  = "Bps"
	onOff     = "bool_yes_no"
)

// All returns all dashboards.
func All() []Dashboard { return []Dashboard{overview, realtime, brokerAndDatabase, runtime} }

// chart shows how something was over time.
func chart(title, unit, text string, queries ...Query) Panel {
	return Panel{kind: "timeseries", title: title, unit: unit, text: text, queries: queries}
}

// stat shows what something is now.
func stat(title, unit, text string, queries ...Query) Panel {
	return Panel{kind: "stat", title: title, unit: unit, text: text, queries: queries}
}

// grid shows the labels of series.
func grid(title, unit, text string, queries ...Query) Panel {
	return Panel{kind: "table", title: title, unit: unit, text: text, queries: queries}
}

func (p Panel) turns(steps ...float64) Panel {
	p.steps = steps
	return p
}

func (p Panel) see(runbooks ...string) Panel {
	p.runbooks = runbooks
	return p
}

// total is the sum of series by labels.
func total(by, series string) string { return aggregate("sum", by, chosen(series)) }

// most is the greatest of series by labels.
func most(by, series string) string { return aggregate("max", by, chosen(series)) }

// rate is how fast counters grow, by labels.
func rate(by, series string) string {
	return aggregate("sum", by, "rate("+chosen(series)+"[$__rate_interval])")
}

// quantile is a quantile of a histogram by labels.
func quantile(q, by, histogram string) string {
	name, where, _ := strings.Cut(histogram, "{")
	if where != "" {
		where = "{" + where
	}
	return "histogram_quantile(" + q + ", " + rate(strings.TrimPrefix(by+", le", ", "), name+"_bucket"+where) + ")"
}

func aggregate(how, by, what string) string {
	if by == "" {
		return how + "(" + what + ")"
	}
	return how + " by (" + by + ") (" + what + ")"
}

// chosen adds the choice to a selector.
func chosen(series string) string {
	if at := strings.IndexByte(series, '{'); at >= 0 {
		return series[:at] + "@" + series[at:]
	}
	return series + "@"
}

const (
	namespaceOnly = `namespace=~"$namespace"`
	allThree      = namespaceOnly + `,job=~"$job",instance=~"$instance"`
)

var places = strings.NewReplacer(
	"@@", "{"+namespaceOnly+"}",
	"@{", "{"+allThree+",",
	"@", "{"+allThree+"}",
)

// expression returns the query as Grafana gets it.
func (q Query) expression() string { return places.Replace(q.Expr) }

// Expressions returns what a dashboard asks Prometheus, each with the panel that asks.
func (d Dashboard) Expressions() []Expression {
	all := []Expression{{d.Name + ": deploys", places.Replace(deploys)}}
	for _, row := range d.Rows {
		for _, p := range row.Panels {
			for _, q := range p.queries {
				all = append(all, Expression{d.Name + ": " + p.title, q.expression()})
			}
		}
	}
	return all
}

// Expression is what somebody asks Prometheus.
type Expression struct{ Panel, Text string }

var variable = regexp.MustCompile(`\$(namespace|job|instance)\b`)

// Chosen returns the expression as Grafana sends it when everything is chosen.
func (e Expression) Chosen(interval string) string {
	text := strings.ReplaceAll(e.Text, "$__rate_interval", interval)
	return variable.ReplaceAllString(text, ".*")
}
