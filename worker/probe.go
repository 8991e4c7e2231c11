package worker

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// probeEvery is how often the store is asked what the bus may have lost.
	probeEvery = time.Second

	// probeChunk bounds one question.
	probeChunk = 10_000
)

// probeLoop asks the store, every second and at once when the bus is back, for the
// heads of the watched Sessions and for the tokens behind the connections. It alone
// finds the loss of a last message, and it makes a dead broker slow instead of
// broken.
func (h *Hub) probeLoop(ctx context.Context, now <-chan struct{}) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-now:
		case <-ctx.Done():
			return
		}
		for h.probeFails() {
			h.pause(repairPause)
		}
	}
}

// probeFails probes and says whether that failed and is worth another try.
func (h *Hub) probeFails() bool {
	err := h.probe()
	if err != nil {
		h.metrics.probeFailures.Inc()
		h.log.Warn("probe", "error", err)
	}
	return err != nil && h.ctx.Err() == nil
}

func (h *Hub) probe() error {
	began := h.age()
	if err := h.probeEpoch(); err != nil {
		return fmt.Errorf("read epoch: %w", err)
	}
	if err := h.probeHeads(began); err != nil {
		return fmt.Errorf("read heads: %w", err)
	}
	if err := h.probeTokens(); err != nil {
		return fmt.Errorf("check tokens: %w", err)
	}
	h.renew(began)
	return nil
}

func (h *Hub) probeEpoch() error {
	ctx, cancel := h.deadline()
	defer cancel()
	return h.checkEpoch(ctx)
}

// checkEpoch closes every connection if the Log is another one than it was: what they
// have may not be in it.
func (h *Hub) checkEpoch(ctx context.Context) error {
	began := h.age()
	epoch, err := h.store.Epoch(ctx)
	if err != nil || !h.isNewEpoch(epoch, began) {
		return err
	}
	h.log.Warn("the log has a new epoch: closing all connections", "connections", len(h.all()))
	h.forgetCursors()
	closeAll(h.all(), closeRestart, "new epoch")
	return nil
}

// isNewEpoch notes an epoch that was read by a question which began at an age of the
// hub. The answer to an earlier question is not believed any more.
func (h *Hub) isNewEpoch(epoch string, began time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if began < h.epochAsked || epoch == h.epoch() {
		return false
	}
	h.epochAsked = began
	h.epochNow.Store(&epoch)
	return true
}

func (h *Hub) probeHeads(began time.Duration) error {
	w := h.newWave()
	bySession := map[int64]*cursor{}
	var ids []int64
	short := h.budget.isShort()
	for _, cur := range h.cursors() {
		cur.mu.Lock()
		if short {
			cur.ring.clearIdle()
		}
		if cur.head != unopened {
			bySession[cur.sessionID] = cur
			ids = append(ids, cur.sessionID)
		}
		cur.mu.Unlock()
	}
	for chunk := range slices.Chunk(ids, probeChunk) {
		ctx, cancel := h.deadline()
		heads, err := h.store.Heads(ctx, chunk)
		cancel()
		if err != nil {
			return err
		}
		for _, id := range chunk {
			if head, there := heads[id]; there {
				bySession[id].probed(head, began, w)
			} else {
				h.erase(bySession[id].uri)
			}
		}
		w.flush()
	}
	return nil
}

// probeTokens closes the connections whose tokens ended without our hearing of it.
func (h *Hub) probeTokens() error {
	byToken := map[int64][]*Connection{}
	h.mu.Lock()
	for _, conns := range h.byUser {
		for _, c := range conns {
			byToken[c.who.Token.ID] = append(byToken[c.who.Token.ID], c)
		}
	}
	h.mu.Unlock()
	ids := make([]int64, 0, len(byToken))
	for id := range byToken {
		ids = append(ids, id)
	}
	for chunk := range slices.Chunk(ids, probeChunk) {
		ctx, cancel := h.deadline()
		live, err := h.store.LiveTokens(ctx, chunk)
		cancel()
		if err != nil {
			return err
		}
		alive := make(map[int64]struct{}, len(live))
		for _, id := range live {
			alive[id] = struct{}{}
		}
		for _, id := range chunk {
			if _, ok := alive[id]; !ok {
				for _, c := range byToken[id] {
					c.revoke()
				}
			}
		}
	}
	return nil
}

func closeAll(conns []*Connection, code int, reason string) {
	for _, c := range conns {
		c.close(code, reason)
	}
}
