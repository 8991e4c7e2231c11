package admin

import (
	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
)

func (a *API) listAudit(c *fiber.Ctx) error {
	p, err := pageOf(c)
	if err != nil {
		return err
	}
	entries, more, err := read(p, func(after int64, limit int) ([]chat.AuditEntry, error) {
		return a.chat.Audit(c.UserContext(), after, limit)
	})
	if err != nil {
		return err
	}
	list := make([]chat.AuditEntryJSON, len(entries))
	for i, e := range entries {
		list[i] = e.JSON()
	}
	return c.JSON(fiber.Map{"entries": list, "has_more": more})
}

func (a *API) auditHead(c *fiber.Ctx) error {
	head, err := a.chat.AuditHead(c.UserContext())
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"seq": head.Seq, "hash": head.Hash})
}
