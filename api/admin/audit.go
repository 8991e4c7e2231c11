package admin

import (
	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
)

// auditJSON is one thing that an administrator did. Its times have all the digits that
// its hash covers.
type auditJSON struct {
	Seq       int64  `json:"seq"`
	At        string `json:"at"`
	Actor     string `json:"actor"`
	Origin    string `json:"origin"`
	Operation string `json:"operation"`
	Target    string `json:"target"`
	Before    string `json:"before"`
	After     string `json:"after"`
	RequestID string `json:"request_id"`
	Hash      string `json:"hash"`
}

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
	list := make([]auditJSON, len(entries))
	for i, e := range entries {
		list[i] = auditJSON{e.Seq, chat.Date(e.At), e.Actor, e.Origin, e.Operation, e.Target, e.Before, e.After, e.RequestID, e.Hash}
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
