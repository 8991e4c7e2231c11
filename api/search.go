package api

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// foundJSON is a page of Messages that were found, the best first.
type foundJSON struct {
	Messages []foundMessageJSON `json:"messages"`
	HasMore  bool               `json:"has_more"`
	Cursor   *string            `json:"cursor"` // null after the last page
}

// foundMessageJSON is a Message and where it is.
type foundMessageJSON struct {
	URI string `json:"uri"`
	messageJSON
}

func (a *API) searchSession(c *fiber.Ctx) error {
	return a.search(c, func(search chat.Search) (chat.FoundResult, error) {
		return a.chat.SearchSession(c.UserContext(), httpd.Who(c), c.Params("uri"), search)
	})
}

func (a *API) searchAll(c *fiber.Ctx) error {
	return a.search(c, func(search chat.Search) (chat.FoundResult, error) {
		return a.chat.SearchAll(c.UserContext(), httpd.Who(c), search)
	})
}

func (a *API) search(c *fiber.Ctx, find func(chat.Search) (chat.FoundResult, error)) error {
	if err := a.limits.searches.Take(userKey(c)); err != nil {
		return err
	}
	search, err := searchOf(c)
	if err != nil {
		return err
	}
	found, err := find(search)
	if err != nil {
		return err
	}
	answer := foundJSON{Messages: make([]foundMessageJSON, len(found.Messages)), HasMore: found.More}
	who := httpd.Who(c)
	for i, e := range found.Messages {
		answer.Messages[i] = foundMessageJSON{e.URI, messageSeenBy(who, e)}
	}
	if found.More {
		next := strconv.Itoa(search.Offset + len(found.Messages))
		answer.Cursor = &next
	}
	return c.JSON(answer)
}

// searchOf reads what to search for from the query.
func searchOf(c *fiber.Ctx) (chat.Search, error) {
	search := chat.Search{Text: c.Query("q"), Author: c.Query("author"), Limit: chat.FoundShown}
	if text := c.Query("cursor"); text != "" {
		offset, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return chat.Search{}, errCursor
		}
		search.Offset = int(offset)
	}
	for name, into := range map[string]**time.Time{"since": &search.Since, "until": &search.Until} {
		if text := c.Query(name); text != "" {
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return chat.Search{}, chat.FieldError(name, "Enter a time such as 2026-03-01T12:00:00Z.")
			}
			*into = &at
		}
	}
	return search, httpd.Query(c, httpd.Int("limit", &search.Limit, 1))
}
