package worker

import (
	"sync"

	"github.com/chatire/chatire/pkg/chat"
)

const (
	// pageEvents and pageBytes bound one page of the Log.
	pageEvents = 200
	pageBytes  = 256 << 10

	// pagesHeld is how many pages a process holds at once. Who needs another one waits.
	pagesHeld = 64
)

// pages reads the Log for connections that catch up. Those that ask for the same
// page while it is being read share it: after a break many come back to the same
// Sessions at the same positions.
type pages struct {
	hub  *Hub
	room chan struct{} // has a token for each page that is held

	mu      sync.Mutex // guards all below, and the holders of each page
	reading map[chat.Range]*page
}

// page is a piece of the Log, as frames that are ready to be sent.
type page struct {
	ready  chan struct{} // closed when what follows is set
	frames []frame
	err    error
	held   bool // it has a token of room

	holders int
}

func newPages(h *Hub) *pages {
	return &pages{hub: h, room: make(chan struct{}, pagesHeld), reading: map[chat.Range]*page{}}
}

// take returns the page that a piece of the Log is. It is given back before anything
// waits for a client.
func (p *pages) take(piece chat.Range) *page {
	p.mu.Lock()
	pg, shared := p.reading[piece]
	if !shared {
		pg = &page{ready: make(chan struct{})}
		p.reading[piece] = pg
	}
	pg.holders++
	p.mu.Unlock()
	if shared {
		p.hub.metrics.sharedReads.Inc()
		<-pg.ready // whoever reads it has a deadline
		return pg
	}
	p.read(pg, piece)
	return pg
}

// give gives a page back.
func (p *pages) give(pg *page) {
	p.mu.Lock()
	pg.holders--
	last := pg.holders == 0
	p.mu.Unlock()
	if last && pg.held {
		<-p.room
	}
}

// read fills a page, as the one who was the first to ask for it.
func (p *pages) read(pg *page, piece chat.Range) {
	defer p.done(pg, piece)
	select {
	case p.room <- struct{}{}:
		pg.held = true
	case <-p.hub.ctx.Done():
		pg.err = p.hub.ctx.Err()
		return
	}
	ctx, cancel := p.hub.deadline()
	defer cancel()
	events, err := p.hub.store.ReadLog(ctx, []chat.Range{piece}, pageBytes)
	if err != nil {
		pg.err = err
		return
	}
	pg.frames = make([]frame, len(events))
	for i := range events {
		pg.frames[i] = frameOf(&events[i])
	}
}

// done lets those who wait for a page have it. Nobody joins them after that: by then
// there may be more in the Log.
func (p *pages) done(pg *page, piece chat.Range) {
	p.mu.Lock()
	delete(p.reading, piece)
	p.mu.Unlock()
	close(pg.ready)
}
