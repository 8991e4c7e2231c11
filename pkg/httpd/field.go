package httpd

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/chatire/chatire/pkg/chat"
)

// Field is one input: its name, its rules, and where it goes. A Field has to be
// sent and may not be blank, unless it says otherwise.
type Field struct {
	name     string
	set      func(string)
	optional bool
	nullable bool
	blank    bool
	verbatim bool
	integer  bool
}

// Text is a field that goes into a text. Spaces around it are cut off, and a number
// is taken as it is written.
func Text[T ~string](name string, into *T) *Field {
	return &Field{name: name, set: func(s string) { *into = T(s) }}
}

// Maybe is a text that may be missing: then the pointer stays nil.
func Maybe[T ~string](name string, into **T) *Field {
	return &Field{name: name, set: func(s string) { t := T(s); *into = &t }, optional: true}
}

// Whole is a field that goes into an integer of 0 or more, as JSON or as its digits.
func Whole(name string, into *int64) *Field {
	return &Field{name: name, set: func(s string) { *into, _ = strconv.ParseInt(s, 10, 64) }, integer: true}
}

// MaybeWhole is Whole for what may be missing: then the pointer stays nil.
func MaybeWhole(name string, into **int64) *Field {
	set := func(s string) {
		n, _ := strconv.ParseInt(s, 10, 64)
		*into = &n
	}
	return &Field{name: name, set: set, integer: true, optional: true}
}

// Optional lets the field be missing: then what it goes into stays as it is.
func (f *Field) Optional() *Field { f.optional = true; return f }

// Null lets the field be null, which is the same as missing.
func (f *Field) Null() *Field { f.nullable = true; return f }

// Blank lets the field be "".
func (f *Field) Blank() *Field { f.blank = true; return f }

// Verbatim takes the field as it was sent: nothing is cut off, only a text is one,
// and what is in it is the chat service's to judge.
func (f *Field) Verbatim() *Field { f.verbatim = true; return f }

// take checks what was sent and keeps it if nothing is wrong. The sentences are
// those of the original.
func (f *Field) take(v value) (complaints []string) {
	switch {
	case v.kind == missing && f.optional, v.kind == null && f.nullable:
		return nil
	case v.kind == missing:
		return []string{required}
	case v.kind == null:
		return []string{"This field may not be null."}
	case f.integer:
		return f.takeInteger(v)
	case v.kind == other, v.kind == number && f.verbatim, !utf8.ValidString(v.text):
		return []string{"Not a valid string."}
	}
	if f.verbatim {
		f.set(v.text)
		return nil
	}
	s := strings.TrimFunc(v.text, isSpace)
	if s == "" && !f.blank {
		return []string{"This field may not be blank."}
	}
	if strings.ContainsRune(s, 0) {
		complaints = append(complaints, "Null characters are not allowed.")
	}
	if len(complaints) == 0 {
		f.set(s)
	}
	return complaints
}

func (f *Field) takeInteger(v value) (complaints []string) {
	n, err := strconv.ParseInt(v.text, 10, 64)
	switch {
	case v.kind == other, !digitsOnly([]byte(v.text)), errors.Is(err, strconv.ErrSyntax):
		return []string{"A valid integer is required."}
	case err != nil, n > maxInteger:
		return []string{"This number is out of range."}
	}
	f.set(v.text)
	return nil
}

const required = "This field is required."

// Missing is the error about a field that has to be sent.
func Missing(name string) error { return chat.FieldError(name, required) }

// isSpace is what the original cuts off: white space and the four separators of
// ASCII.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }
