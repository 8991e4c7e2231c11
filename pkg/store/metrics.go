package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/chat"
)

// operation names what a statement is for. It is a metric label and begins the
// text of errors.
type operation string

const (
	opBegin    operation = "begin"
	opCommit   operation = "commit"
	opRollback operation = "rollback"
	opConnect  operation = "connect"
	opEpoch    operation = "epoch"
	opNow      operation = "now"
	opSchema   operation = "schema"
	opUser     operation = "user"
	opToken    operation = "token"
	opSession  operation = "session"
	opMember   operation = "member"
	opEvent    operation = "event"
	opAppend   operation = "append"
	opLog      operation = "log"
	opHistory  operation = "history"
	opHeads    operation = "heads"
	opRead     operation = "read"
	opInvite   operation = "invite"
	opAudit    operation = "audit"
	opApplied  operation = "applied"
	opSearch   operation = "search"
	opPurge    operation = "purge"
)

var operations = []operation{
	opBegin, opCommit, opRollback, opConnect, opEpoch, opNow, opSchema, opUser, opToken,
	opSession, opMember, opEvent, opAppend, opLog, opHistory, opHeads, opRead, opInvite, opAudit, opApplied, opSearch, opPurge,
}

// errorClass is what a failure means, as a metric label.
type errorClass string

const (
	classRefused     errorClass = "refused"     // unique key taken, row missing
	classGone        errorClass = "gone"        // the asker went away
	classUnavailable errorClass = "unavailable" // away, hung or full
	classRetry       errorClass = "retry"       // in each other's way
	classOther       errorClass = "other"       // ours
)

var errorClasses = []errorClass{classRefused, classGone, classUnavailable, classRetry, classOther}

type metrics struct {
	duration *prometheus.HistogramVec
	errors   *prometheus.CounterVec
	retried  prometheus.Counter
	batch    prometheus.Histogram
	schema   prometheus.Gauge
}

func newMetrics() *metrics {
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                        "chatire_db_query_duration_seconds",
			Help:                        "How long statements took, by what they were for.",
			Buckets:                     []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2},
			NativeHistogramBucketFactor: 1.2,
		}, []string{"operation"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatire_db_errors_total",
			Help: "Statements that failed, by what the failure means.",
		}, []string{"class"}),
		retried: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatire_db_transactions_retried_total",
			Help: "Transactions that were run again because another was in the way.",
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "chatire_append_batch_size",
			Help:    "Messages that were handed to one append transaction.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64},
		}),
		schema: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "chatire_db_schema_version",
			Help: "Version of the database schema as last seen.",
		}),
	}
	for _, op := range operations {
		m.duration.WithLabelValues(string(op))
	}
	for _, class := range errorClasses {
		m.errors.WithLabelValues(string(class))
	}
	return m
}

// register makes the metrics of an open store visible.
func (m *metrics) register(registerer prometheus.Registerer, s *Store) error {
	for _, c := range []prometheus.Collector{m.duration, m.errors, m.retried, m.batch, m.schema, poolCollector{s}} {
		if err := registerer.Register(c); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	return nil
}

func (m *metrics) observe(op operation, took time.Duration, err error) {
	m.duration.WithLabelValues(string(op)).Observe(took.Seconds())
	if err != nil {
		m.errors.WithLabelValues(string(classOf(err))).Inc()
	}
}

// poolCollector exports the state of the connection pools when it is asked.
type poolCollector struct {
	store *Store
}

var (
	connectionsDesc = prometheus.NewDesc("chatire_db_connections",
		"Database connections of this process by state.", []string{"state"}, nil)
	waitsDesc = prometheus.NewDesc("chatire_db_pool_waits_total",
		"How often a statement waited for a connection.", nil, nil)
	waitSecondsDesc = prometheus.NewDesc("chatire_db_pool_wait_seconds_total",
		"How long statements waited for connections in all.", nil, nil)
)

// Describe implements prometheus.Collector.
func (poolCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- connectionsDesc
	ch <- waitsDesc
	ch <- waitSecondsDesc
}

// Collect implements prometheus.Collector.
func (c poolCollector) Collect(ch chan<- prometheus.Metric) {
	total := c.store.appender.stats()
	for _, pool := range c.store.pools {
		stats := pool.Stats()
		total.used += stats.InUse
		total.idle += stats.Idle
		total.waits += stats.WaitCount
		total.waited += stats.WaitDuration
	}
	ch <- prometheus.MustNewConstMetric(connectionsDesc, prometheus.GaugeValue, float64(total.used), "used")
	ch <- prometheus.MustNewConstMetric(connectionsDesc, prometheus.GaugeValue, float64(total.idle), "idle")
	ch <- prometheus.MustNewConstMetric(waitsDesc, prometheus.CounterValue, float64(total.waits))
	ch <- prometheus.MustNewConstMetric(waitSecondsDesc, prometheus.CounterValue, total.waited.Seconds())
}

// poolStats is the state of connection pools.
type poolStats struct {
	used, idle int
	waits      int64
	waited     time.Duration
}

func classOf(err error) errorClass {
	switch code := chat.CodeOf(err); {
	case isRetry(err):
		return classRetry
	case errors.Is(err, context.Canceled):
		return classGone
	case code == chat.Unavailable:
		return classUnavailable
	case code != "":
		return classRefused
	}
	return classOther
}
