package client

import (
	"context"
	"net/http"

	"github.com/chatire/chatire/pkg/chat"
)

// Apply makes everything as the documents of a collection say: all of it or nothing. With
// prune it takes back what earlier documents of the collection described.
func (a Admin) Apply(ctx context.Context, collection string, documents []chat.Document, prune bool) ([]chat.ApplyResult, error) {
	var in struct {
		Collection string              `json:"collection"`
		Prune      bool                `json:"prune"`
		Documents  []chat.DocumentJSON `json:"documents"`
	}
	in.Collection, in.Prune, in.Documents = collection, prune, []chat.DocumentJSON{}
	for _, d := range documents {
		in.Documents = append(in.Documents, d.JSON())
	}
	var out struct {
		Results []struct {
			Kind    chat.DocumentKind `json:"kind"`
			Name    string            `json:"name"`
			Ref     string            `json:"ref"`
			Action  chat.ApplyAction  `json:"action"`
			Changes []struct {
				Field  string `json:"field"`
				Before string `json:"before"`
				After  string `json:"after"`
			} `json:"changes"`
		} `json:"results"`
	}
	if err := a.call(ctx, http.MethodPost, []string{"apply"}, nil, in, &out); err != nil {
		return nil, err
	}
	results := make([]chat.ApplyResult, len(out.Results))
	for i, r := range out.Results {
		results[i] = chat.ApplyResult{Kind: r.Kind, Name: r.Name, Ref: r.Ref, Action: r.Action}
		for _, c := range r.Changes {
			results[i].Changes = append(results[i].Changes, chat.FieldChange(c))
		}
	}
	return results, nil
}
