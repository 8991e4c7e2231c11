package worker

import (
	"bytes"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/chat"
)

// TestLanesAreBounded has frames come while nobody brings them out.
func TestLanesAreBounded(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://", "CHATIRE_RATE_LIMIT=off")
	ada := s.signUp(t, "ada")
	room := s.room(t, ada)
	s.connect(t, ada).live(t, room)
	for _, size := range []int{100, 50 << 10} {
		b := newBridge(s.worker.hub, s.Bus, testLog(), laneFrames)
		before := testutil.ToFloat64(s.worker.hub.metrics.overrun)
		const frames = 3 * laneFrames
		for seq := range int64(frames) {
			c := chat.Copy{URI: room, Seq: 2 + seq, Frame: bytes.Repeat([]byte("x"), size)}
			b.sort(&bus.Pack{Events: []chat.Copy{c}}, 0, time.Now())
		}
		waiting, bytes := 0, int64(0)
		for _, lane := range b.lanes {
			waiting += len(lane)
			for range len(lane) {
				f := <-lane
				bytes += f.frame.size()
			}
		}
		if bytes > lanesBytes || bytes != b.room.kept.Load() {
			t.Errorf("%d bytes wait, %d are counted", bytes, b.room.kept.Load())
		}
		if dropped := testutil.ToFloat64(s.worker.hub.metrics.overrun) - before; waiting == 0 || int(dropped) != frames-waiting {
			t.Errorf("of %d frames %d wait and %v were dropped", frames, waiting, dropped)
		}
	}
}
