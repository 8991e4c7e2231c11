package worker

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
)

// TestDeliveriesAreCounted has the users' number counted by those who make it: what devices
// received live is what the histogram has.
func TestDeliveriesAreCounted(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob := s.signUp(t, "ada"), s.signUp(t, "bob")
		room := s.room(t, ada, bob)
		devices := []*device{s.connect(t, ada), s.connect(t, bob), s.connect(t, bob)}
		for _, d := range devices {
			d.live(t, room)
		}
		const posts = 50
		first := int64(0)
		for i := range posts {
			e := s.post(t, ada, room, "hello")
			if i == 0 {
				first = e.Seq
			}
		}
		for _, d := range devices {
			d.wantEvents(t, room, first, first+posts-1)
		}
		m := s.worker.metrics
		eventually(t, "all deliveries are counted", func() bool {
			return observed(t, m.delivery[stageEndToEnd]).GetSampleCount() == posts*uint64(len(devices))
		})
		if sent := testutil.ToFloat64(m.frames[typeEvent]); sent != posts*float64(len(devices)) {
			t.Errorf("%v frames are counted for %d events on %d devices", sent, posts, len(devices))
		}
		if came := observed(t, m.delivery[stageBroker]).GetSampleCount(); came != posts {
			t.Errorf("%d events are counted to have come from the bus", came)
		}

		t.Run("and those from the log apart from them", func(t *testing.T) {
			live := observed(t, m.delivery[stageEndToEnd]).GetSampleCount()
			late := s.connect(t, bob)
			late.subscribe(t, room, 0)
			late.want(t, map[string]any{"type": "subscribed"})
			late.wantEvents(t, room, 1, first+posts-1)
			eventually(t, "they are counted", func() bool { return testutil.ToFloat64(m.resumed) == float64(first+posts-1) })
			if now := observed(t, m.delivery[stageEndToEnd]).GetSampleCount(); now != live {
				t.Errorf("they are in the histogram: %d after %d", now, live)
			}
		})
	})
}

// observed reads a histogram.
func observed(t *testing.T, o prometheus.Observer) *dto.Histogram {
	t.Helper()
	var m dto.Metric
	if err := o.(prometheus.Metric).Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetHistogram()
}
