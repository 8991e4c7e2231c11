package api

import "github.com/gofiber/fiber/v2"

// endpoints are the paths that the original lists, by its names for them.
var endpoints = map[string]string{
	"root":                   "/auth/",
	"user":                   "/auth/me/",
	"user-create":            "/auth/users/create/",
	"user-delete":            "/auth/users/delete/",
	"user-activate":          "/auth/users/activate/",
	"set_username":           "/auth/username/",
	"set_password":           "/auth/password/",
	"password_reset":         "/auth/password/reset/",
	"password_reset_confirm": "/auth/password/reset/confirm/",
	"token-create":           "/auth/token/create/",
	"token-destroy":          "/auth/token/destroy/",
}

func (a *API) listEndpoints(c *fiber.Ctx) error {
	base := a.publicURL
	if base == "" {
		base = c.BaseURL()
	}
	list := fiber.Map{}
	for name, path := range endpoints {
		list[name] = base + path
	}
	return c.JSON(list)
}
