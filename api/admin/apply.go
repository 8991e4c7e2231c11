package admin

import (
	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// appliedJSON says what was done about a document.
type appliedJSON struct {
	Kind    chat.DocumentKind `json:"kind"`
	Name    string            `json:"name"`
	Ref     string            `json:"ref"`
	Action  chat.ApplyAction  `json:"action"`
	Changes []fieldChangeJSON `json:"changes"`
}

type fieldChangeJSON struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

func (a *API) apply(c *fiber.Ctx) error {
	var in struct {
		Collection string              `json:"collection"`
		Prune      bool                `json:"prune"`
		Documents  []chat.DocumentJSON `json:"documents"`
	}
	if err := httpd.Document(c, &in); err != nil {
		return err
	}
	documents := make([]chat.Document, len(in.Documents))
	for i, d := range in.Documents {
		var err error
		if documents[i], err = d.Document(i); err != nil {
			return err
		}
	}
	who := httpd.Who(c)
	if a.local != nil {
		who = chat.Identity{}
	}
	results, err := a.chat.Apply(c.UserContext(), who, in.Collection, documents, in.Prune)
	if err != nil {
		return err
	}
	list := make([]appliedJSON, len(results))
	for i, r := range results {
		list[i] = appliedJSON{r.Kind, r.Name, r.Ref, r.Action, []fieldChangeJSON{}}
		for _, change := range r.Changes {
			list[i].Changes = append(list[i].Changes, fieldChangeJSON(change))
		}
	}
	return c.JSON(fiber.Map{"results": list})
}
