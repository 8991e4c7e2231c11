package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/httpd"
)

func (a *API) editMessage(c *fiber.Ctx) error {
	seq, err := httpd.NumberParam(c, "seq")
	if err != nil {
		return err
	}
	var text string
	if err := httpd.Decode(c, httpd.Text("message", &text).Verbatim()); err != nil {
		return err
	}
	who, uri := httpd.Who(c), c.Params("uri")
	e, err := a.chat.EditMessage(c.UserContext(), who, uri, seq, text)
	if err != nil {
		return err
	}
	return c.JSON(postedJSON{success, uri, messageSeenBy(who, e)})
}

func (a *API) deleteMessage(c *fiber.Ctx) error {
	seq, err := httpd.NumberParam(c, "seq")
	if err != nil {
		return err
	}
	return empty(c, a.chat.DeleteMessage(c.UserContext(), httpd.Who(c), c.Params("uri"), seq))
}

func (a *API) react(c *fiber.Ctx) error { return a.setReaction(c, true) }

func (a *API) unreact(c *fiber.Ctx) error { return a.setReaction(c, false) }

func (a *API) setReaction(c *fiber.Ctx, give bool) error {
	seq, err := httpd.NumberParam(c, "seq")
	if err != nil {
		return err
	}
	emoji, err := httpd.TextParam(c, "emoji")
	if err != nil {
		return err
	}
	return empty(c, a.chat.React(c.UserContext(), httpd.Who(c), c.Params("uri"), seq, emoji, give))
}
