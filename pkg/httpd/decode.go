package httpd

import (
	"bytes"
	"fmt"
	"mime"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
)

// The content types that a body may have.
const (
	typeJSON      = fiber.MIMEApplicationJSON
	typeForm      = fiber.MIMEApplicationForm
	typeMultipart = fiber.MIMEMultipartForm
)

// Decode reads the body of a request into fields. All complaints about fields come
// back in one error. Fields that nobody asks for are ignored; no body at all is a
// body without fields.
//
//	var in struct {
//		Username string
//		Password chat.Secret
//	}
//	err := httpd.Decode(c,
//		httpd.Text("username", &in.Username),
//		httpd.Text("password", &in.Password))
func Decode(c *fiber.Ctx, fields ...*Field) error {
	given, err := readBody(c)
	if err != nil {
		return err
	}
	return fill(given, fields)
}

// fill gives each field what was sent under its name.
func fill(given map[string]value, fields []*Field) error {
	wrong := map[string][]string{}
	for _, f := range fields {
		if complaints := f.take(given[f.name]); len(complaints) > 0 {
			wrong[f.name] = complaints
		}
	}
	if len(wrong) > 0 {
		return &chat.Error{Code: chat.Invalid, Fields: wrong}
	}
	return nil
}

// readBody returns the fields of a body by their names. It looks at how the body
// is encoded before it looks at the body: nothing is ever inflated.
func readBody(c *fiber.Ctx) (map[string]value, error) {
	body := c.Request().Body()
	if encoding := c.Get(fiber.HeaderContentEncoding); encoding != "" {
		return nil, Refuse(fiber.StatusUnsupportedMediaType, "Encoded bodies are not supported.")
	}
	if len(body) == 0 {
		return nil, nil
	}
	sent := c.Get(fiber.HeaderContentType)
	switch kind, params, _ := mime.ParseMediaType(sent); kind {
	case typeJSON:
		return parseJSON(body)
	case typeForm:
		return parseForm(body)
	case typeMultipart:
		return parseMultipart(body, params["boundary"])
	}
	return nil, Refuse(fiber.StatusUnsupportedMediaType, fmt.Sprintf("Unsupported media type %q in request.", sent))
}

// kind says what was sent under a name.
type kind int

const (
	missing kind = iota
	null
	text
	number // as it was written
	other  // truth, list, object or file: never a text
)

// value is what was sent under a name.
type value struct {
	kind kind
	text string // of a text or number
}

// badSyntax is the refusal of a body that cannot be read.
func badSyntax(what, why string) error {
	return chat.Errorf(chat.Invalid, "%s parse error - %s", what, why)
}

// parseForm reads name=value&... Of several values of one name the last counts.
func parseForm(body []byte) (map[string]value, error) {
	given := map[string]value{}
	for count := 0; len(body) > 0; count++ {
		if count == maxFormFields {
			return nil, badSyntax("Form", "too many fields")
		}
		var pair []byte
		pair, body, _ = bytes.Cut(body, []byte("&"))
		if len(pair) == 0 {
			continue
		}
		name, content, _ := bytes.Cut(pair, []byte("="))
		given[unescape(name)] = value{text, unescape(content)}
	}
	return given, nil
}

// maxFormFields bounds a form.
const maxFormFields = 1000

// unescape undoes the encoding of forms. A percent sign that begins no escape
// stands for itself.
func unescape(s []byte) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteByte(hexDigit(s[i+1])<<4 | hexDigit(s[i+2]))
			i += 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'f'
}

func hexDigit(b byte) byte {
	if b <= '9' {
		return b - '0'
	}
	return b | 0x20 - 'a' + 10
}
