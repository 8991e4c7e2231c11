package httpd

import (
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
)

// TextParam returns a part of the path in which clients escape what must be.
func TextParam(c *fiber.Ctx, name string) (string, error) {
	text, err := url.PathUnescape(c.Params(name))
	if err != nil {
		return "", chat.ErrNotFound // nothing has such a name
	}
	return text, nil
}

// NumberParam returns a part of the path that is a number; what is none names nothing.
func NumberParam(c *fiber.Ctx, name string) (int64, error) {
	text := c.Params(name)
	n, err := strconv.ParseUint(text, 10, 53)
	if err != nil || strconv.FormatUint(n, 10) != text { // one place has one name
		return 0, chat.ErrNotFound
	}
	return int64(n), nil
}
