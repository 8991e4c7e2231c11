package trace_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/trace"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestRing(t *testing.T) {
	r := trace.New()
	if _, known := r.Marks("a", 1); known {
		t.Error("an event is known that never passed")
	}
	r.Note("a", 1, trace.Handed, start)
	r.Note("a", 1, trace.Written, start.Add(2))
	r.Note("a", 1, trace.Handed, start.Add(1)) // again, as after a repair
	marks, known := r.Marks("a", 1)
	if !known || !marks[trace.Handed].Equal(start) || !marks[trace.Written].Equal(start.Add(2)) || !marks[trace.Received].IsZero() {
		t.Errorf("%v %v", marks, known)
	}
	if _, known := r.Marks("a", 2); known {
		t.Error("another seq is known")
	}
	if _, known := r.Marks("b", 1); known {
		t.Error("another session is known")
	}
}

// TestRingRemembersTheNewest passes many more Events than it remembers: none is taken for
// another one, and most of the newest are there.
func TestRingRemembersTheNewest(t *testing.T) {
	r := trace.New()
	const many, recent = 100_000, 1000
	for seq := range int64(many) {
		r.Note(fmt.Sprint("room", seq%7), seq, trace.Handed, start.Add(time.Duration(seq)))
	}
	there := 0
	for seq := range int64(many) {
		marks, known := r.Marks(fmt.Sprint("room", seq%7), seq)
		if known && !marks[trace.Handed].Equal(start.Add(time.Duration(seq))) {
			t.Fatalf("event %d has the marks of another one: %v", seq, marks)
		}
		if known && seq >= many-recent {
			there++
		}
	}
	if there < recent*9/10 {
		t.Errorf("%d of the newest %d are there", there, recent)
	}
}

func TestNoRing(t *testing.T) {
	var r *trace.Ring
	r.Note("a", 1, trace.Handed, start)
	if _, known := r.Marks("a", 1); known {
		t.Error("no ring remembers something")
	}
}

// BenchmarkNote is what one Event costs at one place, also while others ask.
func BenchmarkNote(b *testing.B) {
	r := trace.New()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for seq := int64(0); pb.Next(); seq++ {
			r.Note("0123456789abcde", seq, trace.Handed, start)
		}
	})
}
