package history

import (
	"maps"
	"math"
	"slices"
	"time"
)

// Verdict is what a history says of the promise.
type Verdict string

const (
	Pass    Verdict = "PASS"
	Fail    Verdict = "FAIL"
	Invalid Verdict = "INVALID" // it proves nothing
)

// Violation names one way of breaking the promise.
type Violation string

const (
	LostAccepted        Violation = "lost_acked"            // an accepted Message is not in the Log
	AckChanged          Violation = "ack_changed"           // two answers about one Message differ
	AckWrongPlace       Violation = "ack_wrong_position"    // a Message is not where its answer said
	SourcesDiffer       Violation = "api_sql_differ"        // two readings of one Log differ
	SeqNotDense         Violation = "seq_not_dense"         // a Log does not count 1, 2, 3 ...
	StoredTwice         Violation = "stored_twice"          // one client id has several rows
	Phantom             Violation = "phantom"               // a Message that nobody sent
	RefusedButStored    Violation = "refused_but_stored"    // every answer said that it was not stored
	CorruptStore        Violation = "corrupt_store"         // the Log has another text, author or Session
	OrderBroken         Violation = "order_realtime"        // accepted before another was sent, and behind it
	NeverSubscribed     Violation = "recv_without_sub"      // a frame of a Session that was not subscribed to
	EpochChanged        Violation = "epoch_changed"         // the Log's life changed without a restore
	ResumeSkips         Violation = "resume_skips"          // a subscription began beyond what the device had
	FrameWithoutSeq     Violation = "frame_without_seq"     //
	WireDuplicate       Violation = "wire_duplicate"        // a frame came again, or after a later one
	WireGap             Violation = "wire_gap"              // a frame is missing before this one
	DeliveredNotStored  Violation = "delivered_not_stored"  // a frame of what is not in the Log
	CorruptDelivery     Violation = "corrupt_delivery"      // a frame shows something else than the Log
	DeliveredBeforeSend Violation = "delivered_before_send" //
	LeakToStranger      Violation = "leak_non_member"       // a frame to somebody who is no Member
	NotSubscribed       Violation = "never_subscribed"      // a Member's device never watched the Session
	Undelivered         Violation = "undelivered"           // events that a Member's device has not had
	LateConvergence     Violation = "late_convergence"      // frames came too long after the stop
)

// SumOf is a group of violations, as people ask for it.
type SumOf string

const (
	Lost        SumOf = "lost"
	Duplicated  SumOf = "duplicated"
	Reordered   SumOf = "reordered"
	Leaked      SumOf = "leaked"
	NotReceived SumOf = "undelivered"
	Corrupted   SumOf = "corrupted"
)

// sums says to which group each Violation belongs.
var sums = map[Violation]SumOf{
	LostAccepted:        Lost,
	WireGap:             Lost,
	ResumeSkips:         Lost,
	FrameWithoutSeq:     Lost,
	StoredTwice:         Duplicated,
	WireDuplicate:       Duplicated,
	AckChanged:          Duplicated,
	OrderBroken:         Reordered,
	AckWrongPlace:       Reordered,
	SeqNotDense:         Reordered,
	LeakToStranger:      Leaked,
	NeverSubscribed:     Leaked,
	Undelivered:         NotReceived,
	NotSubscribed:       NotReceived,
	LateConvergence:     NotReceived,
	Phantom:             Corrupted,
	RefusedButStored:    Corrupted,
	CorruptStore:        Corrupted,
	SourcesDiffer:       Corrupted,
	EpochChanged:        Corrupted,
	DeliveredNotStored:  Corrupted,
	CorruptDelivery:     Corrupted,
	DeliveredBeforeSend: Corrupted,
}

// SumOfViolation returns the group of a Violation.
func SumOfViolation(v Violation) SumOf { return sums[v] }

// Report is what a check found.
type Report struct {
	Verdict    Verdict                `json:"verdict"`
	Violations map[Violation]int      `json:"violations"`
	Examples   map[Violation][]string `json:"examples"` // a few of each
	Invalid    []string               `json:"invalid"`  // why it proves nothing

	Accepted      int `json:"acked"`
	Refused       int `json:"refused"`
	Unknown       int `json:"indeterminate"` // never accepted nor refused for good
	UnknownStored int `json:"indeterminate_stored"`
	Stored        int `json:"stored"` // events of all Logs
	Deliveries    int `json:"deliveries"`
	Devices       int `json:"devices"`
	Connections   int `json:"connections"`
	Faults        int `json:"faults"`

	// Convergence is how long after the stop the last frame came; -1 if nobody noted
	// the stop.
	Convergence time.Duration `json:"convergence"`

	// Latency is from the first try of a Message to its frames.
	Latency Quantiles `json:"latency"`
}

// Quantiles of a number of durations; all 0 if there was none.
type Quantiles struct {
	P50 time.Duration `json:"p50"`
	P95 time.Duration `json:"p95"`
	P99 time.Duration `json:"p99"`
	Max time.Duration `json:"max"`
}

// QuantilesOf sorts the durations and returns their Quantiles.
func QuantilesOf(d []time.Duration) Quantiles {
	slices.Sort(d)
	at := func(p float64) time.Duration {
		if len(d) == 0 {
			return 0
		}
		return d[min(len(d)-1, int(math.Floor(p*float64(len(d)))))]
	}
	return Quantiles{at(.5), at(.95), at(.99), at(1)}
}

// Sum counts the violations of a group.
func (r Report) Sum(of SumOf) int {
	n := 0
	for v, count := range r.Violations {
		if sums[v] == of {
			n += count
		}
	}
	return n
}

// Found returns the violations that there are, sorted.
func (r Report) Found() []Violation { return slices.Sorted(maps.Keys(r.Violations)) }

func (c *check) finish() Report {
	r := &c.report
	r.Accepted, r.Devices = len(c.accepted), len(c.devices)
	for id := range c.refused {
		if _, ok := c.accepted[id]; !ok {
			r.Refused++
		}
	}
	for id := range c.unknown {
		if _, ok := c.accepted[id]; !ok {
			r.Unknown++
			if _, stored := c.stored[id]; stored {
				r.UnknownStored++
			}
		}
	}
	r.Latency = QuantilesOf(c.latencies)
	switch {
	case len(r.Invalid) > 0:
		r.Verdict = Invalid
	case len(r.Violations) > 0:
		r.Verdict = Fail
	default:
		r.Verdict = Pass
	}
	return *r
}
