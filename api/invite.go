package api

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// inviteJSON is an Invite that can be used.
type inviteJSON struct {
	ID          int64           `json:"id"`
	Code        string          `json:"code"`
	Role        chat.Role       `json:"role"`
	MaxUses     int64           `json:"max_uses"` // 0: any number
	Uses        int64           `json:"uses"`
	User        chat.PublicUser `json:"user"` // who made it
	CreatedDate string          `json:"created_date"`
	Expires     *string         `json:"expires"` // null: never
}

func inviteSeenBy(who chat.Identity, i chat.Invite) inviteJSON {
	j := inviteJSON{
		ID:          i.ID,
		Code:        i.Code,
		Role:        i.Role,
		MaxUses:     i.MaxUses,
		Uses:        i.Uses,
		User:        seenBy(who, i.Creator),
		CreatedDate: chat.Date(i.CreatedAt),
	}
	if i.ExpiresAt != nil {
		date := chat.Date(*i.ExpiresAt)
		j.Expires = &date
	}
	return j
}

func (a *API) createInvite(c *fiber.Ctx) error {
	var (
		n       chat.NewInvite
		seconds int64
	)
	err := httpd.Decode(c,
		httpd.Text("role", &n.Role).Optional(),
		httpd.Whole("max_uses", &n.MaxUses).Optional(),
		httpd.Whole("expires_in", &seconds).Optional())
	if err != nil {
		return err
	}
	// What is longer than an invite may live is so after this, too.
	n.Life = time.Duration(min(seconds, int64(2*chat.MaxInviteLife/time.Second))) * time.Second
	who := httpd.Who(c)
	invite, err := a.chat.CreateInvite(c.UserContext(), who, c.Params("uri"), n)
	if err != nil {
		return err
	}
	return c.JSON(inviteSeenBy(who, invite))
}

func (a *API) listInvites(c *fiber.Ctx) error {
	who := httpd.Who(c)
	invites, err := a.chat.Invites(c.UserContext(), who, c.Params("uri"))
	if err != nil {
		return err
	}
	list := make([]inviteJSON, len(invites))
	for i, invite := range invites {
		list[i] = inviteSeenBy(who, invite)
	}
	return c.JSON(fiber.Map{"invites": list})
}

func (a *API) revokeInvite(c *fiber.Ctx) error {
	id, err := httpd.NumberParam(c, "id")
	if err != nil {
		return err
	}
	return empty(c, a.chat.RevokeInvite(c.UserContext(), httpd.Who(c), c.Params("uri"), id))
}

// previewJSON is what a link shows before joining.
type previewJSON struct {
	Title       string  `json:"title"`
	MemberCount int64   `json:"member_count"`
	URI         *string `json:"uri"` // null for whoever is no member
}

func preview(c *fiber.Ctx, p chat.Preview, err error) error {
	if err != nil {
		return err
	}
	j := previewJSON{Title: p.Title, MemberCount: p.MemberCount}
	if p.URI != "" {
		j.URI = &p.URI
	}
	return c.JSON(j)
}

func (a *API) previewLink(c *fiber.Ctx) error {
	p, err := a.chat.PreviewLink(c.UserContext(), httpd.Who(c), c.Params("uri"))
	return preview(c, p, err)
}

func (a *API) previewInvite(c *fiber.Ctx) error {
	p, err := a.chat.PreviewInvite(c.UserContext(), httpd.Who(c), c.Params("code"))
	return preview(c, p, err)
}

func (a *API) acceptInvite(c *fiber.Ctx) error {
	d, err := a.chat.AcceptInvite(c.UserContext(), httpd.Who(c), c.Params("code"))
	return details(c, d, err)
}
