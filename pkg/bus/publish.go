package bus

import (
	"slices"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/telemetry"
	"github.com/chatire/chatire/pkg/trace"
)

// PublishEvents hands Events to the workers that receive their Sessions' slots.
// causes[i] is of events[i]. It never waits and reports nothing: what cannot be carried
// is dropped and counted.
func (b *Bus) PublishEvents(events []chat.Event, causes []chat.Cause) {
	owned := slices.Clone(events) // the caller may use its slice again
	items := make([]item, len(owned))
	epoch, now := b.epoch.Load(), time.Now()
	for i := range owned {
		b.trace.Note(owned[i].URI, owned[i].Seq, trace.Handed, now)
		items[i].event, items[i].epoch = &owned[i], epoch
		if i < len(causes) {
			items[i].requestID, items[i].span = causes[i].RequestID, b.tracer.Publish(causes[i].Trace)
		}
	}
	b.rings.put(items, func(i item) int { return b.SlotOf(i.event.URI) })
}

// PublishControl hands a Control to all workers, as PublishEvents does.
func (b *Bus) PublishControl(c chat.Control) {
	c.TokenIDs = slices.Clone(c.TokenIDs)
	b.rings.put([]item{{word: &c}}, func(item) int { return b.slots })
}

// PublishTyping hands a Typing to all workers, as PublishEvents does.
func (b *Bus) PublishTyping(t chat.Typing) {
	b.rings.put([]item{{word: &t}}, func(item) int { return b.slots + 1 })
}

// PublishLoad hands a Load to all workers, as PublishEvents does.
func (b *Bus) PublishLoad(l chat.Load) {
	b.rings.put([]item{{word: &l}}, func(item) int { return b.slots + 1 })
}

// PublishPresence hands a Presence to all workers, as PublishEvents does.
func (b *Bus) PublishPresence(p chat.Presence) {
	b.rings.put([]item{{word: &p}}, func(item) int { return b.slots + 1 })
}

// kindOf returns what the ring with this number holds.
func (b *Bus) kindOf(ring int) kind {
	switch ring {
	case b.slots:
		return kindControl
	case b.slots + 1:
		return kindEphemeral
	default:
		return kindEvents
	}
}

// batch is a pack that is ready to be sent.
type batch struct {
	kind    kind
	slot    int // of kindEvents
	body    []byte
	headers message.Metadata // beside the body; nil if nothing in it is traced
	items   int              // how many things are in it
	marks   []passing
	traced  []traced
}

// sent notes in the spans of a batch where it went.
func (p *batch) sent(to telemetry.Place) {
	for _, t := range p.traced {
		t.span.Sent(to, p.slot, p.items)
	}
}

// passing is an Event in a pack, for whoever asks later where it was.
type passing struct {
	uri string
	seq int64
}

// note notes when the Events of a pack passed.
func (b *Bus) note(marks []passing, stage trace.Stage) {
	now := time.Now()
	for _, m := range marks {
		b.trace.Note(m.uri, m.seq, stage, now)
	}
}

// batcher takes items from the rings and packs them.
type batcher struct {
	bus    *Bus
	packer packer

	// entry is the last entry that was encoded. If it is held it did not fit into
	// the pack before, and begins the next one of its ring.
	entry []byte
	epoch *string // of the entry
	event passing // of the entry; seq 0 for none
	span  *telemetry.Span
	held  bool
	ring  int
}

func newBatcher(b *Bus) *batcher {
	return &batcher{bus: b, packer: packer{sealer: b.sealer}}
}

// next packs what is there, at most one pack of one ring. Its body is overwritten
// by the next call.
func (p *batcher) next() (batch, bool) {
	if !p.held {
		ring, ok := p.bus.rings.turn()
		if !ok {
			return batch{}, false
		}
		p.ring = ring
	}
	kind := p.bus.kindOf(p.ring)
	epoch := p.bus.epoch.Load()
	p.packer.begin(kind, time.Now().Add(time.Duration(p.bus.ahead.Load())), *epoch)
	var marks []passing
	var all []traced
	for p.held || p.encode() {
		if p.epoch != nil && p.epoch != epoch {
			p.held = false
			p.bus.metrics.dropped(dropEpoch, 1)
			continue
		}
		if p.held = !p.packer.fits(p.entry); p.held {
			break
		}
		p.packer.add(p.entry)
		if p.event.seq != 0 {
			marks = append(marks, p.event)
		}
		if p.span != nil {
			all = append(all, traced{int(p.packer.count) - 1, p.span})
		}
	}
	if !p.held {
		p.bus.rings.done(p.ring)
	}
	packed := batch{kind: kind, slot: p.ring, body: p.packer.close(), items: int(p.packer.count), marks: marks, traced: all}
	packed.headers = p.bus.sealer.headers(packed.body, all)
	return packed, packed.items > 0
}

// encode takes and encodes one item of the ring.
func (p *batcher) encode() bool {
	i, ok := p.bus.rings.take(p.ring)
	if ok {
		p.entry, p.epoch, p.event, p.span = appendEntry(p.entry[:0], &i), i.epoch, passing{}, i.span
		if i.event != nil {
			p.event = passing{i.event.URI, i.event.Seq}
		}
	}
	return ok
}

// drop gives up what is held back.
func (p *batcher) drop(reason string) {
	if p.held {
		p.held = false
		p.bus.metrics.dropped(reason, 1)
		p.bus.rings.done(p.ring)
	}
}
