package httpd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
)

// Document reads the body of a request, a JSON object, into a struct. It is for what
// programs send; what people send is taken by [Decode]. Fields that the struct does
// not have, and values of another type, are refused.
func Document(c *fiber.Ctx, into any) error {
	body := c.Request().Body()
	if encoding := c.Get(fiber.HeaderContentEncoding); encoding != "" {
		return Refuse(fiber.StatusUnsupportedMediaType, "Encoded bodies are not supported.")
	}
	if kind, _, _ := mime.ParseMediaType(c.Get(fiber.HeaderContentType)); kind != typeJSON {
		return Refuse(fiber.StatusUnsupportedMediaType, "Send application/json.")
	}
	if _, err := parseJSON(body); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return chat.FieldError(fieldOf(wrong), fmt.Sprintf("Expected a %s, but got a %s.", wrong.Type, wrong.Value))
	}
	if err != nil {
		return badSyntax("JSON", err.Error()) // it names the field
	}
	return nil
}

func fieldOf(wrong *json.UnmarshalTypeError) string {
	if wrong.Field == "" {
		return chat.NonField
	}
	return wrong.Field
}
