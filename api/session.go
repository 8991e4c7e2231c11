package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// openedJSON is the answer to a new Session.
type openedJSON struct {
	Status  string `json:"status"`
	URI     string `json:"uri"`
	Message string `json:"message"`
}

func (a *API) openSession(c *fiber.Ctx) error {
	var clientID *string
	if err := httpd.Decode(c, httpd.Maybe("client_id", &clientID).Null().Verbatim()); err != nil {
		return err
	}
	if err := a.limits.creates.Take(userKey(c)); err != nil {
		return err
	}
	session, err := a.chat.OpenSession(c.UserContext(), httpd.Who(c), clientID)
	if err != nil {
		return err
	}
	return c.JSON(openedJSON{success, session.URI, "New chat session created"})
}

// summaryJSON is one line of a list of Sessions.
type summaryJSON struct {
	ID    int64     `json:"id"`
	URI   string    `json:"uri"`
	Title string    `json:"title"`
	Role  chat.Role `json:"role"`
	Head  int64     `json:"head"`
	unreadJSON
	LastMessage *messageJSON      `json:"last_message"`
	People      []chat.PublicUser `json:"people"`
}

// sessionsJSON is a page of a list of Sessions.
type sessionsJSON struct {
	Sessions []summaryJSON `json:"sessions"`
	HasMore  bool          `json:"has_more"`
	Cursor   *string       `json:"cursor"` // null after the last page
}

func (a *API) listSessions(c *fiber.Ctx) error {
	limit := chat.SessionsShown
	after, err := cursorOf(c)
	if err != nil {
		return err
	}
	if err := httpd.Query(c, httpd.Int("limit", &limit, 1)); err != nil {
		return err
	}
	who := httpd.Who(c)
	page, next, err := a.chat.Sessions(c.UserContext(), who, after, limit)
	if err != nil {
		return err
	}
	list := make([]summaryJSON, len(page))
	for i, s := range page {
		list[i] = summaryJSON{
			ID:    s.Session.ID,
			URI:   s.Session.URI,
			Title: s.Session.Title,
			Role:  s.Role,
			Head:  s.Session.Head,

			unreadJSON: unreadOf(s.Unread),

			People: make([]chat.PublicUser, len(s.People)),
		}
		for j, u := range s.People {
			list[i].People[j] = seenBy(who, u)
		}
		if s.Last != nil {
			last := messageSeenBy(who, *s.Last)
			list[i].LastMessage = &last
		}
	}
	return c.JSON(sessionsJSON{list, next != nil, cursorText(next)})
}

// detailsJSON is a Session as one Member sees it.
type detailsJSON struct {
	ID     int64       `json:"id"`
	URI    string      `json:"uri"`
	Title  string      `json:"title"`
	Role   chat.Role   `json:"role"`
	Access chat.Access `json:"access"`
	Closed bool        `json:"closed"`
	Head   int64       `json:"head"`
	unreadJSON
	CreatedDate string       `json:"created_date"`
	Members     []memberJSON `json:"members"`
	MemberCount int64        `json:"member_count"`
}

func (a *API) sessionDetails(c *fiber.Ctx) error {
	d, err := a.chat.Details(c.UserContext(), httpd.Who(c), c.Params("uri"))
	return details(c, d, err)
}

// patchSession adds a member, or sets the title or who may join, whichever was sent.
func (a *API) patchSession(c *fiber.Ctx) error {
	var username, title *string
	var access *chat.Access
	err := httpd.Decode(c,
		httpd.Maybe("username", &username),
		httpd.Maybe("title", &title).Blank(),
		httpd.Maybe("access", &access))
	if err != nil {
		return err
	}
	switch {
	case username != nil && title == nil && access == nil:
		return a.addMember(c, *username)
	case title != nil && username == nil && access == nil:
		return a.setTitle(c, *title)
	case access != nil && username == nil && title == nil:
		return a.setAccess(c, *access)
	case username == nil && title == nil && access == nil:
		return httpd.Missing("username")
	}
	return chat.FieldError(chat.NonField, "Send one of username, title and access.")
}

func (a *API) setTitle(c *fiber.Ctx, title string) error {
	d, err := a.chat.SetTitle(c.UserContext(), httpd.Who(c), c.Params("uri"), title)
	return details(c, d, err)
}

func (a *API) setAccess(c *fiber.Ctx, access chat.Access) error {
	d, err := a.chat.SetAccess(c.UserContext(), httpd.Who(c), c.Params("uri"), access)
	return details(c, d, err)
}

func (a *API) closeSession(c *fiber.Ctx) error {
	return empty(c, a.chat.CloseSession(c.UserContext(), httpd.Who(c), c.Params("uri")))
}

func (a *API) eraseSession(c *fiber.Ctx) error {
	return empty(c, a.chat.EraseSession(c.UserContext(), httpd.Who(c), c.Params("uri")))
}

func details(c *fiber.Ctx, d chat.Details, err error) error {
	if err != nil {
		return err
	}
	return c.JSON(detailsJSON{
		ID:          d.Session.ID,
		URI:         d.Session.URI,
		Title:       d.Session.Title,
		Role:        d.Role,
		Access:      d.Session.Access,
		Closed:      d.Session.ClosedAt != nil,
		Head:        d.Session.Head,
		unreadJSON:  unreadOf(d.Unread),
		CreatedDate: chat.Date(d.Session.CreatedAt),
		Members:     membersSeenBy(httpd.Who(c), d.Members),
		MemberCount: d.MemberCount,
	})
}
