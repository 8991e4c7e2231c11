package worker

// membershipEnd is a frame that ends a User's membership in a Session.
type membershipEnd struct {
	cursor *cursor
	frame  frame
}

// exclude ends what a User who is no member any more still has of a Session. The
// live subscriptions have ended by themselves. Those that are behind would first read
// the Log up to that frame, at their own pace, and what a slow peer has not taken yet
// would reach it later: neither may last.
func (h *Hub) exclude(end membershipEnd) {
	for _, c := range h.ofUser(end.frame.ends) {
		s := c.find(end.cursor.uri)
		if s == nil || !s.expel(end) {
			continue
		}
		c.socket.flush()
		c.forget(s)
		if c.socket.isBlocked() {
			c.drop() // it comes back to what it may watch
		}
	}
}

// expel ends a subscription of the membership that ended. It reports false for one of
// a later membership.
func (s *subscription) expel(end membershipEnd) bool {
	s.cursor.mu.Lock()
	defer s.cursor.mu.Unlock()
	if s.cursor != end.cursor || end.frame.seq <= s.since {
		return false
	}
	if !s.over {
		s.cursor.drop(s)
		s.end(reasonOf(end.frame.kind))
	}
	return true
}

// erase ends what everybody here has of a Session that was deleted.
func (h *Hub) erase(uri string) {
	for _, c := range h.all() {
		s := c.find(uri)
		if s == nil {
			continue
		}
		s.cursor.mu.Lock()
		if !s.over {
			s.cursor.drop(s)
			s.end(endDeleted)
		}
		s.cursor.mu.Unlock()
		c.socket.flush()
		c.forget(s)
		if c.socket.isBlocked() {
			c.drop() // it comes back to what there is
		}
	}
}

// missedEnd returns the end of the User's membership, if it came between the look at
// the membership and the subscription.
func (s *subscription) missedEnd() (end membershipEnd, missed bool) {
	c := s.cursor
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.ring.frames {
		if f.ends == s.userID && f.seq > s.since {
			return membershipEnd{c, f}, true
		}
	}
	return membershipEnd{}, false
}
