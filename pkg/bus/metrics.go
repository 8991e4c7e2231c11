package bus

import "github.com/prometheus/client_golang/prometheus"

// Why a Copy was dropped.
const (
	dropFull        = "full"        // the oldest of a full ring
	dropUnconfirmed = "unconfirmed" // sent, but the broker refused it or was lost before it said so
	dropClosed      = "closed"      // left when the process ended
	dropEpoch       = "epoch"       // of a Log that was replaced by another one meanwhile
)

// Why a pack was refused.
const (
	refuseEmpty   = "empty"
	refuseForeign = "foreign"
	refuseVersion = "version"
	refuseForged  = "forged"
	refuseDamaged = "damaged"
)

type metrics struct {
	connectionUp                *prometheus.GaugeVec
	publisherLost, consumerLost prometheus.Counter
	inspectorLost               prometheus.Counter
	degraded                    prometheus.Gauge
	slots, bound                prometheus.Gauge
	confirmed, nacked, lost     prometheus.Counter
	handled, unhandled          prometheus.Counter
	droppedBy                   *prometheus.CounterVec
	refusedBy                   *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	if r == nil {
		r = prometheus.NewRegistry()
	}
	up := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "chatire_amqp_connection_up",
		Help: "Whether the connection to the broker is up, by what it is for; a process that does not subscribe has no subscriber, and the in-process bus counts as a broker.",
	}, []string{"role"})
	reconnects := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "chatire_amqp_reconnects_total",
		Help: "Connections to the broker that were lost and are made anew, by what they are for.",
	}, []string{"role"})
	confirms := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "chatire_publish_confirms_total",
		Help: "Packs that were sent, by what the broker said about them; lost means that it said nothing.",
	}, []string{"result"})
	consumed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "chatire_amqp_consumed_total",
		Help: "Packs that were received, by what the worker said about them; both are settled for good.",
	}, []string{"result"})
	m := &metrics{
		connectionUp:  up,
		publisherLost: reconnects.WithLabelValues("publisher"),
		consumerLost:  reconnects.WithLabelValues("subscriber"),
		inspectorLost: reconnects.WithLabelValues("inspector"),
		degraded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "chatire_degraded",
			Help: "Whether the broker is away, cut off or blocked, so that delivery depends on the probe alone.",
		}),
		slots: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "chatire_bus_slots",
			Help: "Into how many slots sessions are spread; the same in every process.",
		}),
		bound: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "chatire_bus_slots_bound",
			Help: "Slots whose events this process receives.",
		}),
		confirmed: confirms.WithLabelValues("ack"),
		nacked:    confirms.WithLabelValues("nack"),
		lost:      confirms.WithLabelValues("lost"),
		handled:   consumed.WithLabelValues("ack"),
		unhandled: consumed.WithLabelValues("nack"),
		droppedBy: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatire_publish_dropped_total",
			Help: "Copies of events and other words to workers that were dropped instead of being carried; the log has the events.",
		}, []string{"reason"}),
		refusedBy: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatire_amqp_refused_total",
			Help: "Packs that were received and refused, by reason; forged means that the signature does not fit.",
		}, []string{"reason"}),
	}
	for _, reason := range []string{dropFull, dropUnconfirmed, dropClosed, dropEpoch} {
		m.droppedBy.WithLabelValues(reason)
	}
	for _, reason := range []string{refuseEmpty, refuseForeign, refuseVersion, refuseForged, refuseDamaged} {
		m.refusedBy.WithLabelValues(reason)
	}
	up.WithLabelValues("publisher")
	m.degraded.Set(1) // until there is a connection
	r.MustRegister(up, reconnects, confirms, consumed, m.degraded, m.slots, m.bound, m.droppedBy, m.refusedBy)
	return m
}

func (m *metrics) dropped(reason string, n int) {
	m.droppedBy.WithLabelValues(reason).Add(float64(n))
}

func (m *metrics) refused(reason string) { m.refusedBy.WithLabelValues(reason).Inc() }
