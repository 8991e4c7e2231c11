package bustest

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy is a wire to a broker that can be cut, stalled and healed. It is closed
// with its test.
type Proxy struct {
	url      string
	target   string
	listener net.Listener
	running  sync.WaitGroup

	mu      sync.Mutex
	healed  *sync.Cond // whenever one of the fields below changes
	pairs   map[*pair]struct{}
	down    bool // new connections are closed at once
	stalled bool // nothing passes, and nobody is told
	closed  bool
	accepts int
}

// pair is one connection through the proxy.
type pair struct {
	near, far net.Conn
}

func (p *pair) close() {
	p.near.Close()
	p.far.Close()
}

// NewProxy starts a Proxy to the broker of the bus with this URL.
func NewProxy(t testing.TB, raw string) *Proxy {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("the URL of the bus cannot be parsed")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{
		target:   u.Host,
		listener: listener,
		pairs:    map[*pair]struct{}{},
	}
	u.Host = listener.Addr().String()
	p.url = u.String()
	p.healed = sync.NewCond(&p.mu)
	p.running.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// URL is the URL of the same bus through the proxy.
func (p *Proxy) URL() string { return p.url }

// Connections is how many connections are open through the proxy.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pairs)
}

// Accepted is how many connections were ever made.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepts
}

// Cut closes all connections. New ones are accepted.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for pair := range p.pairs {
		pair.close()
	}
}

// Down closes all connections and every new one, until Heal.
func (p *Proxy) Down() {
	p.mu.Lock()
	p.down = true
	p.mu.Unlock()
	p.Cut()
}

// Stall lets nothing pass in either direction, on old and new connections, without
// closing them: a network that swallows everything. It lasts until Heal.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = true
}

// Block has the broker seem to say that it takes no publishing for now, as under a
// memory alarm. The connections should be idle.
func (p *Proxy) Block() { p.say(0, 10, 60, append([]byte{5}, "alarm"...)) }

// Unblock ends Block.
func (p *Proxy) Unblock() { p.say(0, 10, 61, nil) }

// Cancel has the broker seem to say that it took away the consumer with this tag,
// as when its queue was deleted. The connections should be idle.
func (p *Proxy) Cancel(tag string) {
	p.say(1, 60, 30, append(append([]byte{byte(len(tag))}, tag...), 1))
}

// say sends one AMQP method frame to all clients that are not in the middle of one.
func (p *Proxy) say(channel, class, method byte, arguments []byte) {
	frame := []byte{1, 0, channel, 0, 0, 0, byte(4 + len(arguments)), 0, class, 0, method}
	frame = append(append(frame, arguments...), 0xCE)
	p.mu.Lock()
	defer p.mu.Unlock()
	for pair := range p.pairs {
		pair.near.Write(frame)
	}
}

// Heal ends Down and Stall.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down, p.stalled = false, false
	p.healed.Broadcast()
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.healed.Broadcast()
	p.mu.Unlock()
	p.listener.Close()
	p.Cut()
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.accepts++
		refuse := p.down || p.closed
		p.mu.Unlock()
		if refuse {
			near.Close()
			continue
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			near.Close()
			continue
		}
		p.join(&pair{near, far})
	}
}

func (p *Proxy) join(c *pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down || p.closed {
		c.close()
		return
	}
	p.pairs[c] = struct{}{}
	var both sync.WaitGroup
	both.Add(2)
	p.running.Go(func() { defer both.Done(); p.pump(c, c.near, c.far) })
	p.running.Go(func() { defer both.Done(); p.pump(c, c.far, c.near) })
	p.running.Go(func() {
		both.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.pairs, c)
	})
}

func (p *Proxy) pump(c *pair, from, to net.Conn) {
	defer c.close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			p.waitWhileStalled()
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			p.waitWhileStalled() // an end does not pass either
			return
		}
	}
}

func (p *Proxy) waitWhileStalled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.stalled && !p.closed {
		p.healed.Wait()
	}
}
