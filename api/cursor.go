package api

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
)

// cursorText is a place in the list as clients pass it back: they need not know
// what is in it. It is null after the last page.
func cursorText(at *chat.SessionCursor) *string {
	if at == nil {
		return nil
	}
	text := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", at.Active.UnixMicro(), at.ID))
	return &text
}

// cursorOf reads the cursor of a request; nil where there is none.
func cursorOf(c *fiber.Ctx) (*chat.SessionCursor, error) {
	text := c.Query("cursor")
	if text == "" {
		return nil, nil
	}
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, errCursor
	}
	active, id, _ := strings.Cut(string(plain), ".")
	micro, badTime := strconv.ParseUint(active, 10, 53) // a database knows no later time
	number, badID := strconv.ParseUint(id, 10, 63)
	if badTime != nil || badID != nil {
		return nil, errCursor
	}
	return &chat.SessionCursor{Active: time.UnixMicro(int64(micro)).UTC(), ID: int64(number)}, nil
}

var errCursor = chat.FieldError("cursor", "Invalid cursor.")
