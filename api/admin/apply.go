package admin

import (
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// documentJSON says how something is to be; which of the specifications is there depends
// on the kind.
type documentJSON struct {
	Kind    chat.DocumentKind `json:"kind"`
	Name    string            `json:"name"`
	User    *userSpecJSON     `json:"user"`
	Session *sessionSpecJSON  `json:"session"`
	Token   *tokenSpecJSON    `json:"token"`
}

type userSpecJSON struct {
	Email    *string `json:"email"`
	Admin    *bool   `json:"admin"`
	Disabled *bool   `json:"disabled"`
	Password *string `json:"password"`
}

type sessionSpecJSON struct {
	Owner   string           `json:"owner"`
	Title   *string          `json:"title"`
	Access  *chat.Access     `json:"access"`
	Closed  *bool            `json:"closed"`
	Members []memberSpecJSON `json:"members"`
}

type memberSpecJSON struct {
	User string    `json:"user"`
	Role chat.Role `json:"role"`
}

type tokenSpecJSON struct {
	User   string `json:"user"`
	Secret string `json:"secret"`
	TTL    int64  `json:"ttl"` // in seconds
}

func (d documentJSON) document(i int) (chat.Document, error) {
	out := chat.Document{Kind: d.Kind, Name: d.Name}
	switch {
	case d.Kind == chat.KindUser && d.User != nil:
		out.User = &chat.UserSpec{Email: d.User.Email, Admin: d.User.Admin, Disabled: d.User.Disabled, Password: (*chat.Secret)(d.User.Password)}
	case d.Kind == chat.KindSession && d.Session != nil:
		spec := &chat.SessionSpec{Owner: d.Session.Owner, Title: d.Session.Title, Access: d.Session.Access, Closed: d.Session.Closed}
		for _, m := range d.Session.Members {
			spec.Members = append(spec.Members, chat.MemberSpec(m))
		}
		out.Session = spec
	case d.Kind == chat.KindToken && d.Token != nil:
		if d.Token.TTL < 0 || d.Token.TTL > maxTTL {
			return out, chat.FieldError(fmt.Sprintf("documents.%d.spec.ttl", i), "This is out of range.")
		}
		out.Token = &chat.TokenSpec{User: d.Token.User, Secret: chat.Secret(d.Token.Secret), TTL: time.Duration(d.Token.TTL) * time.Second}
	default:
		return out, chat.FieldError(fmt.Sprintf("documents.%d", i), "Send a User, a Session or a Token with its specification.")
	}
	return out, nil
}

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
		Collection string         `json:"collection"`
		Prune      bool           `json:"prune"`
		Documents  []documentJSON `json:"documents"`
	}
	if err := httpd.Document(c, &in); err != nil {
		return err
	}
	documents := make([]chat.Document, len(in.Documents))
	for i, d := range in.Documents {
		var err error
		if documents[i], err = d.document(i); err != nil {
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
