package httpd

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/chatire/chatire/pkg/chat"
)

func TestParseJSON(t *testing.T) {
	t.Run("reads every kind of value", func(t *testing.T) {
		got, err := parseJSON([]byte(" {\"a\":\"x\\n\\u00e9\\ud83d\\ude00\\/\",\"b\":-1.5e+3,\"c\":null,\"d\":[{\"a\":1},[]],\"e\":{\"a\":{}},\"f\":true,\"g\":0,\"\":\"\"}\r\n"))
		want := map[string]value{"a": {text, "x\né\U0001F600/"}, "b": {number, "-1.5e+3"}, "c": {kind: null}, "d": {kind: other}, "e": {kind: other}, "f": {kind: other}, "g": {number, "0"}, "": {text, ""}}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read %v, %v", got, err)
		}
	})
	for body, want := range map[string]string{
		``:                          "it ends too early",
		`{`:                         "a name is missing",
		`{"a"`:                      "a colon is missing",
		`{"a":`:                     "it ends too early",
		`{"a":1`:                    "a comma is missing",
		`{"a":1,}`:                  "a name is missing",
		`{"a":1 "b":2}`:             "a comma is missing",
		`{"a":[1,]}`:                "a value is missing",
		`{"a":tru}`:                 "a value is missing",
		`{"a":NaN}`:                 "a value is missing",
		`{"a":01}`:                  "a comma is missing",
		`{"a":1.}`:                  "malformed number",
		`{"a":-}`:                   "malformed number",
		`{"a":1e}`:                  "malformed number",
		`{"a":.5}`:                  "a value is missing",
		`{"a":"b`:                   "it ends too early",
		`{"a":"\`:                   "it ends too early",
		`{"a":"\x"}`:                "unknown escape",
		`{"a":"\u12"}`:              "unknown escape",
		`{"a":"\ud83d"}`:            "half of a surrogate pair",
		`{"a":"\ud83dx"}`:           "half of a surrogate pair",
		`{"a":"\ud83d\u0041"}`:      "half of a surrogate pair",
		`{"a":"\ude00\ud83d"}`:      "half of a surrogate pair",
		`{"\udc00":1}`:              "half of a surrogate pair",
		"{\"a\":\"\xff\"}":          "not UTF-8",
		"{\"a\":\"\xed\xa0\x80\"}":  "not UTF-8",
		"{\"a\":\"\n\"}":            "control character in a text",
		`{"a":1,"a":2}`:             "a name is given twice",
		`{"a":1,"\u0061":2}`:        "a name is given twice",
		`{"x":{"a":1,"a":2}}`:       "a name is given twice",
		`{} {}`:                     "there is more than one value",
		`{}x`:                       "there is more than one value",
		`// no`:                     "a value is missing",
		"{\"a\":\v1}":               "a value is missing",
		strings.Repeat(`{"a":`, 40): "nested too deeply",
		strings.Repeat(`[`, 40):     "nested too deeply",
	} {
		t.Run("refuses "+body, func(t *testing.T) {
			if _, err := parseJSON([]byte(body)); err == nil || err.Error() != "JSON parse error - "+want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
	for body, name := range map[string]string{`[]`: "list", `"x"`: "str", `5`: "int", `5.0`: "float", `1e3`: "float", `true`: "bool"} {
		t.Run("calls "+body+" what the original calls it", func(t *testing.T) {
			if _, err := parseJSON([]byte(body)); err == nil || err.Error() != "non_field_errors: Invalid data. Expected a dictionary, but got "+name+"." {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("reads as deep as it may", func(t *testing.T) {
		body := `{"a":` + strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1) + `}`
		if _, err := parseJSON([]byte(body)); err != nil {
			t.Error(err)
		}
	})
}

func TestFields(t *testing.T) {
	sent := func(kind kind, s string) map[string]value { return map[string]value{"f": {kind, s}} }
	var s string
	for _, c := range []struct {
		name  string
		field *Field
		sent  map[string]value
		want  string // the text, or the complaints
	}{
		{"a text", Text("f", &s), sent(text, " \t\u2003x y\x1c "), "x y"},
		{"a number", Text("f", &s), sent(number, "12.50"), "12.50"},
		{"nothing", Text("f", &s), nil, "[This field is required.]"},
		{"nothing where it may be missing", Text("f", &s).Optional(), nil, "before"},
		{"null", Text("f", &s).Optional(), sent(null, ""), "[This field may not be null.]"},
		{"null where it may be", Text("f", &s).Null(), sent(null, ""), "before"},
		{"a list", Text("f", &s), sent(other, ""), "[Not a valid string.]"},
		{"a blank", Text("f", &s), sent(text, " "), "[This field may not be blank.]"},
		{"a blank where it may be", Text("f", &s).Blank(), sent(text, " "), ""},
		{"bad UTF-8", Text("f", &s), sent(text, "a\xff"), "[Not a valid string.]"},
		{"a text as it is", Text("f", &s).Verbatim(), sent(text, " \x00 "), " \x00 "},
		{"a number where a text is wanted", Text("f", &s).Verbatim(), sent(number, "1"), "[Not a valid string.]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s = "before"
			got := ""
			if complaints := c.field.take(c.sent["f"]); complaints != nil {
				got = fmt.Sprint(complaints)
			} else {
				got = s
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("complain together, and keep what is right", func(t *testing.T) {
		var a, b string
		var c *chat.Secret
		err := fill(map[string]value{"a": {text, "x"}, "c": {text, "y"}, "z": {kind: other}}, []*Field{Text("a", &a), Text("b", &b), Maybe("c", &c), Maybe("d", &c)})
		refused, ok := errors.AsType[*chat.Error](err)
		if !ok || len(refused.Fields) != 1 || refused.Fields["b"] == nil || a != "x" || c == nil || *c != "y" {
			t.Errorf("got %v, %q, %v", err, a, c)
		}
	})
}

// FuzzJSON holds the parser against the library: it may refuse more, and must
// understand the same where it accepts.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":"b"}`, `{"a":1,"b":[true,null,{"c":"\u00e9"}]}`, `{"a":"\ud83d\ude00"}`, `{"a":"\ud83d"}`, `[1]`, `"x"`, `{"a":1}{}`, `{"a":-0.5e-7}`, "{\"a\":\"\xff\"}",
		`{"a":"<\/script>"}`, `null`, ` { "a" : "" } `, `{"a":1,"a":1}`, `{"a":"\u0000"}`, strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseJSON(body)
		if err != nil {
			if chat.CodeOf(err) != chat.Invalid {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		want := map[string]any{}
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatalf("the library refuses what was accepted: %v", err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d members, the library finds %d", len(got), len(want))
		}
		for name, v := range got {
			w, there := want[name]
			if !there || !sameValue(v, w) || !utf8.ValidString(v.text) {
				t.Fatalf("%q is %v, the library says %v", name, v, w)
			}
		}
	})
}

func sameValue(v value, w any) bool {
	switch w := w.(type) {
	case string:
		return v == value{text, w}
	case json.Number:
		return v == value{number, string(w)}
	case nil:
		return v.kind == null
	}
	return v.kind == other
}

// FuzzForm holds the reader of forms against the library.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"a=b", "a=b&a=c", "a+b=%20%2B", "a=%zz", "=x&&", "a", "a=%ff", "%00=%00", "a=b=c&d", "a;b=c"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseForm(body)
		want, bad := url.ParseQuery(string(body))
		if err != nil || bad != nil {
			return // the library refuses what stands for itself here
		}
		for name, values := range want {
			if got[name].text != values[len(values)-1] {
				t.Fatalf("%q is %q, the library says %q", name, got[name].text, values)
			}
		}
	})
}

// FuzzMultipart looks for crashes and for fields that nobody sent.
func FuzzMultipart(f *testing.F) {
	var b strings.Builder
	w := multipart.NewWriter(&b)
	w.SetBoundary("B")
	w.WriteField("message", "hello")
	w.CreateFormFile("file", "a.txt")
	w.Close()
	f.Add([]byte(b.String()))
	f.Add([]byte("--B\r\n\r\n--B--"))
	f.Add([]byte("--B\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41\r\n--B--"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseMultipart(body, "B")
		if err != nil && chat.CodeOf(err) != chat.Invalid {
			t.Fatalf("not a refusal: %v", err)
		}
		for name, v := range got {
			if len(name) > len(body) || len(v.text) > len(body) {
				t.Fatalf("more than was sent: %q", name)
			}
		}
	})
}
