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
	ID          int64        `json:"id"`
	URI         string       `json:"uri"`
	Title       string       `json:"title"`
	Role        chat.Role    `json:"role"`
	Head        int64        `json:"head"`
	Unread      int64        `json:"unread"`
	LastMessage *messageJSON `json:"last_message"`
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
			ID:     s.Session.ID,
			URI:    s.Session.URI,
			Title:  s.Session.Title,
			Role:   s.Role,
			Head:   s.Session.Head,
			Unread: s.Unread,
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
	ID          int64        `json:"id"`
	URI         string       `json:"uri"`
	Title       string       `json:"title"`
	Role        chat.Role    `json:"role"`
	Head        int64        `json:"head"`
	Unread      int64        `json:"unread"`
	CreatedDate string       `json:"created_date"`
	Members     []memberJSON `json:"members"`
	MemberCount int64        `json:"member_count"`
}

func (a *API) sessionDetails(c *fiber.Ctx) error {
	d, err := a.chat.Details(c.UserContext(), httpd.Who(c), c.Params("uri"))
	return details(c, d, err)
}

// patchSession adds a member or sets the title, whichever was sent.
func (a *API) patchSession(c *fiber.Ctx) error {
	var username, title *string
	err := httpd.Decode(c,
		httpd.Maybe("username", &username),
		httpd.Maybe("title", &title).Blank())
	switch {
	case err != nil:
		return err
	case username != nil && title != nil:
		return chat.FieldError(chat.NonField, "Send either a username or a title.")
	case title != nil:
		return a.setTitle(c, *title)
	case username != nil:
		return a.addMember(c, *username)
	}
	return httpd.Missing("username")
}

func (a *API) setTitle(c *fiber.Ctx, title string) error {
	d, err := a.chat.SetTitle(c.UserContext(), httpd.Who(c), c.Params("uri"), title)
	return details(c, d, err)
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
		Head:        d.Session.Head,
		Unread:      d.Unread,
		CreatedDate: chat.Date(d.Session.CreatedAt),
		Members:     membersSeenBy(httpd.Who(c), d.Members),
		MemberCount: d.MemberCount,
	})
}
