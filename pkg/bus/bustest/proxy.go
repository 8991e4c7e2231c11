package bustest

import (
	"net/url"
	"testing"

	"github.com/chatire/chatire/pkg/netfault"
)

// Proxy is a network to a broker that can be cut, stalled and healed, and that can say
// what a broker says. It is closed with its test.
type Proxy struct {
	*netfault.Proxy
	url string
}

// NewProxy starts a Proxy to the broker of the bus with this URL.
func NewProxy(t testing.TB, raw string) *Proxy {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("the URL of the bus cannot be parsed")
	}
	p, err := netfault.New(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	u.Host = p.Addr()
	return &Proxy{Proxy: p, url: u.String()}
}

// URL is the URL of the same bus through the proxy.
func (p *Proxy) URL() string { return p.url }

// Stall lets nothing pass in either direction, on old and new connections, without
// closing them: a network that swallows everything. It lasts until Heal.
func (p *Proxy) Stall() { p.Set(netfault.Way{Held: true}, netfault.Way{Held: true}) }

// Block has the broker seem to say that it takes no publishing for now, as under a
// memory alarm. The connections should be idle.
func (p *Proxy) Block() { p.Say(method(0, 10, 60, append([]byte{5}, "alarm"...))) }

// Unblock ends Block.
func (p *Proxy) Unblock() { p.Say(method(0, 10, 61, nil)) }

// Cancel has the broker seem to say that it took away the consumer with this tag,
// as when its queue was deleted. The connections should be idle.
func (p *Proxy) Cancel(tag string) {
	p.Say(method(1, 60, 30, append(append([]byte{byte(len(tag))}, tag...), 1)))
}

// method returns an AMQP method frame.
func method(channel, class, method byte, arguments []byte) []byte {
	frame := []byte{1, 0, channel, 0, 0, 0, byte(4 + len(arguments)), 0, class, 0, method}
	return append(append(frame, arguments...), 0xCE)
}
