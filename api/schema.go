package api

import (
	_ "embed"
	"fmt"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/gofiber/fiber/v2"
)

// schemaYAML describes all routes to programs; people read the docs.
//
//go:embed openapi.yaml
var schemaYAML []byte

// schemaJSON is the schema as it is served.
var schemaJSON = sync.OnceValues(func() ([]byte, error) {
	text, err := yaml.YAMLToJSON(schemaYAML)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return text, nil
})

func (a *API) schema(c *fiber.Ctx) error {
	text, err := schemaJSON()
	if err != nil {
		return err
	}
	c.Type("json")
	return c.Send(text)
}
