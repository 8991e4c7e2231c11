package history

import (
	"cmp"
	"maps"
	"slices"
)

// checkLogs looks at the Log of each Session by itself, and at who wrote its rows.
func (c *check) checkLogs() {
	known := map[string]bool{}
	for k := range c.sources {
		known[k.uri] = true
	}
	for _, send := range c.sends {
		known[send.URI] = true
	}
	c.uris = slices.Sorted(maps.Keys(known))
	for _, uri := range c.uris {
		rows, ok := c.rowsOf(uri)
		if !ok {
			c.invalid("nobody read the log of %s at the end", uri)
			continue
		}
		c.checkRows(uri, rows)
	}
}

// rowsOf returns a Session's Log, from the database itself if that was read.
func (c *check) rowsOf(uri string) ([]Row, bool) {
	api, byAPI := c.sources[sourceKey{"api", uri}]
	sql, bySQL := c.sources[sourceKey{"sql", uri}]
	if byAPI && bySQL && !slices.EqualFunc(api, sql, sameRow) {
		c.found(SourcesDiffer, "%s", uri)
	}
	if bySQL {
		return sql, true
	}
	return api, byAPI
}

func sameRow(a, b Row) bool {
	return a.Seq == b.Seq && a.ID == b.ID && sameID(a.ClientID, b.ClientID) && a.User == b.User && a.Sum == b.Sum && a.Rev == b.Rev
}

func sameID(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func (c *check) checkRows(uri string, rows []Row) {
	dense := true
	times := map[string]int{}
	log := make(map[int64]*Row, len(rows))
	for i := range rows {
		r := &rows[i]
		dense = dense && r.Seq == int64(i+1)
		log[r.Seq] = r
		if r.ClientID != nil {
			times[*r.ClientID]++
		}
	}
	c.logs[uri] = log
	c.heads[uri] = int64(len(log))
	c.report.Stored += len(log)
	if !dense {
		c.found(SeqNotDense, "%s", uri)
	}
	for id, n := range times {
		if n > 1 {
			c.found(StoredTwice, "%s in %s, %d times", id, uri, n)
		}
	}
	for i := range rows {
		r := &rows[i]
		if r.ClientID == nil {
			continue
		}
		c.checkAuthor(uri, r)
		if log[r.Seq] == r { // else another row took its place
			c.stored[*r.ClientID] = place{uri, r}
		}
	}
}

// checkAuthor compares a row with the post that it should come from.
func (c *check) checkAuthor(uri string, r *Row) {
	id := *r.ClientID
	send, ok := c.sends[id]
	if !ok {
		c.found(Phantom, "%s in %s", id, uri)
		return
	}
	if _, accepted := c.accepted[id]; c.refused[id] && !accepted && !c.unknown[id] {
		c.found(RefusedButStored, "%s in %s", id, uri)
	}
	edited := r.Rev != 0 && r.Rev != r.Seq
	if r.User != send.User || r.Sum != send.Sum && !edited || send.URI != uri {
		c.found(CorruptStore, "%s in %s at %d", id, uri, r.Seq)
	}
}

// checkAccepted looks for what was accepted in the Log, at its place.
func (c *check) checkAccepted() {
	for id, answer := range c.accepted {
		at, ok := c.stored[id]
		switch {
		case !ok:
			c.found(LostAccepted, "%s, accepted as seq %d", id, answer.Seq)
		case at.row.Seq != answer.Seq || at.row.ID != answer.ID:
			c.found(AckWrongPlace, "%s, accepted as seq %d, is at %d", id, answer.Seq, at.row.Seq)
		}
	}
}

// checkOrder sees that of two Messages of which one was accepted before the other was
// first sent, the first has the lower seq.
func (c *check) checkOrder(uri string) {
	type moment struct {
		at       int64
		sent     bool // else accepted
		seq      int64
		clientID string
	}
	var moments []moment
	for id, answer := range c.accepted {
		if send, ok := c.sends[id]; ok && send.URI == uri {
			moments = append(moments, moment{answer.Time, false, answer.Seq, id})
		}
	}
	for seq, r := range c.logs[uri] {
		if r.ClientID == nil {
			continue
		}
		if send, ok := c.sends[*r.ClientID]; ok {
			moments = append(moments, moment{send.Time, true, seq, *r.ClientID})
		}
	}
	slices.SortFunc(moments, func(a, b moment) int {
		if a.at == b.at && a.sent != b.sent {
			if b.sent {
				return -1 // accepted at that moment is before sent at that moment
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq), cmp.Compare(a.clientID, b.clientID))
	})
	highest := int64(0)
	for _, m := range moments {
		switch {
		case !m.sent:
			highest = max(highest, m.seq)
		case m.seq < highest:
			c.found(OrderBroken, "%s in %s at %d, though %d had been accepted", m.clientID, uri, m.seq, highest)
		}
	}
}
