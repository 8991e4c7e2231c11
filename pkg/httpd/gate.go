package httpd

import (
	"bytes"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// once lists the headers of which a second one makes a request ambiguous: a proxy
// before us could go by the one, and we by the other.
var once = [...]string{
	authorization:    "authorization",
	contentEncoding:  "content-encoding",
	contentLength:    "content-length",
	contentType:      "content-type",
	host:             "host",
	origin:           "origin",
	transferEncoding: "transfer-encoding",
}

const (
	authorization = iota
	contentEncoding
	contentLength
	contentType
	host
	origin
	transferEncoding
)

// inspect refuses a request whose head two servers could read in two ways, or
// which is too large. It looks at the headers as they were sent, since the parser
// tolerates more than is safe: Content-Length beside Transfer-Encoding, two
// lengths, values that go on in the next line.
func inspect(h *fasthttp.RequestHeader) error {
	switch {
	case len(h.RequestURI()) > maxHeader:
		return errHeadTooLarge
	case !plainTarget(h.RequestURI()), !h.IsHTTP11() && string(h.Protocol()) != "HTTP/1.0":
		return Refuse(fiber.StatusBadRequest, "Malformed request line.")
	}
	var seen [len(once)]bool
	lines := 0
	for rest := h.RawHeaders(); len(rest) > 0; lines++ {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if len(line) > maxHeader || lines > maxHeaderFields {
			return errHeadTooLarge
		}
		if string(line) == "\r" {
			break
		}
		if err := inspectLine(line, h.IsHTTP11(), &seen); err != nil {
			return err
		}
	}
	switch {
	case seen[contentLength] && seen[transferEncoding]:
		return errTransfer
	case !seen[host] && h.IsHTTP11():
		return Refuse(fiber.StatusBadRequest, "Host is missing.")
	}
	return nil
}

// inspectLine refuses a malformed header and one that was seen before.
func inspectLine(line []byte, http11 bool, seen *[len(once)]bool) error {
	line, ended := bytes.CutSuffix(line, []byte("\r"))
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ended || !ok || !isToken(name) {
		return errMalformed
	}
	place := slices.IndexFunc(once[:], func(key string) bool { return bytes.EqualFold(name, []byte(key)) })
	switch {
	case !plainValue(value) && place != authorization: // a bad token has its own answer
		return errMalformed
	case place < 0:
		return nil
	case seen[place]:
		return Refuse(fiber.StatusBadRequest, "Repeated header.")
	case place == transferEncoding && (!http11 || !bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked"))):
		return errTransfer
	}
	seen[place] = true
	return nil
}

var (
	errHeadTooLarge = Refuse(fiber.StatusRequestHeaderFieldsTooLarge, "Request header fields too large.")
	errMalformed    = Refuse(fiber.StatusBadRequest, "Malformed header.")
	errTransfer     = Refuse(fiber.StatusBadRequest, "The length of the body is ambiguous.")
)

// plainTarget accepts visible ASCII: everything else belongs percent-encoded.
func plainTarget(target []byte) bool {
	for _, b := range target {
		if b <= ' ' || b >= 0x7f {
			return false
		}
	}
	return true
}

func plainValue(value []byte) bool {
	for _, b := range value {
		if b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}

// isToken says whether name can be the name of a header.
func isToken(name []byte) bool {
	for _, b := range name {
		letter := 'a' <= b|0x20 && b|0x20 <= 'z'
		if !letter && !('0' <= b && b <= '9') && bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), b) < 0 {
			return false
		}
	}
	return len(name) > 0
}
