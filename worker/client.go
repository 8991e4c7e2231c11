package worker

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/chatire/chatire/pkg/chat"
)

const (
	// maxDepth bounds the nesting of a client's frame.
	maxDepth = 16

	// maxPosition is the highest integer that every client can tell exactly.
	maxPosition = 1<<53 - 1

	// typingPause is how often one connection's typing is passed on.
	typingPause = time.Second
)

// receive handles one text message of the client.
func (c *Connection) receive(text []byte) {
	if !utf8.Valid(text) {
		c.close(closeBadText, "text is not UTF-8")
		return
	}
	if !c.count() {
		return
	}
	var f clientFrame
	if tooDeep(text) || json.Unmarshal(text, &f.fields) != nil || f.fields == nil {
		c.close(closeBadFrame, "a frame is one JSON object")
		return
	}
	kind, _ := f.text("type")
	if !c.admitted {
		c.firstFrame(kind, f)
		return
	}
	switch kind {
	case "subscribe":
		c.subscribe(f)
	case "unsubscribe":
		c.unsubscribe(f)
	case "typing":
		c.typing(f)
	case "ping":
		c.answer(typePong, pongFrame{"pong"})
	case "auth":
		c.bad("this connection is signed in already")
	default:
		c.bad("unknown type of frame")
	}
}

// firstFrame takes the one frame that is accepted before signing in.
func (c *Connection) firstFrame(kind string, f clientFrame) {
	token, ok := f.text("token")
	if kind != "auth" || !ok {
		c.close(closeSignedOut, "the first frame must be auth")
		return
	}
	c.signIn(chat.Secret(token))
}

// bad answers a frame that is JSON and nothing else that we know.
func (c *Connection) bad(detail string) {
	c.badFrames++
	if c.badFrames >= maxBadFrames {
		c.close(closeBadFrame, "too many bad frames")
		return
	}
	c.refuse(errBadFrame, "", detail)
}

func (c *Connection) refuse(code errorCode, uri, detail string) {
	c.answer(typeError, errorFrame{"error", code, uri, detail})
}

// answer sends a frame and waits for room to do so.
func (c *Connection) answer(t frameType, frame any) {
	w := encode(frame)
	if c.socket.send(w) {
		c.hub.metrics.sent(t, 1, len(w))
	}
}

// clientFrame is a frame of which only the names are looked at yet.
type clientFrame struct {
	fields map[string]json.RawMessage
}

// text returns a field that must be a string.
func (f clientFrame) text(name string) (s string, ok bool) {
	raw, ok := f.fields[name]
	if !ok || len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// entry is one Session of a subscribe frame.
type entry struct {
	uri      string
	position int64 // -1: the head
	bad      bool  // the position is none
}

// entries reads the sessions of a subscribe frame.
func (f clientFrame) entries() (entries []entry, ok bool) {
	var raw []map[string]json.RawMessage
	if json.Unmarshal(f.fields["sessions"], &raw) != nil || raw == nil {
		return nil, false
	}
	for _, fields := range raw {
		uri, ok := clientFrame{fields}.text("uri")
		if !ok {
			return nil, false
		}
		e := entry{uri: uri, position: -1}
		if after, given := fields["after"]; given {
			e.position, e.bad = position(after)
		}
		entries = append(entries, e)
	}
	return entries, true
}

// position reads a seq: digits only, so neither null nor 1e3, and exact.
func position(raw json.RawMessage) (seq int64, bad bool) {
	seq, err := strconv.ParseInt(string(raw), 10, 64)
	return seq, err != nil || seq < 0 || seq > maxPosition
}

// subscribe answers each entry of the frame with exactly one of subscribed, reset
// and error, in their order.
func (c *Connection) subscribe(f clientFrame) {
	entries, ok := f.entries()
	epoch, given := f.text("epoch")
	if _, there := f.fields["epoch"]; !ok || there != given {
		c.bad("sessions must be a list of objects with a uri")
		return
	}
	if len(entries) > maxSubscribe || c.overLimit(entries) {
		c.refuse(errLimit, "", "too many subscriptions")
		return
	}
	cursors, began := c.hub.acquire(entries), c.hub.age()
	ctx, cancel := c.hub.deadline()
	defer cancel()
	memberships, err := c.hub.users.Watchable(ctx, c.who.User.ID, uris(entries))
	if err == nil {
		err = c.hub.checkEpoch(ctx) // after it: what was read is of this log or an older one
	}
	if err != nil {
		c.hub.log.Warn("subscribe", "connection", c.id, "error", err)
		for _, cursor := range cursors {
			c.hub.release(cursor)
		}
		c.close(closeFault, "")
		return
	}
	for i, e := range entries {
		if !c.watch(e, cursors[i], memberships, began, epoch) {
			c.hub.release(cursors[i])
		}
	}
}

func uris(entries []entry) []string {
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = e.uri
	}
	return list
}

// overLimit says that the entries would be more subscriptions than a connection
// may have. One that replaces another does not count; the same uri twice does.
func (c *Connection) overLimit(entries []entry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.subs)+len(entries) <= maxSubscriptions {
		return false
	}
	fresh := 0
	for _, e := range entries {
		if !slices.ContainsFunc(c.subs, func(s *subscription) bool { return s.cursor.uri == e.uri }) {
			fresh++
		}
	}
	return len(c.subs)+fresh > maxSubscriptions
}

// watch answers one entry. It returns true if the cursor is kept by a subscription.
func (c *Connection) watch(e entry, cur *cursor, memberships map[string]chat.Membership, began time.Duration, epoch string) bool {
	if e.bad {
		c.refuse(errBadPosition, e.uri, "after must be an integer from 0")
		return false
	}
	m, member := memberships[e.uri]
	if !member {
		c.refuse(errNotFound, e.uri, "no such session")
		return false
	}
	w := c.hub.newWave()
	cur.open(m.Session.ID, m.Session.Head, began, w)
	w.flush()
	if old := c.find(e.uri); old != nil {
		c.end(old)
	}
	current := c.hub.epoch()
	head := m.Session.Head
	if e.position > 0 && epoch != "" && epoch != current || e.position > head || e.position >= 0 && e.position < chat.Oldest-1 {
		c.answer(typeReset, resetFrame{"reset", e.uri, chat.Oldest, current})
		return false
	}
	if e.position < 0 {
		e.position = head
	}
	s := &subscription{conn: c, cursor: cur, userID: c.who.User.ID, since: head, pos: e.position, lateSince: c.hub.age()}
	c.answer(typeSubscribed, subscribedFrame{"subscribed", e.uri, head, s.from(), current})
	c.add(s)
	if end, missed := s.missedEnd(); missed {
		c.hub.exclude(end)
	}
	return true
}

func (c *Connection) unsubscribe(f clientFrame) {
	uri, ok := f.text("uri")
	if !ok {
		c.bad("uri must be a string")
		return
	}
	if s := c.find(uri); s != nil {
		c.end(s)
	}
	c.answer(typeUnsubscribed, unsubscribedFrame{"unsubscribed", uri, endAsked})
}

// typing passes on that somebody writes, to whoever watches the Session now.
func (c *Connection) typing(f clientFrame) {
	uri, ok := f.text("uri")
	if !ok {
		c.bad("uri must be a string")
		return
	}
	if c.find(uri) == nil {
		c.refuse(errNotFound, uri, "no such session")
		return
	}
	if now := time.Now(); now.Sub(c.typed) >= typingPause {
		c.typed = now
		c.hub.publishTyping(chat.Typing{URI: uri, UserID: c.who.User.ID, Username: c.who.User.Username})
	}
}

// tooDeep says that a text nests deeper than any frame of ours. Brackets in
// strings do not count.
func tooDeep(text []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case inString && b == '\\':
			i++
		case b == '"':
			inString = !inString
		case inString:
		case b == '{' || b == '[':
			depth++
			if depth > maxDepth {
				return true
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return false
}
