package client

import (
	"context"
	"net/http"

	"github.com/chatire/chatire/pkg/chat"
)

// documentJSON is a [chat.Document] as it stands on the wire.
type documentJSON struct {
	Kind    chat.DocumentKind `json:"kind"`
	Name    string            `json:"name"`
	User    *userSpecJSON     `json:"user,omitempty"`
	Session *sessionSpecJSON  `json:"session,omitempty"`
	Token   *tokenSpecJSON    `json:"token,omitempty"`
}

type userSpecJSON struct {
	Email    *string `json:"email,omitempty"`
	Admin    *bool   `json:"admin,omitempty"`
	Disabled *bool   `json:"disabled,omitempty"`
	Password *string `json:"password,omitempty"`
}

type sessionSpecJSON struct {
	Owner   string           `json:"owner"`
	Title   *string          `json:"title,omitempty"`
	Access  *chat.Access     `json:"access,omitempty"`
	Closed  *bool            `json:"closed,omitempty"`
	Members []memberSpecJSON `json:"members,omitempty"`
}

type memberSpecJSON struct {
	User string    `json:"user"`
	Role chat.Role `json:"role"`
}

type tokenSpecJSON struct {
	User   string `json:"user"`
	Secret string `json:"secret"`
	TTL    int64  `json:"ttl"`
}

func documentOf(d chat.Document) documentJSON {
	out := documentJSON{Kind: d.Kind, Name: d.Name}
	switch {
	case d.User != nil:
		out.User = &userSpecJSON{d.User.Email, d.User.Admin, d.User.Disabled, (*string)(d.User.Password)}
	case d.Session != nil:
		out.Session = &sessionSpecJSON{d.Session.Owner, d.Session.Title, d.Session.Access, d.Session.Closed, nil}
		for _, m := range d.Session.Members {
			out.Session.Members = append(out.Session.Members, memberSpecJSON(m))
		}
	case d.Token != nil:
		out.Token = &tokenSpecJSON{d.Token.User, string(d.Token.Secret), int64(d.Token.TTL.Seconds())}
	}
	return out
}

// Apply makes everything as the documents of a collection say: all of it or nothing. With
// prune it takes back what earlier documents of the collection described.
func (a Admin) Apply(ctx context.Context, collection string, documents []chat.Document, prune bool) ([]chat.ApplyResult, error) {
	var in struct {
		Collection string         `json:"collection"`
		Prune      bool           `json:"prune"`
		Documents  []documentJSON `json:"documents"`
	}
	in.Collection, in.Prune, in.Documents = collection, prune, []documentJSON{}
	for _, d := range documents {
		in.Documents = append(in.Documents, documentOf(d))
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
