package bus

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
)

// SlotOf returns the slot of a Session: the 32-bit FNV-1a hash of its uri, modulo
// the number of slots. All versions of Chatire agree on it, since API processes
// and workers of two versions run side by side during an upgrade.
func (b *Bus) SlotOf(uri string) int { return slotOf(uri, b.slots) }

func slotOf(uri string, slots int) int {
	h := fnv.New32a()
	h.Write([]byte(uri))
	return int(h.Sum32() % uint32(slots))
}

// ErrAway says that a slot is not bound now, and will be once there is a
// connection.
var ErrAway = errors.New("the broker is away")

// Bind has this process receive the Events of a slot. When it returns nil,
// whatever is published from now on arrives, unless it is lost. Otherwise the slot
// is remembered and bound as soon as that is possible. Binding a slot again costs
// next to nothing.
func (b *Bus) Bind(ctx context.Context, slot int) error {
	if slot < 0 || slot >= b.slots {
		return fmt.Errorf("bind slot %d: there are %d", slot, b.slots)
	}
	b.mu.Lock()
	b.wanted[slot] = struct{}{}
	b.metrics.bound.Set(float64(len(b.wanted)))
	all := make([]*subscription, 0, len(b.subscriptions))
	for s := range b.subscriptions {
		all = append(all, s)
	}
	b.mu.Unlock()
	if len(all) == 0 {
		return fmt.Errorf("bind slot %d: %w", slot, ErrAway)
	}
	for _, s := range all {
		if err := s.bind(ctx, slot); err != nil {
			return fmt.Errorf("bind slot %d: %w", slot, err)
		}
	}
	return nil
}
