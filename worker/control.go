package worker

import (
	"slices"

	"github.com/chatire/chatire/pkg/chat"
)

// control obeys a word to all workers. It may never come: the probe finds ended
// tokens, and clients read their lists again.
func (h *Hub) control(c chat.Control) {
	conns := h.ofUser(c.UserID)
	switch c.Kind {
	case chat.ControlTokens:
		left := conns[:0]
		for _, conn := range conns {
			if len(c.TokenIDs) == 0 || slices.Contains(c.TokenIDs, conn.who.Token.ID) {
				conn.revoke()
			} else {
				left = append(left, conn)
			}
		}
		tell(left, noticeFrame{Type: "notice", Notice: chat.NoticeTokens})
	case chat.ControlNotice:
		if !h.mayDeliver() {
			return
		}
		tell(conns, noticeFrame{"notice", c.Notice, c.URI, c.Seq})
	}
}

// tell sends a notice to those who have room for it.
func tell(conns []*Connection, f noticeFrame) {
	notice := encode(f)
	for _, conn := range conns {
		conn.socket.offer(notice)
	}
	flushAll(conns)
}

// typing shows to those who watch a Session live that somebody writes. It is shown
// or it is not: nothing is kept for a connection that has no room.
func (h *Hub) typing(t chat.Typing) {
	cur := h.watched(t.URI)
	if cur == nil || !h.mayDeliver() {
		return
	}
	typing := encode(typingFrame{"typing", t.URI, typingUser{t.UserID, t.Username}})
	cur.mu.Lock()
	var conns []*Connection
	for _, s := range cur.live {
		if s.userID != t.UserID && s.conn.socket.offer(typing) {
			conns = append(conns, s.conn)
		}
	}
	cur.mu.Unlock()
	flushAll(conns)
}
