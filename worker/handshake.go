package worker

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
)

// handshake decides about a request for a websocket before anything is allocated
// for it. The websocket library answers every refusal with 400, so all the checks
// are made here.
type handshake struct {
	origins []string // scheme://host[:port]
	scheme  string   // of our own address; "" if it is not known
	doors   *doors
}

// newHandshake accepts pages of the public address, of the listed origins, and of
// the host that was asked for. "*" never opens a websocket.
func newHandshake(publicURL string, listed []string, doors *doors) *handshake {
	h := &handshake{doors: doors}
	for _, origin := range append(listed, publicURL) {
		if u, err := url.Parse(origin); err == nil && u.Host != "" {
			h.origins = append(h.origins, strings.ToLower(u.Scheme+"://"+u.Host))
		}
	}
	if u, err := url.Parse(publicURL); err == nil {
		h.scheme = u.Scheme
	}
	return h
}

// mine says whether pages of an origin may open a websocket here. No origin is not
// a page's.
func (h *handshake) mine(origin, host string) bool {
	origin = strings.ToLower(origin)
	if origin == "" || slices.Contains(h.origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || !strings.EqualFold(u.Host, host) {
		return false
	}
	return h.scheme == "" && (u.Scheme == "http" || u.Scheme == "https") || u.Scheme == h.scheme
}

// refuse answers a request that is no handshake, or one that is not wanted.
func (w *Worker) refuse(c *fiber.Ctx, why refusal, status int, detail string) error {
	w.metrics.handshakes.WithLabelValues(string(why)).Inc()
	if status == fiber.StatusTooManyRequests || status == fiber.StatusServiceUnavailable {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(retryAfter.Seconds())))
	}
	return c.Status(status).JSON(fiber.Map{"detail": detail})
}

// retryAfter is what a refused client is told to wait.
const retryAfter = 2 * time.Second

// path is where websockets are opened: nothing else will do, also not without the
// slash, where the server would take it for the same.
const path = "/ws/"

// upgrade is the handler of path.
func (w *Worker) upgrade(c *fiber.Ctx) error {
	switch {
	case c.Path() != path:
		return w.refuse(c, refusedRequest, fiber.StatusNotFound, "Not found.")
	case len(c.Request().URI().QueryString()) > 0:
		return w.refuse(c, refusedRequest, fiber.StatusBadRequest, "A websocket's address has no query; tokens go into the first frame.")
	case !w.handshake.mine(c.Get(fiber.HeaderOrigin), c.Get(fiber.HeaderHost)):
		return w.refuse(c, refusedOrigin, fiber.StatusForbidden, "Pages of this origin may not connect.")
	case !wantsWebsocket(c):
		return w.refuse(c, refusedRequest, fiber.StatusBadRequest, "This address is for websockets.")
	case c.Get(fiber.HeaderSecWebSocketVersion) != "13":
		c.Set(fiber.HeaderSecWebSocketVersion, "13")
		return w.refuse(c, refusedVersion, fiber.StatusUpgradeRequired, "Only version 13 of websockets is spoken here.")
	case w.hub.draining.Load():
		return w.refuse(c, refusedDraining, fiber.StatusServiceUnavailable, "This process is about to stop.")
	}
	addr := httpd.ClientAddr(c)
	if !w.handshake.doors.enter(addr) {
		return w.refuse(c, refusedLimit, fiber.StatusTooManyRequests, "Too many connections from this address.")
	}
	secret := shownToken(c)
	request := handshakeRequest(c)
	c.Context().HijackSetNoResponse(true)
	c.Context().Hijack(func(conn net.Conn) {
		raw, early := unwrap(conn)
		w.hub.spawn(func() { w.serve(raw, early, request, addr, secret) })
	})
	return nil
}

// shownToken returns the token of the handshake, "" if there is none. One that is
// malformed is refused after the upgrade, as one that is unknown.
func shownToken(c *fiber.Ctx) chat.Secret {
	if c.Get(fiber.HeaderAuthorization) == "" {
		return ""
	}
	secret, err := httpd.Token(c)
	if err != nil {
		return "-"
	}
	return secret
}

func wantsWebsocket(c *fiber.Ctx) bool {
	return c.Method() == fiber.MethodGet && c.Context().Request.Header.IsHTTP11() &&
		strings.EqualFold(c.Get(fiber.HeaderUpgrade), "websocket") &&
		strings.Contains(strings.ToLower(c.Get(fiber.HeaderConnection)), "upgrade") &&
		validKey(c.Get(fiber.HeaderSecWebSocketKey))
}

// handshakeRequest returns what the websocket library needs of the request. The
// extensions are left out: there is no compression.
func handshakeRequest(c *fiber.Ctx) *http.Request {
	header := http.Header{}
	for _, name := range []string{
		fiber.HeaderSecWebSocketVersion, fiber.HeaderSecWebSocketKey, fiber.HeaderConnection, fiber.HeaderUpgrade,
	} {
		header.Set(name, strings.Clone(c.Get(name)))
	}
	return &http.Request{Method: http.MethodGet, Header: header}
}

// unwrap returns the socket itself, and what the client has sent already. The HTTP
// server's wrapper and buffers would otherwise be kept as long as the connection.
func unwrap(conn net.Conn) (raw net.Conn, early []byte) {
	wrapper, ok := conn.(interface{ UnsafeConn() net.Conn })
	if !ok {
		return conn, nil
	}
	raw = wrapper.UnsafeConn()
	// With a deadline that has passed a read returns what is in the buffer and asks
	// the socket for nothing.
	_ = raw.SetReadDeadline(time.Unix(1, 0))
	buf := make([]byte, maxClientFrame)
	n, _ := conn.Read(buf)
	_ = raw.SetReadDeadline(time.Time{})
	return raw, slices.Clone(buf[:n])
}
