package httpd

import (
	"bytes"

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
