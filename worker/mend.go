package worker

import (
	"context"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

const (
	// closePatience is how long a hole may close by itself: the packs of two API
	// processes overtake each other all the time.
	closePatience = 10 * time.Millisecond

	// repairPause is how long a repair waits after the store did not answer.
	repairPause = 250 * time.Millisecond

	// mendBytes bounds one read of holes.
	mendBytes = 1 << 20
)

// mend notes a cursor with a hole. It is called with the cursor's lock.
func (h *Hub) mend(cur *cursor) {
	h.mu.Lock()
	h.holes = append(h.holes, cur)
	h.mu.Unlock()
	select {
	case h.holesFound <- struct{}{}:
	default:
	}
}

// mendLoop fills holes from the Log until ctx ends: those of many Sessions with one
// query.
func (h *Hub) mendLoop(ctx context.Context) {
	w := h.newWave()
	for {
		select {
		case <-h.holesFound:
		case <-ctx.Done():
			return
		}
		h.pause(closePatience)
		for holes := h.takeHoles(); len(holes) > 0 && h.awaitLease(); holes = h.mendOnce(holes, w) {
		}
	}
}

func (h *Hub) takeHoles() []*cursor {
	h.mu.Lock()
	defer h.mu.Unlock()
	holes := h.holes
	h.holes = nil
	return holes
}

// freshen renews a cursor's lease if it has run out.
func (h *Hub) freshen(cur *cursor) {
	if !cur.isHeld() {
		return
	}
	if err := h.lookForEnds(cur); err != nil {
		h.log.Warn("look for ended memberships", "session", cur.uri, "error", err)
	}
}

// mendOnce reads a piece of each hole and returns the cursors that have more.
func (h *Hub) mendOnce(holes []*cursor, w *wave) []*cursor {
	var ranges []chat.Range
	var open []*cursor
	bySession := map[int64]*cursor{}
	for _, cur := range holes {
		if piece, ok := cur.hole(); ok {
			h.freshen(cur)
			ranges = append(ranges, piece)
			open = append(open, cur)
			bySession[piece.SessionID] = cur
		}
	}
	if len(open) == 0 {
		return nil
	}
	h.metrics.repairs.Add(float64(len(open)))
	ctx, cancel := h.deadline()
	defer cancel()
	events, err := h.store.ReadLog(ctx, ranges, mendBytes)
	if err != nil {
		h.log.Warn("read holes", "sessions", len(open), "error", err)
		h.pause(repairPause)
		return open
	}
	for i := range events {
		bySession[events[i].SessionID].accept(frameOf(&events[i]), w)
	}
	w.flush()
	if len(events) == 0 {
		h.pause(repairPause) // heads said there is more, and the log does not have it yet
	}
	return open
}
