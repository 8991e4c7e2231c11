package httpd

import (
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// ClientAddr returns the address of the client. It is taken from X-Forwarded-For
// only as far as proxies that are trusted wrote it.
func ClientAddr(c *fiber.Ctx) netip.Addr { return requestOf(c.Context()).addr }

// clientAddr walks from the peer towards the client, as long as the last one
// found is a trusted proxy.
func (s *Server) clientAddr(rctx *fasthttp.RequestCtx) netip.Addr {
	peer, _ := netip.AddrFromSlice(rctx.RemoteIP())
	addr := peer.Unmap()
	hops := forwarded(rctx)
	for i := len(hops) - 1; i >= 0 && s.trusted(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap().WithZone("")
	}
	return addr
}

// forwarded returns what all X-Forwarded-For headers say, in their order.
func forwarded(rctx *fasthttp.RequestCtx) []string {
	var hops []string
	for _, value := range rctx.Request.Header.PeekAll(fiber.HeaderXForwardedFor) {
		hops = append(hops, strings.Split(string(value), ",")...)
	}
	return hops
}

// traceparent returns the one traceparent that a trusted proxy sent, "" if there is none.
// Anybody else could have every request traced, and choose where it shows up.
func (s *Server) traceparent(rctx *fasthttp.RequestCtx) string {
	peer, _ := netip.AddrFromSlice(rctx.RemoteIP())
	sent := rctx.Request.Header.PeekAll("traceparent")
	if len(sent) != 1 || !s.trusted(peer.Unmap()) {
		return ""
	}
	return string(sent[0])
}

func (s *Server) trusted(addr netip.Addr) bool {
	for _, network := range s.proxies {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// AddrKey is the key under which an address is counted. Of IPv6 it is the network
// of 64 bits, since whoever has one address has all of them.
func AddrKey(addr netip.Addr) string {
	if addr.Is6() {
		if network, err := addr.Prefix(64); err == nil {
			return network.String()
		}
	}
	return addr.String()
}
