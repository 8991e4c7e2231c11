package httpd

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
)

// parseMultipart reads the parts of a form. The whole body is in memory already
// and within its limit. Of several parts of one name the last counts; a file is no
// text.
func parseMultipart(body []byte, boundary string) (map[string]value, error) {
	if boundary == "" {
		return nil, badSyntax("Multipart form", "Invalid boundary in multipart")
	}
	given := map[string]value{}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for range maxFormFields {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return given, nil
		}
		if err != nil {
			return nil, badSyntax("Multipart form", "malformed part")
		}
		content, err := io.ReadAll(part) // within the body
		if err != nil {
			return nil, badSyntax("Multipart form", "malformed part")
		}
		name, isFile := part.FormName(), part.FileName() != ""
		switch {
		case name == "":
		case isFile:
			given[name] = value{kind: other}
		default:
			given[name] = value{text, string(content)}
		}
	}
	return nil, badSyntax("Multipart form", "too many parts")
}
