package dashboards

import (
	"encoding/json"
	"fmt"
	"slices"
)

// object is an object of JSON.
type object = map[string]any

// schema is the version of Grafana's format: that of Grafana 10.4, which later ones read.
const schema = 39

// runbooks is where the pages about alerts are, for everybody who imports the dashboards;
// it is a variable of theirs.
const runbooks = "https://github.com/chatire/chatire/blob/main/docs/operations/runbooks"

// deploys is when the first process of each version started, in milliseconds.
const deploys = `min by (version) (process_start_time_seconds@ * on (namespace, job, instance) group_left (version) chatire_build_info@) * 1000`

var source = object{"type": "prometheus", "uid": "${datasource}"}

// JSON returns the dashboard as Grafana imports it.
func (d Dashboard) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(object{
		"uid":           "chatire-" + d.Name,
		"title":         d.Title,
		"description":   d.Text,
		"tags":          []string{"chatire"},
		"schemaVersion": schema,
		"version":       1,
		"editable":      true,
		"graphTooltip":  1, // one crosshair on all panels
		"refresh":       "30s",
		"time":          object{"from": "now-1h", "to": "now"},
		"templating":    object{"list": variables()},
		"annotations":   object{"list": []object{annotation()}},
		"links": []object{{
			"type": "dashboards", "title": "Chatire", "tags": []string{"chatire"},
			"asDropdown": false, "includeVars": true, "keepTime": true,
		}},
		"panels": d.panels(),
	}, "", " ")
	return append(text, '\n'), err
}

// variables are what people choose from. Where a label does not exist there is All only,
// which matches series without it.
func variables() []object {
	all := []object{
		{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
		{"name": "runbooks", "label": "Runbooks", "type": "constant", "query": runbooks, "current": object{"text": runbooks, "value": runbooks}, "hide": 2},
	}
	within := ""
	for _, label := range []string{"namespace", "job", "instance"} {
		query := "label_values(chatire_build_info" + within + ", " + label + ")"
		all = append(all, object{
			"name": label, "type": "query", "datasource": source,
			"query": object{"query": query, "refId": label}, "definition": query,
			"includeAll": true, "multi": true, "allValue": ".*",
			"current": object{"text": []string{"All"}, "value": []string{"$__all"}},
			"refresh": 2, "sort": 1, // with the time range; by name
		})
		within = map[string]string{
			"namespace": "{" + namespaceOnly + "}",
			"job":       "{" + namespaceOnly + `,job=~"$job"}`,
		}[label]
	}
	return all
}

func annotation() object {
	return object{
		"name": "Deploys", "enable": true, "iconColor": "blue", "datasource": source,
		"expr": places.Replace(deploys), "useValueForTime": true, "step": "60s",
		"titleFormat": "{{version}} starts", "tagKeys": "version",
	}
}

// Sizes of panels on Grafana's grid of 24 columns.
var (
	widths  = map[string]int{"stat": 4, "timeseries": 8, "table": 24}
	heights = map[string]int{"stat": 5, "timeseries": 8, "table": 6}
)

// panels lays all panels out, from left to right and from top to bottom.
func (d Dashboard) panels() []object {
	var all []object
	x, y, high := 0, 0, 0
	place := func(width, height int) object {
		if x+width > 24 {
			x, y, high = 0, y+high, 0
		}
		at := object{"x": x, "y": y, "w": width, "h": height}
		x, high = x+width, max(high, height)
		return at
	}
	for _, row := range d.Rows {
		x = 24 // a new line
		all = append(all, object{"id": len(all) + 1, "type": "row", "title": row.Title, "collapsed": false, "panels": []object{}, "gridPos": place(24, 1)})
		for _, p := range row.Panels {
			o := p.object()
			o["id"], o["gridPos"] = len(all)+1, place(widths[p.kind], heights[p.kind])
			all = append(all, o)
		}
	}
	return all
}

func (p Panel) object() object {
	targets, links := []object{}, []object{}
	for i, q := range p.queries {
		target := object{"refId": string(rune('A' + i)), "datasource": source, "editorMode": "code", "expr": q.expression(), "legendFormat": q.Legend}
		if p.kind == "table" {
			target["instant"], target["format"] = true, "table"
		} else {
			target["range"] = true
		}
		targets = append(targets, target)
	}
	for _, alert := range p.runbooks {
		links = append(links, object{"title": alert, "url": fmt.Sprintf("${runbooks}/%s.md", alert), "targetBlank": true})
	}
	return object{
		"type": p.kind, "title": p.title, "description": p.text, "datasource": source,
		"targets": targets, "links": links, "options": options[p.kind],
		"fieldConfig": object{"defaults": p.defaults(), "overrides": []object{}},
	}
}

func (p Panel) defaults() object {
	defaults := object{
		"unit":       p.unit,
		"thresholds": object{"mode": "absolute", "steps": p.thresholds()},
		"mappings": []object{{ // nothing was divided by nothing
			"type": "special", "options": object{"match": "nan", "result": object{"text": "no traffic", "color": "text"}},
		}},
	}
	if p.kind == "timeseries" {
		defaults["min"] = 0
		style := "off"
		if p.steps != nil {
			style = "dashed"
		}
		defaults["custom"] = object{"fillOpacity": 8, "showPoints": "never", "thresholdsStyle": object{"mode": style}}
	}
	return defaults
}

// thresholds returns the colours. Grafana wants the values to ascend.
func (p Panel) thresholds() []object {
	colours, values := []string{"green", "orange", "red"}[:len(p.steps)+1], slices.Clone(p.steps)
	if len(p.steps) == 1 {
		colours[1] = "red"
	}
	if !slices.IsSorted(values) {
		slices.Reverse(values)
		slices.Reverse(colours)
	}
	steps := []object{{"color": colours[0], "value": nil}}
	for i, value := range values {
		steps = append(steps, object{"color": colours[i+1], "value": value})
	}
	return steps
}

var options = map[string]object{
	"timeseries": {
		"legend":  object{"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": []string{"lastNotNull", "max"}},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	},
	"stat": {
		"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		"colorMode":     "value", "graphMode": "area", "textMode": "auto", "justifyMode": "auto", "orientation": "auto",
	},
	"table": {"showHeader": true, "cellHeight": "sm"},
}
