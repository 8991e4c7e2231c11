package admin

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// errNoBroker is the answer where processes cannot be asked.
var errNoBroker = chat.Errorf(chat.Unavailable, "The broker is away: the processes cannot be asked.")

// ask asks all processes and returns what they answer, never null.
func (a *API) ask(c *fiber.Ctx, q bus.Question) ([]bus.Answer, error) {
	answers, err := a.bus.Ask(c.UserContext(), q)
	if errors.Is(err, bus.ErrAway) {
		return nil, errNoBroker
	}
	if answers == nil {
		answers = []bus.Answer{}
	}
	return answers, err
}

// trace says where an event was, as far as the processes remember.
func (a *API) trace(c *fiber.Ctx) error {
	seq, err := httpd.NumberParam(c, "seq")
	if err != nil {
		return err
	}
	uri := c.Params("uri")
	e, err := a.chat.EventAt(c.UserContext(), uri, seq)
	if err != nil {
		return err
	}
	answers, err := a.ask(c, bus.Question{Kind: bus.AskTrace, URI: uri, Seq: seq})
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"event": e.Type, "username": e.User.Username, "committed": chat.Date(e.CreatedAt), "answers": answers})
}

// processes says how each process is.
func (a *API) processes(c *fiber.Ctx) error {
	answers, err := a.ask(c, bus.Question{Kind: bus.AskStats})
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"answers": answers})
}
