package worker

import "time"

// undeliveredAge is for how long some connection has been waiting for an event that is
// stored, as far as this worker knows: 0 while all connections have all there is. It is
// looked up when somebody measures, and looks only at what is behind.
func (h *Hub) undeliveredAge() time.Duration {
	var oldest time.Duration
	note := func(since time.Duration) {
		if since > 0 {
			oldest = max(oldest, h.age()-since)
		}
	}
	for _, cur := range h.cursors() {
		cur.mu.Lock()
		note(cur.holeSince)
		cur.mu.Unlock()
	}
	for _, c := range h.all() {
		for _, s := range c.catchingUp() {
			s.cursor.mu.Lock()
			if !s.over {
				note(s.lateSince)
			}
			s.cursor.mu.Unlock()
		}
	}
	return oldest
}

// catchingUp returns the subscriptions of a connection some of which are behind; none if
// all are live.
func (c *Connection) catchingUp() []*subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.pumping {
		return nil
	}
	return append([]*subscription(nil), c.subs...)
}
