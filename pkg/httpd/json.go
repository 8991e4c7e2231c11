package httpd

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/chatire/chatire/pkg/chat"
)

// maxDepth bounds how deeply lists and objects of a body may be nested.
const maxDepth = 32

// parseJSON reads a body that is one JSON object. It is stricter than the library:
// a name given twice, half of a surrogate pair, bytes that are no UTF-8 and
// anything after the object are errors, so that no two readers can understand a
// body differently.
func parseJSON(body []byte) (map[string]value, error) {
	p := &parser{rest: body}
	members := map[string]value{}
	top, err := p.document(members)
	if err != "" {
		return nil, badSyntax("JSON", string(err))
	}
	switch top {
	case "dict":
		return members, nil
	case "NoneType":
		return nil, chat.FieldError(chat.NonField, "No data provided")
	}
	return nil, chat.FieldError(chat.NonField, "Invalid data. Expected a dictionary, but got "+top+".")
}

// complaint says what is wrong with a JSON text, "" for nothing. It never quotes
// the text.
type complaint string

// parser goes through a JSON text once, without recursion beyond maxDepth.
type parser struct {
	rest  []byte
	depth int
}

// document reads the whole text. It returns what kind of value it is, in the
// original's words, and the members of an object.
func (p *parser) document(members map[string]value) (top string, err complaint) {
	p.space()
	switch p.peek() {
	case '{':
		top, err = "dict", p.object(members)
	case '[':
		top, err = "list", p.list()
	default:
		var v value
		v, err = p.scalar()
		top = scalarName(v)
	}
	if err != "" {
		return "", err
	}
	p.space()
	if len(p.rest) > 0 {
		return "", "there is more than one value"
	}
	return top, ""
}

// scalarName is how the original calls a value that is no list and no object.
func scalarName(v value) string {
	switch {
	case v.kind == text:
		return "str"
	case v.kind == null:
		return "NoneType"
	case v.kind == other:
		return "bool"
	case bytes.ContainsAny([]byte(v.text), ".eE"):
		return "float"
	}
	return "int"
}

// value reads any value. What is in a list or an object is checked and let go.
func (p *parser) value() (value, complaint) {
	switch p.peek() {
	case '{':
		return value{kind: other}, p.object(map[string]value{})
	case '[':
		return value{kind: other}, p.list()
	}
	return p.scalar()
}

func (p *parser) object(members map[string]value) complaint {
	if err := p.open(); err != "" {
		return err
	}
	defer p.close()
	for first := true; ; first = false {
		p.space()
		if first && p.skip('}') {
			return ""
		}
		if p.peek() != '"' {
			return "a name is missing"
		}
		name, err := p.text()
		if err != "" {
			return err
		}
		if _, twice := members[name]; twice {
			return "a name is given twice"
		}
		p.space()
		if !p.skip(':') {
			return "a colon is missing"
		}
		p.space()
		if members[name], err = p.value(); err != "" {
			return err
		}
		p.space()
		switch {
		case p.skip('}'):
			return ""
		case !p.skip(','):
			return "a comma is missing"
		}
	}
}

func (p *parser) list() complaint {
	if err := p.open(); err != "" {
		return err
	}
	defer p.close()
	for first := true; ; first = false {
		p.space()
		if first && p.skip(']') {
			return ""
		}
		if _, err := p.value(); err != "" {
			return err
		}
		p.space()
		switch {
		case p.skip(']'):
			return ""
		case !p.skip(','):
			return "a comma is missing"
		}
	}
}

// open steps into a list or an object.
func (p *parser) open() complaint {
	p.rest = p.rest[1:]
	p.depth++
	if p.depth > maxDepth {
		return "nested too deeply"
	}
	return ""
}

func (p *parser) close() { p.depth-- }

func (p *parser) scalar() (value, complaint) {
	switch b := p.peek(); {
	case b == '"':
		s, err := p.text()
		return value{text, s}, err
	case b == '-' || '0' <= b && b <= '9':
		return p.number()
	case p.word("true"), p.word("false"):
		return value{kind: other}, ""
	case p.word("null"):
		return value{kind: null}, ""
	case b == 0:
		return value{}, "it ends too early"
	}
	return value{}, "a value is missing"
}

func (p *parser) number() (value, complaint) {
	start := p.rest
	p.skip('-')
	if !p.skip('0') && p.digits() == 0 {
		return value{}, "malformed number"
	}
	if p.skip('.') && p.digits() == 0 {
		return value{}, "malformed number"
	}
	if p.skip('e') || p.skip('E') {
		_ = p.skip('+') || p.skip('-')
		if p.digits() == 0 {
			return value{}, "malformed number"
		}
	}
	return value{number, string(start[:len(start)-len(p.rest)])}, ""
}

func (p *parser) digits() (n int) {
	for '0' <= p.peek() && p.peek() <= '9' {
		p.rest = p.rest[1:]
		n++
	}
	return n
}

// text reads a text between quotes.
func (p *parser) text() (string, complaint) {
	p.rest = p.rest[1:]
	var b []byte
	for len(p.rest) > 0 {
		switch c := p.rest[0]; {
		case c == '"':
			p.rest = p.rest[1:]
			return string(b), ""
		case c == '\\':
			r, err := p.escape()
			if err != "" {
				return "", err
			}
			b = utf8.AppendRune(b, r)
		case c < ' ':
			return "", "control character in a text"
		default:
			r, size := utf8.DecodeRune(p.rest)
			if r == utf8.RuneError && size == 1 {
				return "", "not UTF-8"
			}
			b = append(b, p.rest[:size]...)
			p.rest = p.rest[size:]
		}
	}
	return "", "it ends too early"
}

// plainEscapes are the escapes of one letter.
var plainEscapes = map[byte]rune{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

func (p *parser) escape() (rune, complaint) {
	if len(p.rest) < 2 {
		return 0, "it ends too early"
	}
	if r, ok := plainEscapes[p.rest[1]]; ok {
		p.rest = p.rest[2:]
		return r, ""
	}
	high, ok := p.unit()
	if !ok {
		return 0, "unknown escape"
	}
	if !utf16.IsSurrogate(high) {
		return high, ""
	}
	low, ok := p.unit()
	r := utf16.DecodeRune(high, low)
	if !ok || r == utf8.RuneError {
		return 0, "half of a surrogate pair"
	}
	return r, ""
}

// unit reads \uXXXX.
func (p *parser) unit() (rune, bool) {
	if len(p.rest) < 6 || p.rest[0] != '\\' || p.rest[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, b := range p.rest[2:6] {
		if !isHex(b) {
			return 0, false
		}
		r = r<<4 | rune(hexDigit(b))
	}
	p.rest = p.rest[6:]
	return r, true
}

// peek returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	if len(p.rest) == 0 {
		return 0
	}
	return p.rest[0]
}

func (p *parser) skip(b byte) bool {
	if p.peek() != b || len(p.rest) == 0 {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) word(w string) (ok bool) {
	p.rest, ok = bytes.CutPrefix(p.rest, []byte(w))
	return ok
}

func (p *parser) space() {
	p.rest = bytes.TrimLeft(p.rest, " \t\r\n")
}
