package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// row is an event as the database has it.
type row struct {
	room, seq, user int64
	kind            chat.EventType
	member, target  *int64
	client          *string
	sum             *int64
	body            string
	rev, ordinal    int64
	createdAt       time.Time
}

type place struct{ room, seq int64 }

type draftKey struct {
	room, user int64
	client     string
}

// check holds every answer of the history against the log.
func (w *world) check(t *testing.T) {
	t.Helper()
	c := &checker{T: t, world: w, rows: map[place]*row{}, byKey: map[draftKey]*row{}, byBody: map[string]*row{}, told: map[place]bool{}}
	for _, text := range w.strange {
		c.Errorf("an error that must not be: %s", text)
	}
	for _, room := range w.rooms {
		c.checkLog(room.ID)
	}
	counts := map[chat.Verdict]int{}
	aborted, ambiguous := 0, 0
	for _, call := range w.calls {
		switch {
		case call.outcomes != nil:
			for i, o := range call.outcomes {
				counts[o.Verdict]++
				c.checkOutcome(call, call.drafts[i], o)
			}
		case call.aborted:
			aborted++
			c.checkAborted(call)
		default:
			ambiguous++
		}
	}
	for _, appender := range w.appenders {
		c.checkPublished(appender)
	}
	c.checkUntold()
	c.checkRealTime()
	t.Logf("%v, %d calls aborted, %d ambiguous, %d changes, %d kills", counts, aborted, ambiguous, len(w.changes), w.kills)
	for _, v := range []chat.Verdict{chat.Stored, chat.Known, chat.Clashed, chat.Stranger, chat.Shut} {
		if counts[v] == 0 {
			t.Errorf("the run proves nothing about %q", v)
		}
	}
	if aborted == 0 {
		t.Error("the run proves nothing about aborted calls")
	}
}

type checker struct {
	*testing.T
	*world
	rows   map[place]*row
	byKey  map[draftKey]*row
	byBody map[string]*row
	told   map[place]bool // told to be stored
}

// checkLog looks at one room's log alone: seqs, ordinals, revs, keys, times, and
// whether each author was a member of an open session at that seq.
func (c *checker) checkLog(room int64) {
	log := c.read(room)
	var lastSeq, lastOrdinal int64
	err := c.raw.QueryRow(fmt.Sprintf(`SELECT last_seq, last_ordinal FROM sessions WHERE id = %d`, room)).Scan(&lastSeq, &lastOrdinal)
	if err != nil {
		c.Fatal(err)
	}
	if int64(len(log)) != lastSeq {
		c.Errorf("room %d has %d events and head %d", room, len(log), lastSeq)
	}
	members, closed, ordinal := map[int64]bool{}, false, int64(0)
	revs := map[int64]int64{}
	var before time.Time
	for i, r := range log {
		if r.seq != int64(i+1) {
			c.Errorf("room %d: event %d has seq %d", room, i+1, r.seq)
		}
		if r.createdAt.Before(before) {
			c.Errorf("room %d: time runs backwards at %d", room, r.seq)
		}
		before = r.createdAt
		switch r.kind {
		case chat.EventMessage:
			ordinal++
			if !members[r.user] {
				c.Errorf("room %d: message %d is by a stranger", room, r.seq)
			}
			if closed {
				c.Errorf("room %d: message %d came after the end", room, r.seq)
			}
		case chat.EventJoined:
			members[*r.member] = true
		case chat.EventLeft:
			delete(members, *r.member)
		case chat.EventClosed:
			closed = true
		case "edited":
			revs[*r.target] = r.seq
		}
		if r.ordinal != ordinal {
			c.Errorf("room %d: event %d has ordinal %d, not %d", room, r.seq, r.ordinal, ordinal)
		}
		c.index(r)
	}
	for _, r := range log {
		if want := max(revs[r.seq], r.seq); r.rev != want {
			c.Errorf("room %d: event %d has rev %d, not %d", room, r.seq, r.rev, want)
		}
	}
	if lastOrdinal != ordinal {
		c.Errorf("room %d has %d messages and last ordinal %d", room, ordinal, lastOrdinal)
	}
}

func (c *checker) read(room int64) []*row {
	rows, err := c.raw.Query(fmt.Sprintf(`SELECT session_id, seq, user_id, type, member_id, target, client_id, client_sum,
		body, rev, ordinal, created_at FROM events WHERE session_id = %d ORDER BY seq`, room))
	if err != nil {
		c.Fatal(err)
	}
	defer rows.Close()
	var log []*row
	for rows.Next() {
		r := &row{}
		if err := rows.Scan(&r.room, &r.seq, &r.user, &r.kind, &r.member, &r.target, &r.client, &r.sum,
			&r.body, &r.rev, &r.ordinal, &r.createdAt); err != nil {
			c.Fatal(err)
		}
		log = append(log, r)
	}
	if err := rows.Err(); err != nil {
		c.Fatal(err)
	}
	return log
}

func (c *checker) index(r *row) {
	c.rows[place{r.room, r.seq}] = r
	if r.kind != chat.EventMessage {
		return
	}
	c.byBody[r.body] = r
	if r.client == nil {
		return
	}
	key := draftKey{r.room, r.user, *r.client}
	if c.byKey[key] != nil {
		c.Errorf("%v is stored twice", key)
	}
	c.byKey[key] = r
}

// checkOutcome holds one answer against the row it speaks of.
func (c *checker) checkOutcome(call call, d chat.Draft, o chat.Outcome) {
	switch o.Verdict {
	case chat.Stranger:
		if c.surely(call, d.SessionID, d.UserID, chat.EventJoined) {
			c.Errorf("a member was called a stranger: %+v", d)
		}
		return
	case chat.Shut:
		if c.surely(call, d.SessionID, 0, "") {
			c.Errorf("an open session was called closed: %+v", d)
		}
		return
	}
	r := c.rows[place{d.SessionID, o.Seq}]
	if r == nil || r.kind != chat.EventMessage {
		c.Errorf("%s says seq %d, where there is no message", o.Verdict, o.Seq)
		return
	}
	if r.ordinal != o.Ordinal || !r.createdAt.Equal(o.CreatedAt) || o.Rev < r.seq || o.Rev > r.rev || r.user != d.UserID {
		c.Errorf("%+v says %+v of the row %+v", d, o, *r)
	}
	if d.ClientID == nil {
		if o.Verdict != chat.Stored || r.body != d.Body && r.rev == r.seq {
			c.Errorf("%+v says %+v of the row %+v", d, o, *r)
		}
	} else if same := *r.sum == d.Sum; r != c.byKey[draftKey{d.SessionID, d.UserID, *d.ClientID}] || same == (o.Verdict == chat.Clashed) {
		c.Errorf("%+v says %+v of the row %+v", d, o, *r)
	}
	if o.Verdict == chat.Stored {
		if c.told[place{d.SessionID, o.Seq}] {
			c.Errorf("room %d: seq %d was told to be stored twice", d.SessionID, o.Seq)
		}
		c.told[place{d.SessionID, o.Seq}] = true
	}
}

// surely says that a user was a member (or, without one, the session open) during
// all of a call: nothing about it was under way, and what was done last says so.
func (c *checker) surely(call call, room, user int64, last chat.EventType) bool {
	if room > 1<<39 {
		return false
	}
	var newest change
	for _, p := range c.people[:4] {
		if p.ID == user {
			newest.kind = chat.EventJoined // from the start
		}
	}
	for _, ch := range c.changes {
		about := ch.room == room && ch.user == user && !ch.refused
		if user == 0 {
			about = about && ch.kind == chat.EventClosed
		}
		if !about || ch.asked > call.answered {
			continue
		}
		if ch.answered > call.asked || ch.seq == 0 {
			return false // under way, or its end is not known
		}
		if ch.seq > newest.seq {
			newest = ch
		}
	}
	return newest.kind == last
}
