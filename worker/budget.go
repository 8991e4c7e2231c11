package worker

import "sync/atomic"

// frameOverhead is about what a frame takes beside its text, in bytes.
const frameOverhead = 128

// size is what a frame counts in a budget.
func (f frame) size() int64 { return int64(len(f.wire)) + frameOverhead }

// budget bounds the bytes of the frames that are kept in many places together.
type budget struct {
	most int64
	kept atomic.Int64
}

// take makes room for a frame, if there is some.
func (b *budget) take(f frame) bool {
	if n := f.size(); b.kept.Add(n) > b.most {
		b.kept.Add(-n)
		return false
	}
	return true
}

// give gives room back.
func (b *budget) give(bytes int64) { b.kept.Add(-bytes) }

// isShort says that more than half of it is taken.
func (b *budget) isShort() bool { return b.kept.Load() > b.most/2 }
