package httpd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
)

// Route is one path and what can be done with it. HEAD is answered where GET is,
// OPTIONS everywhere; every other method is 405, and only after the token was
// checked. The trailing slash of a path may be left out.
type Route struct {
	Path string // with :params
	Open bool   // needs no token; a bad one is refused all the same

	Get, Post, Put, Patch, Delete fiber.Handler // nil: not allowed

	// Within bounds what a handler may wait for; 0 means 1.9 s.
	Within time.Duration
}

// Methods returns the methods that have a handler, in the order of Allow.
func (r *Route) Methods() []string {
	var methods []string
	for _, m := range []struct {
		name    string
		handler fiber.Handler
	}{
		{fiber.MethodGet, r.Get},
		{fiber.MethodPost, r.Post},
		{fiber.MethodPut, r.Put},
		{fiber.MethodPatch, r.Patch},
		{fiber.MethodDelete, r.Delete},
	} {
		if m.handler != nil {
			methods = append(methods, m.name)
		}
	}
	return methods
}

// Mount adds routes to an app.
func Mount(app *fiber.App, authenticate Authenticate, routes ...Route) {
	for _, r := range routes {
		app.All(r.Path, r.handler(authenticate))
	}
}

// Otherwise adds a handler for what no route takes, neither of this program nor of one
// that is mounted later.
func Otherwise(app *fiber.App, handle fiber.Handler) {
	app.Use(func(c *fiber.Ctx) error {
		err := c.Next()
		if !isRouting(err, fiber.StatusNotFound) {
			return err
		}
		requestOf(c.Context()).route = noRoute
		return handle(c)
	})
}

// handler checks the token, then the method, and hands over.
func (r *Route) handler(authenticate Authenticate) fiber.Handler {
	handlers := map[string]fiber.Handler{
		fiber.MethodGet:    r.Get,
		fiber.MethodHead:   r.Get,
		fiber.MethodPost:   r.Post,
		fiber.MethodPut:    r.Put,
		fiber.MethodPatch:  r.Patch,
		fiber.MethodDelete: r.Delete,
	}
	allow := r.allow()
	within := r.Within
	if within == 0 {
		within = requestTimeout
	}
	return func(c *fiber.Ctx) error {
		request := requestOf(c.Context())
		request.route = r.Path
		ctx, cancel := context.WithTimeout(chat.WithCause(context.Background(), request.cause()), within)
		defer cancel()
		c.SetUserContext(ctx)

		if err := signIn(c, authenticate, !r.Open); err != nil {
			return err
		}
		if c.Method() == fiber.MethodOptions {
			c.Set(fiber.HeaderAllow, allow)
			return c.SendStatus(fiber.StatusNoContent)
		}
		handle := handlers[c.Method()]
		if handle == nil {
			c.Set(fiber.HeaderAllow, allow)
			return methodNotAllowed(c.Method())
		}
		return handle(c)
	}
}

func (r *Route) allow() string {
	methods := r.Methods()
	if r.Get != nil {
		methods = append(methods, fiber.MethodHead)
	}
	return strings.Join(append(methods, fiber.MethodOptions), ", ")
}

func methodNotAllowed(method string) error {
	return Refuse(fiber.StatusMethodNotAllowed, fmt.Sprintf("Method %q not allowed.", method))
}
