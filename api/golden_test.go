package api_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// goldenCase is one story that was recorded at the original.
type goldenCase struct {
	Group    string
	Name     string
	Variant  string
	Requires string
	Steps    []struct {
		Admin    []string
		Request  *goldenRequest
		Response goldenAnswer
		Sane     oneOrMany // what may be answered instead of what was recorded
		Alt      oneOrMany // what may be answered as well
	}
}

type goldenRequest struct {
	Method      string
	Path        string
	ContentType string `json:"content_type"`
	Headers     map[string]string
	Body        *string
	BodyB64     *string `json:"body_b64"`
}

// goldenAnswer is an answer that is accepted. What is absent is not compared.
type goldenAnswer struct {
	Status      json.RawMessage // a number or several
	ContentType json.RawMessage `json:"content_type"`
	Headers     map[string]*string
	Body        json.RawMessage // null: empty
}

type oneOrMany []goldenAnswer

func (o *oneOrMany) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]goldenAnswer)(o))
	}
	*o = make(oneOrMany, 1)
	return json.Unmarshal(b, &(*o)[0])
}

// bindings are the values that stand for placeholders in one run.
type bindings struct {
	base string
	run  string
	vars map[string]any
}

func newBindings(base string) *bindings {
	return &bindings{base: base, run: strconv.FormatInt(rand.Int64N(1<<30)+1<<30, 36), vars: map[string]any{}}
}

// get returns what a placeholder stands for, nil if that is not known yet.
func (b *bindings) get(key string) any {
	if v, ok := b.vars[key]; ok {
		return v
	}
	kind, arg, _ := strings.Cut(key, ":")
	switch kind {
	case "base":
		return b.base
	case "user":
		return arg + "_" + b.run
	case "email":
		return arg + "_" + b.run + "@example.com"
	case "num", "numstr":
		n, ok := b.vars["num:"+arg].(json.Number)
		if !ok {
			n = json.Number(strconv.FormatInt(1e9+rand.Int64N(8e9), 10))
			b.vars["num:"+arg] = n
		}
		if kind == "numstr" {
			return n.String()
		}
		return n
	case "repeat":
		text, times, _ := strings.Cut(arg, ":")
		n, _ := strconv.Atoi(times)
		return strings.Repeat(text, n)
	case "uid":
		if id, ok := b.vars["id:"+arg]; ok {
			return base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprint(id)))
		}
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// fill replaces the placeholders of a text.
func (b *bindings) fill(t *testing.T, text string) string {
	t.Helper()
	return placeholder.ReplaceAllStringFunc(text, func(m string) string {
		v := b.get(m[2 : len(m)-2])
		if v == nil {
			t.Fatalf("%s has no value yet", m)
		}
		return fmt.Sprint(v)
	})
}

// shapes are what a value must look like where a placeholder first shows it.
var shapes = map[string]func(any) bool{
	"token": like(`^\S{16,}$`),
	"uri":   like(`^[A-Za-z0-9_-]{8,}$`),
	"id":    isID,
	"sid":   isID,
}

func like(pattern string) func(any) bool {
	re := regexp.MustCompile(pattern)
	return func(v any) bool { s, ok := v.(string); return ok && re.MatchString(s) }
}

func isID(v any) bool {
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	i, err := n.Int64()
	return err == nil && i > 0
}

// match compares one answer with one that is accepted. fresh has what the answer
// shows for the first time.
type match struct {
	*bindings
	fresh  map[string]any
	errors []string
}

func (m *match) errorf(format string, args ...any) {
	m.errors = append(m.errors, fmt.Sprintf(format, args...))
}

func (m *match) value(key string) any {
	if v, ok := m.fresh[key]; ok {
		return v
	}
	return m.get(key)
}

func (b *bindings) compare(want goldenAnswer, got answer) *match {
	m := &match{bindings: b, fresh: map[string]any{}}
	var statuses []int
	if json.Unmarshal(want.Status, &statuses) != nil {
		statuses = make([]int, 1)
		_ = json.Unmarshal(want.Status, &statuses[0])
	}
	if !slices.Contains(statuses, got.status) {
		m.errorf("status %d, want %v", got.status, statuses)
	}
	if want.ContentType != nil {
		var kind string
		_ = json.Unmarshal(want.ContentType, &kind)
		if mediaType(kind) != mediaType(got.header.Get("Content-Type")) {
			m.errorf("content type %q, want %q", got.header.Get("Content-Type"), kind)
		}
	}
	for name, value := range want.Headers {
		m.header(name, value, got)
	}
	switch string(want.Body) {
	case "":
	case "null":
		if got.body != "" {
			m.errorf("a body: %s", got.body)
		}
	default:
		m.json(want.Body, got.body)
	}
	return m
}

func mediaType(s string) string {
	kind, _, _ := strings.Cut(s, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

func (m *match) header(name string, want *string, got answer) {
	values, there := got.header[canonical(name)]
	value := strings.Join(values, ", ")
	switch {
	case want == nil && there:
		m.errorf("header %s: %s, want none", name, value)
	case want == nil:
	case !there:
		m.errorf("header %s is missing, want %s", name, *want)
	case name == "allow" || strings.HasPrefix(name, "access-control-allow-") && name != "access-control-allow-origin":
		if !slices.ContainsFunc(list(value), func(s string) bool { return slices.Contains(list(*want), s) }) {
			m.errorf("header %s: %s, want %s", name, value, *want)
		}
	case name == "vary":
		for _, part := range list(*want) {
			if !slices.Contains(list(value), part) {
				m.errorf("header vary: %s, want %s", value, *want)
			}
		}
	default:
		m.text(*want, value, "header "+name)
	}
}

func list(s string) (parts []string) {
	for part := range strings.SplitSeq(s, ",") {
		parts = append(parts, strings.ToLower(strings.TrimSpace(part)))
	}
	return parts
}

func (m *match) json(want json.RawMessage, body string) {
	got, err := decodeJSON(body)
	if err != nil {
		m.errorf("the body is not JSON: %s", body)
		return
	}
	expected, err := decodeJSON(string(want))
	if err != nil {
		panic(err)
	}
	m.any(expected, got, "body")
}

func decodeJSON(s string) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// forbidden are fields that may never be added to an answer.
var forbidden = regexp.MustCompile(`(?i)pass|hash|token|secret|is_staff|is_superuser`)

func (m *match) any(want, got any, path string) {
	switch want := want.(type) {
	case string:
		m.text(want, got, path)
	case []any:
		items, ok := got.([]any)
		if !ok || len(items) != len(want) {
			m.errorf("%s: %v, want a list of %d", path, got, len(want))
			return
		}
		for i := range want {
			m.any(want[i], items[i], fmt.Sprintf("%s[%d]", path, i))
		}
	case map[string]any:
		fields, ok := got.(map[string]any)
		if !ok {
			m.errorf("%s: %v, want an object", path, got)
			return
		}
		for name, value := range want {
			if field, ok := fields[name]; ok {
				m.any(value, field, path+"."+name)
			} else {
				m.errorf("%s.%s is missing", path, name)
			}
		}
		for name := range fields {
			if _, ok := want[name]; !ok && forbidden.MatchString(name) {
				m.errorf("%s.%s may not be added", path, name)
			}
		}
	default:
		if want != got {
			m.errorf("%s: %v, want %v", path, got, want)
		}
	}
}

// othersEmail is where the address of somebody else may be "".
var othersEmail = regexp.MustCompile(`\.(user|members\[\d+\])\.email$`)

// text compares with a text that may be or have placeholders.
func (m *match) text(want string, got any, path string) {
	whole := placeholder.FindStringSubmatch(want)
	if whole == nil || whole[0] != want {
		m.pattern(want, got, path)
		return
	}
	key := whole[1]
	kind, _, _ := strings.Cut(key, ":")
	value := m.value(key)
	switch {
	case key == "any":
	case key == "*":
		if _, ok := got.(string); !ok {
			m.errorf("%s: %v, want a text", path, got)
		}
	case kind == "token" && path == "body.auth_token" && shapes[kind](got): // one for each sign-in
		m.fresh[key] = got
	case kind == "email" && got == "" && othersEmail.MatchString(path):
	case value == nil && shapes[kind] != nil && shapes[kind](got):
		m.fresh[key] = got
	case value != got:
		m.errorf("%s: %v, want %v (%s)", path, got, value, want)
	}
}

func (m *match) pattern(want string, got any, path string) {
	text, ok := got.(string)
	pattern := "(?s)^"
	last := 0
	for _, at := range placeholder.FindAllStringIndex(want, -1) {
		pattern += regexp.QuoteMeta(want[last:at[0]])
		if value := m.value(want[at[0]+2 : at[1]-2]); value != nil {
			pattern += regexp.QuoteMeta(fmt.Sprint(value))
		} else {
			pattern += ".*"
		}
		last = at[1]
	}
	pattern += regexp.QuoteMeta(want[last:]) + "$"
	if !ok || !regexp.MustCompile(pattern).MatchString(text) {
		m.errorf("%s: %v, want %s", path, got, want)
	}
}
