package httpd

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// scalar reads a value that is no list and no object.
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
