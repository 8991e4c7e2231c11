package bus

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/chatire/chatire/pkg/telemetry"
)

// Traces of the Events in a pack travel beside it in headers, which whoever does not
// know them lets be.
const (
	// parentHeader is W3C's, of the first Event that is traced, for tools at the broker.
	// Nobody of ours reads it, since it could be anybody's.
	parentHeader = "traceparent"

	// tracesHeader is what workers believe: for each Event its place in the pack, counted
	// from 0, and its traceparent, as in 3=00-…-01; and last a signature that is of this
	// pack only.
	tracesHeader = "chatire-traces"

	// maxTraces bounds the Events of one pack whose traces go on; those of others end
	// here. maxTracesHeader is more than so many take.
	maxTraces       = 8
	maxTracesHeader = 1 << 10
)

// traced is an Event in a pack that is traced.
type traced struct {
	event int // its place
	span  *telemetry.Span
}

// Trace is where the trace of an Event in a [Pack] goes on.
type Trace struct {
	Event int // its place in Events
	Mark  *telemetry.Mark
}

// TraceOf returns where the trace of an Event goes on, nil if it is not traced.
func (p *Pack) TraceOf(event int) *telemetry.Mark {
	for _, t := range p.Traces {
		if t.Event == event {
			return t.Mark
		}
	}
	return nil
}

// headers returns what travels beside a pack, nil if nothing.
func (s *sealer) headers(body []byte, all []traced) message.Metadata {
	if len(all) == 0 {
		return nil
	}
	var list []string
	for _, t := range all[:min(len(all), maxTraces)] {
		list = append(list, fmt.Sprintf("%d=%s", t.event, telemetry.Format(*t.span.Parent())))
	}
	text := strings.Join(list, " ")
	sealed := s.seal(tracesText(body, text))
	return message.Metadata{
		parentHeader: telemetry.Format(*all[0].span.Parent()),
		tracesHeader: text + " " + hex.EncodeToString(sealed[len(sealed)-macBytes:]),
	}
}

// tracesText is what is signed: no pack begins like it, and each has its own.
func tracesText(body []byte, text string) []byte {
	return fmt.Appendf(nil, "traces of %x: %s", body[len(body)-macBytes:], text)
}

// readTraces returns the places and traceparents that a header has for a pack, nothing
// if it is not signed for that pack.
func (s *sealer) readTraces(body []byte, header string) []string {
	end := strings.LastIndexByte(header, ' ')
	if end < 0 || len(header) > maxTracesHeader {
		return nil
	}
	text := header[:end]
	mac, err := hex.DecodeString(header[end+1:])
	if err != nil || len(mac) != macBytes || !s.verify(append(tracesText(body, text), mac...)) {
		return nil
	}
	return strings.Fields(text)
}

// receive adds to a pack where its traces go on, each after the span of its receipt.
func (b *Bus) receive(p *Pack, body []byte, header string, began time.Time) {
	for _, entry := range b.sealer.readTraces(body, header) {
		place, traceparent, _ := strings.Cut(entry, "=")
		event, err := strconv.Atoi(place)
		parent, ok := telemetry.Parse(traceparent)
		if err == nil && ok {
			p.Traces = append(p.Traces, Trace{event, b.tracer.Receive(parent, b.wire.place(), len(p.Events), began)})
		}
	}
}
