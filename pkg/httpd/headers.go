package httpd

import (
	"bytes"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// policy lets pages of ours load from here only and nobody frame them. Text never
// becomes script or markup: only Vue may make any, of its own templates.
const policy = "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'; connect-src 'self'; " +
	"require-trusted-types-for 'script'; trusted-types vue"

// setHeaders sets the headers that every answer has.
func (s *Server) setHeaders(rctx *fasthttp.RequestCtx) {
	h := &rctx.Response.Header
	h.Set(fiber.HeaderXRequestID, requestOf(rctx).id)
	h.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	h.Set(fiber.HeaderXFrameOptions, "DENY")
	h.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	h.Set(fiber.HeaderContentSecurityPolicy, policy)
	if path := rctx.Path(); under(path, "/auth") || under(path, "/api") {
		h.Set(fiber.HeaderCacheControl, "no-store")
	}
	s.cors.set(rctx)
}

func under(path []byte, folder string) bool {
	rest, ok := bytes.CutPrefix(path, []byte(folder))
	return ok && (len(rest) == 0 || rest[0] == '/')
}

// cors says which pages of other origins may read answers. It never allows
// credentials: a token is sent by the page itself or not at all.
type cors struct {
	all     bool
	origins []string
}

func newCORS(origins []string) cors {
	return cors{all: slices.Contains(origins, "*"), origins: origins}
}

// corsAge is for how many seconds a browser may remember a preflight.
const corsAge = "86400"

// set adds the headers of CORS. An origin that is not listed gets none, and so its
// pages cannot read the answer.
func (c cors) set(rctx *fasthttp.RequestCtx) {
	if len(c.origins) == 0 {
		return
	}
	h := &rctx.Response.Header
	if !c.all {
		h.Add(fiber.HeaderVary, fiber.HeaderOrigin)
	}
	origin := string(rctx.Request.Header.Peek(fiber.HeaderOrigin))
	switch {
	case origin == "":
		return
	case c.all:
		h.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	case slices.Contains(c.origins, origin):
		h.Set(fiber.HeaderAccessControlAllowOrigin, origin)
	default:
		return
	}
	h.Set(fiber.HeaderAccessControlExposeHeaders, "Allow, Retry-After, X-Request-ID")
	if isPreflight(&rctx.Request.Header) {
		h.Set(fiber.HeaderAccessControlAllowMethods, "DELETE, GET, OPTIONS, PATCH, POST, PUT")
		h.Set(fiber.HeaderAccessControlAllowHeaders, "accept, authorization, content-type, x-request-id")
		h.Set(fiber.HeaderAccessControlMaxAge, corsAge)
	}
}

// isPreflight says whether a browser asks what a page may send.
func isPreflight(h *fasthttp.RequestHeader) bool {
	return string(h.Method()) == fiber.MethodOptions && len(h.Peek(fiber.HeaderOrigin)) > 0 &&
		len(h.Peek(fiber.HeaderAccessControlRequestMethod)) > 0
}
