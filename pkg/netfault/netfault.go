// Package netfault is a TCP proxy for tests and for the fault harness: a network
// between two programs that can be cut, held, slowed and sliced, in each direction by
// itself, and that can stand before several servers as a balancer does. What is held
// is not lost: it arrives when the network is healed, as TCP would have it.
package netfault

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Way is one direction of a network. The zero Way lets everything pass.
type Way struct {
	// Held lets nothing pass and tells nobody, not even of a connection's end.
	Held bool

	// Delay is added to each piece.
	Delay time.Duration

	// Slice cuts what passes into pieces of at most so many bytes, each sent by itself.
	Slice int

	// Rate bounds the bytes per second.
	Rate int
}

// Proxy is a network to one or several servers.
type Proxy struct {
	listener net.Listener
	running  sync.WaitGroup

	mu       sync.Mutex // guards all below
	changed  *sync.Cond // whenever one of them changes
	targets  []string
	ways     [2]Way // to the server, to the client
	links    map[*link]struct{}
	refusing bool
	closed   bool
	accepted int
}

// link is one connection through the proxy.
type link struct{ near, far net.Conn }

func (l *link) close() {
	l.near.Close()
	l.far.Close()
}

// The directions of a link.
const (
	toServer = iota
	toClient
)

// New starts a Proxy that takes each connection to any of the targets.
func New(targets ...string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p := &Proxy{listener: listener, targets: targets, links: map[*link]struct{}{}}
	p.changed = sync.NewCond(&p.mu)
	p.running.Go(p.accept)
	return p, nil
}

// Addr is where the Proxy listens: host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Targets has new connections go to others.
func (p *Proxy) Targets(targets ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = targets
}

// Set changes the network, for connections that are there and those to come.
func (p *Proxy) Set(toServer, toClient Way) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ways = [2]Way{toServer, toClient}
	p.changed.Broadcast()
}

// Refuse closes all connections and every new one, until Heal.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	p.refusing = true
	p.mu.Unlock()
	p.Cut()
}

// Heal lets everything pass again.
func (p *Proxy) Heal() {
	p.mu.Lock()
	p.refusing = false
	p.mu.Unlock()
	p.Set(Way{}, Way{})
}

// Cut closes all connections and returns how many there were. New ones are taken.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.close()
	}
	return len(p.links)
}

// CutSome closes each connection with a probability.
func (p *Proxy) CutSome(probability float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if rand.Float64() < probability {
			l.close()
		}
	}
}

// Connections is how many connections are open through the Proxy.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Accepted is how many connections were ever tried.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Say writes bytes to the clients of all connections, as if a server had. They should
// be idle.
func (p *Proxy) Say(bytes []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.near.Write(bytes)
	}
}

// Close ends the Proxy and its connections, and leaves nothing running.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.changed.Broadcast()
	p.mu.Unlock()
	p.listener.Close()
	p.Cut()
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of descriptors, for now
			continue
		}
		p.mu.Lock()
		p.accepted++
		p.mu.Unlock()
		p.running.Go(func() { p.join(near) })
	}
}

// join connects a client with a server.
func (p *Proxy) join(near net.Conn) {
	far, err := p.dial()
	if err != nil {
		near.Close()
		return
	}
	l := &link{near, far}
	if !p.insert(l) {
		l.close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.pump(l, toServer) })
	both.Go(func() { p.pump(l, toClient) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

func (p *Proxy) insert(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refusing || p.closed {
		return false
	}
	p.links[l] = struct{}{}
	return true
}

// dial connects to any target, or to another one if that is away.
func (p *Proxy) dial() (net.Conn, error) {
	p.mu.Lock()
	targets, refusing := p.targets, p.refusing
	p.mu.Unlock()
	err := errors.New("no target")
	if refusing {
		return nil, err
	}
	for _, i := range rand.Perm(len(targets)) {
		var far net.Conn
		if far, err = net.DialTimeout("tcp", targets[i], 2*time.Second); err == nil {
			return far, nil
		}
	}
	return nil, err
}

// pump carries one direction of a link until it ends.
func (p *Proxy) pump(l *link, direction int) {
	defer l.close()
	from, to := l.near, l.far
	if direction == toClient {
		from, to = to, from
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if !p.carry(to, buf[:n], direction) {
			return
		}
		if err != nil {
			p.passable(direction) // an end does not pass either
			return
		}
	}
}

// carry writes bytes as the network lets them pass. It reports false if the link is
// broken.
func (p *Proxy) carry(to net.Conn, bytes []byte, direction int) bool {
	for len(bytes) > 0 {
		way := p.passable(direction)
		piece := bytes
		if way.Slice > 0 && len(piece) > way.Slice {
			piece = piece[:way.Slice]
		}
		pause := way.Delay
		if way.Rate > 0 {
			pause += time.Duration(len(piece)) * time.Second / time.Duration(way.Rate)
		}
		time.Sleep(pause)
		if _, err := to.Write(piece); err != nil {
			return false
		}
		bytes = bytes[len(piece):]
	}
	return true
}

// passable waits while a direction is held.
func (p *Proxy) passable(direction int) Way {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.ways[direction].Held && !p.closed {
		p.changed.Wait()
	}
	return p.ways[direction]
}
