package worker

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// stage is a part of a frame's way, as a metric label.
type stage string

const (
	stagePublish  stage = "commit_to_publish"
	stageBroker   stage = "broker"
	stageFanout   stage = "fanout"
	stageEndToEnd stage = "end_to_end"
)

// refusal says why a handshake was refused, as a metric label.
type refusal string

const (
	refusedOrigin   refusal = "origin"
	refusedVersion  refusal = "version"
	refusedRequest  refusal = "request"
	refusedLimit    refusal = "limit"
	refusedDraining refusal = "draining"
)

// frameType is the type of a frame that is sent, as a metric label.
type frameType string

const (
	typeHello        frameType = "hello"
	typeSubscribed   frameType = "subscribed"
	typeEvent        frameType = "event"
	typeCaughtUp     frameType = "caught_up"
	typeReset        frameType = "reset"
	typeUnsubscribed frameType = "unsubscribed"
	typeNotice       frameType = "notice"
	typePresence     frameType = "presence"
	typeTyping       frameType = "typing"
	typePong         frameType = "pong"
	typeDrain        frameType = "drain"
	typeError        frameType = "error"
)

type metrics struct {
	connections   prometheus.Gauge
	opened        prometheus.Counter
	closedTotal   *prometheus.CounterVec
	handshakes    *prometheus.CounterVec
	sessions      prometheus.Gauge
	subscriptions prometheus.Gauge
	frames        map[frameType]prometheus.Counter
	bytes         prometheus.Counter
	catchingUp    prometheus.Gauge
	slow          prometheus.Counter
	resumed       prometheus.Counter
	sharedReads   prometheus.Counter
	draining      prometheus.Gauge
	shed          prometheus.Counter
	delivery      map[stage]prometheus.Observer
	duplicates    prometheus.Counter
	repairs       prometheus.Counter
	probeRepairs  prometheus.Counter
	probeFailures prometheus.Counter
	overrun       prometheus.Counter
	panics        prometheus.Counter
}

// closeCodes are the codes that connections end with, as labels; others count as
// the peer's.
var closeCodes = []int{
	1000, 1001, closeUnsupported, 1006, closeBadText, closeTooBig, closeFault, closeRestart, closeFull,
	closeBadFrame, closeSignedOut, closeNoAuth, closeNotReading, closeTooMany,
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		registerer.MustRegister(c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		registerer.MustRegister(g)
		return g
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		registerer.MustRegister(v)
		return v
	}
	m := &metrics{
		connections:   gauge("chatire_ws_connections", "Websocket connections that are open."),
		opened:        counter("chatire_ws_connections_opened_total", "Websocket connections that were opened."),
		closedTotal:   vec("chatire_ws_connections_closed_total", "Websocket connections that ended, by the code they ended with.", "code"),
		handshakes:    vec("chatire_ws_handshake_failures_total", "Websocket handshakes that were refused, by reason.", "reason"),
		sessions:      gauge("chatire_ws_sessions_watched", "Sessions that somebody watches on this process."),
		subscriptions: gauge("chatire_ws_subscriptions", "Subscriptions of all connections."),
		bytes:         counter("chatire_ws_sent_bytes_total", "Bytes of frames that were handed to sockets."),
		catchingUp:    gauge("chatire_ws_catchup_connections", "Connections that are catching up."),
		slow:          counter("chatire_ws_slow_readers_total", "Connections that were closed because they took nothing."),
		resumed:       counter("chatire_ws_resumed_events_total", "Events that connections got from the log."),
		sharedReads:   counter("chatire_ws_shared_reads_total", "Reads of the log that a connection shared with another one."),
		shed:          counter("chatire_ws_connections_shed_total", "Connections sent elsewhere because other workers have fewer."),
		draining:      gauge("chatire_ws_draining", "1 while this process sends its connections elsewhere."),
		duplicates:    counter("chatire_duplicates_dropped_total", "Frames from the bus that had come before."),
		repairs:       counter("chatire_gap_repairs_total", "Reads of the log to fill a hole in a session."),
		probeRepairs:  counter("chatire_probe_repairs_total", "Sessions whose head the probe found to be ahead."),
		probeFailures: counter("chatire_probe_failures_total", "Probes that the store did not answer."),
		overrun:       counter("chatire_bridge_dropped_total", "Frames from the bus that found their lane full."),
		panics:        counter("chatire_ws_panics_recovered_total", "Connections that a fault of ours ended."),
	}
	for _, code := range closeCodes {
		m.closedTotal.WithLabelValues(strconv.Itoa(code))
	}
	m.closedTotal.WithLabelValues("other")
	for _, reason := range []refusal{refusedOrigin, refusedVersion, refusedRequest, refusedLimit, refusedDraining} {
		m.handshakes.WithLabelValues(string(reason))
	}
	sent := vec("chatire_ws_frames_sent_total", "Frames that were handed to sockets, by type.", "type")
	m.frames = map[frameType]prometheus.Counter{}
	for _, t := range []frameType{
		typeHello, typeSubscribed, typeEvent, typeCaughtUp, typeReset, typeUnsubscribed,
		typeNotice, typePresence, typeTyping, typePong, typeDrain, typeError,
	} {
		m.frames[t] = sent.WithLabelValues(string(t))
	}
	m.addDelivery(registerer)
	return m
}

func (m *metrics) addDelivery(registerer prometheus.Registerer) {
	delivery := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "chatire_delivery_seconds",
		Help: "How long events took on the parts of their way; the end-to-end count is the live deliveries made.",
		Buckets: []float64{
			.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10,
		},
		NativeHistogramBucketFactor: 1.2,
	}, []string{"stage"})
	registerer.MustRegister(delivery)
	m.delivery = map[stage]prometheus.Observer{}
	for _, s := range []stage{stagePublish, stageBroker, stageFanout, stageEndToEnd} {
		m.delivery[s] = delivery.WithLabelValues(string(s))
	}
}

// addUndelivered measures the age of what is not delivered, whenever somebody asks.
func (m *metrics) addUndelivered(registerer prometheus.Registerer, age func() time.Duration) {
	registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "chatire_undelivered_age_seconds",
		Help: "For how long the connection that is the farthest behind has been waiting for events that are stored; 0 if all have all there is.",
	}, func() float64 { return age().Seconds() }))
}

// closed counts the end of a connection.
func (m *metrics) closed(code int) {
	label := "other"
	for _, known := range closeCodes {
		if code == known {
			label = strconv.Itoa(code)
		}
	}
	m.closedTotal.WithLabelValues(label).Inc()
}

// carried measures the way of a frame to this process; all times are the database's.
func (m *metrics) carried(committed, published, received time.Time) {
	m.delivery[stagePublish].Observe(delay(committed, published))
	m.delivery[stageBroker].Observe(delay(published, received))
}

// delay is the time between two moments that two processes saw, in seconds: their clocks are
// known to a millisecond or so, and nothing comes before it was sent.
func delay(sent, came time.Time) float64 { return max(came.Sub(sent), 0).Seconds() }

// sent counts frames of one type and size that were handed to sockets.
func (m *metrics) sent(t frameType, count, size int) {
	m.frames[t].Add(float64(count))
	m.bytes.Add(float64(count * size))
}

// caughtUp counts events that a connection got from the log.
func (m *metrics) caughtUp(frames []frame) {
	m.resumed.Add(float64(len(frames)))
	for i := range frames {
		m.sent(typeEvent, 1, len(frames[i].wire))
	}
}

// delivered measures a frame that was written to count sockets now, which is there by the
// database's clock.
func (m *metrics) delivered(f frame, count int, now, there time.Time) {
	m.sent(typeEvent, count, len(f.wire))
	if !f.received.IsZero() {
		m.delivery[stageFanout].Observe(now.Sub(f.received).Seconds())
	}
	endToEnd := delay(f.committed, there)
	for range count {
		m.delivery[stageEndToEnd].Observe(endToEnd)
	}
}
