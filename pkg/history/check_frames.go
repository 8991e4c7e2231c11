package history

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// checkFrames follows each device from one connection to the next.
func (c *check) checkFrames() {
	all := map[subKey]bool{}
	for k := range c.subs {
		all[k] = true
	}
	for k := range c.frames {
		all[k] = true
	}
	keys := slices.SortedFunc(maps.Keys(all), func(a, b subKey) int {
		return cmp.Or(cmp.Compare(a.device, b.device), cmp.Compare(a.uri, b.uri), cmp.Compare(a.conn, b.conn))
	})
	epochs := map[string]string{}
	stays := map[memberKey][]stay{}
	connections := map[subKey]bool{}
	for _, k := range keys {
		connections[subKey{device: k.device, conn: k.conn}] = true
		sub, ok := c.subs[k]
		if !ok {
			c.found(NeverSubscribed, "%s on connection %d got %s", k.device, k.conn, k.uri)
			continue
		}
		if first, known := epochs[k.uri]; !known {
			epochs[k.uri] = sub.Epoch
		} else if first != sub.Epoch && !c.options.NewEpoch {
			c.found(EpochChanged, "%s on %s: %s and %s", k.uri, k.device, first, sub.Epoch)
		}
		who := memberKey{k.uri, c.devices[k.device]}
		if _, ok := stays[who]; !ok {
			stays[who] = staysOf(c.members[who], c.options.Revoke)
		}
		c.checkSubscription(k, sub, stays[who])
	}
	c.report.Connections = len(connections)
}

// checkSubscription follows the frames of one Session on one connection.
func (c *check) checkSubscription(k subKey, sub *Line, stays []stay) {
	device := deviceKey{k.device, k.uri}
	at, known := c.reached[device]
	if known && sub.From > at {
		c.found(ResumeSkips, "%s in %s subscribed from %d, having %d", k.device, k.uri, sub.From, at)
	}
	last := sub.From
	for _, f := range c.frames[k] {
		if f.Seq == 0 {
			c.found(FrameWithoutSeq, "%s in %s", k.device, k.uri)
			continue
		}
		switch {
		case f.Seq <= last:
			c.found(WireDuplicate, "%s in %s: %d after %d", k.device, k.uri, f.Seq, last)
		case f.Seq > last+1:
			c.found(WireGap, "%s in %s: %d after %d", k.device, k.uri, f.Seq, last)
		}
		c.checkFrame(k, f)
		if !slices.ContainsFunc(stays, func(s stay) bool { return s.from <= f.Time && f.Time <= s.to }) {
			c.found(LeakToStranger, "%s in %s: %d", k.device, k.uri, f.Seq)
		}
		last = max(last, f.Seq)
	}
	c.reached[device] = max(last, at)
}

// checkFrame compares a frame with the row that it shows.
func (c *check) checkFrame(k subKey, f *Line) {
	row, ok := c.logs[k.uri][f.Seq]
	switch {
	case !ok:
		c.found(DeliveredNotStored, "%s in %s: %d", k.device, k.uri, f.Seq)
	case f.ID != row.ID || !sameID(f.ClientID, row.ClientID) || f.User != row.User || f.Sum != row.Sum && f.Rev == row.Rev:
		c.found(CorruptDelivery, "%s in %s: %d", k.device, k.uri, f.Seq)
	}
	if f.ClientID == nil {
		return
	}
	if send, ok := c.sends[*f.ClientID]; ok {
		if f.Time < send.Time {
			c.found(DeliveredBeforeSend, "%s in %s: %d", k.device, k.uri, f.Seq)
		}
		c.latencies = append(c.latencies, time.Duration(f.Time-send.Time))
	}
}

// stay is when frames may come to a User: from when somebody asked to add them until
// a while after they were removed.
type stay struct{ from, to int64 }

func staysOf(changes []*Line, revoke time.Duration) []stay {
	var stays []stay
	inside, from := false, int64(0)
	for _, l := range changes {
		switch {
		case l.Op == "add" && !inside:
			inside, from = true, l.Began
		case l.Op == "remove" && inside:
			inside = false
			stays = append(stays, stay{from, l.Time + int64(revoke)})
		}
	}
	if inside {
		stays = append(stays, stay{from, math.MaxInt64})
	}
	return stays
}

// checkDelivered sees that the devices of those who are members at the end have all
// there is.
func (c *check) checkDelivered() {
	byUser := map[ID][]string{}
	for device, user := range c.devices {
		byUser[user] = append(byUser[user], device)
	}
	for k, changes := range c.members {
		if changes[len(changes)-1].Op != "add" {
			continue
		}
		for _, device := range byUser[k.user] {
			at, subscribed := c.reached[deviceKey{device, k.uri}]
			head := c.heads[k.uri]
			switch {
			case !subscribed && !c.options.Partial:
				c.found(NotSubscribed, "%s in %s", device, k.uri)
			case subscribed && at < head:
				c.foundMany(Undelivered, int(head-at), "%s in %s is at %d of %d", device, k.uri, at, head)
			}
		}
	}
}
