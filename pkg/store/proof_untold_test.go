package store_test

import (
	"cmp"
	"slices"

	"github.com/chatire/chatire/pkg/chat"
)

// checkAborted looks for drafts that were stored although nothing was.
func (c *checker) checkAborted(call call) {
	for _, d := range call.drafts {
		if d.ClientID == nil && c.byBody[d.Body] != nil {
			c.Errorf("%+v is stored by a call that said it stored nothing", d)
		}
	}
}

// checkUntold looks for messages that nobody was told of, although no call ended
// in the dark that could have stored them.
func (c *checker) checkUntold() {
	dark, keys, edited := map[string]bool{}, map[draftKey]bool{}, 0
	for _, call := range c.calls {
		if call.outcomes != nil || call.aborted {
			continue
		}
		for _, d := range call.drafts {
			if d.ClientID == nil {
				dark[d.Body] = true
				edited++
			} else {
				keys[draftKey{d.SessionID, d.UserID, *d.ClientID}] = true
			}
		}
	}
	for at, r := range c.rows {
		switch {
		case r.kind != chat.EventMessage || c.told[at]:
		case r.client != nil && keys[draftKey{r.room, r.user, *r.client}]:
		case r.client == nil && dark[r.body]:
		case r.client == nil && r.rev > r.seq && edited > 0: // its text is gone, so its call is not known
		default:
			c.Errorf("room %d: nobody was told of message %d", r.room, r.seq)
		}
	}
}

// checkRealTime demands that what was answered before something was asked has the
// lower seq.
func (c *checker) checkRealTime() {
	type span struct{ asked, answered, seq int64 }
	byRoom := map[int64][]span{}
	for _, call := range c.calls {
		for i, o := range call.outcomes {
			if o.Verdict == chat.Stored {
				room := call.drafts[i].SessionID
				byRoom[room] = append(byRoom[room], span{call.asked, call.answered, o.Seq})
			}
		}
	}
	for _, ch := range c.changes {
		if ch.seq > 0 {
			byRoom[ch.room] = append(byRoom[ch.room], span{ch.asked, ch.answered, ch.seq})
		}
	}
	for room, asked := range byRoom {
		answered := slices.Clone(asked)
		slices.SortFunc(asked, func(a, b span) int { return cmp.Compare(a.asked, b.asked) })
		slices.SortFunc(answered, func(a, b span) int { return cmp.Compare(a.answered, b.answered) })
		highest, next := int64(0), 0
		for _, s := range asked {
			for ; next < len(answered) && answered[next].answered < s.asked; next++ {
				highest = max(highest, answered[next].seq)
			}
			if s.seq <= highest {
				c.Errorf("room %d: seq %d was asked for after seq %d was answered", room, s.seq, highest)
			}
		}
	}
}
