package worker

import (
	"slices"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// control obeys a word to all workers. It may never come: the probe finds ended
// tokens, and clients read their lists again.
func (h *Hub) control(c chat.Control) {
	conns := h.ofUser(c.UserID)
	for _, id := range c.UserIDs {
		conns = append(conns, h.ofUser(id)...)
	}
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
		h.tell(left, noticeFrame{Type: "notice", Notice: chat.NoticeTokens})
	case chat.ControlNotice:
		if !h.mayDeliver() {
			return
		}
		h.tell(conns, noticeFrame{"notice", c.Notice, c.URI, c.Seq})
	case chat.ControlErased:
		h.erase(c.URI)
	}
}

// tell sends a notice to those who have room for it.
func (h *Hub) tell(conns []*Connection, f noticeFrame) {
	notice, told := encode(f), 0
	for _, conn := range conns {
		if conn.socket.offer(notice) {
			told++
		}
	}
	h.metrics.sent(typeNotice, told, len(notice))
	flushAll(conns)
}

// typingShown is how many are shown to be writing in one Session. Of more it is enough
// to know that there are several: showing n of them to n of them would cost n squared.
var typingShown = limit{on: true, count: 5, window: time.Second}

// typing shows to those who watch a Session live that somebody writes. It is shown
// or it is not: nothing is kept for a connection that has no room.
func (h *Hub) typing(t chat.Typing) {
	cur := h.watched(t.URI)
	if cur == nil || !h.mayDeliver() {
		return
	}
	typing := encode(typingFrame{"typing", t.URI, typingUser{t.UserID, t.Username}})
	conns := cur.offerTyping(t.UserID, typing)
	h.metrics.sent(typeTyping, len(conns), len(typing))
	flushAll(conns)
}

// offerTyping hands a frame to those who are live, but for the one it is about, and
// returns them.
func (c *cursor) offerTyping(userID int64, typing wire) (conns []*Connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.typed.take(time.Now(), typingShown); !ok {
		return nil
	}
	for _, s := range c.live {
		if s.userID != userID && s.conn.socket.offer(typing) {
			conns = append(conns, s.conn)
		}
	}
	return conns
}
