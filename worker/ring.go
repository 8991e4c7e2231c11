package worker

import "time"

const (
	// ringFrames and ringBytes bound the last frames of one Session that are kept for
	// those who are a little behind.
	ringFrames = 64
	ringBytes  = 64 << 10

	// keptBytes bounds the frames that a process keeps for all Sessions, in rings and
	// aside. What finds no room is read from the Log by whoever needs it.
	keptBytes = 64 << 20

	// ringIdle is how long a ring outlives its last frame where room is short.
	ringIdle = 10 * time.Second
)

// ring is the last frames of a Session, without a hole and up to its head. The
// cursor's lock guards it.
type ring struct {
	budget *budget
	frames []frame
	bytes  int64
	pushed time.Time // when the last frame came
}

// push adds the frame that is the new head. Where there is no room for it the ring
// is empty after that.
func (r *ring) push(f frame) {
	if !r.budget.take(f) {
		r.clear()
		return
	}
	r.pushed = time.Now()
	r.frames = append(r.frames, f)
	r.bytes += f.size()
	drop := 0
	for len(r.frames)-drop > ringFrames || r.bytes > ringBytes && len(r.frames)-drop > 1 {
		r.bytes -= r.frames[drop].size()
		r.budget.give(r.frames[drop].size())
		drop++
	}
	if drop > 0 {
		kept := copy(r.frames, r.frames[drop:])
		clear(r.frames[kept:])
		r.frames = r.frames[:kept]
	}
}

// last returns the n newest frames, if it has so many.
func (r *ring) last(n int64) ([]frame, bool) {
	if n > int64(len(r.frames)) {
		return nil, false
	}
	return r.frames[int64(len(r.frames))-n:], true
}

// clear gives up all frames.
func (r *ring) clear() {
	r.budget.give(r.bytes)
	r.frames, r.bytes = nil, 0
}

// clearIdle gives up the frames of a Session where nothing has come for a while.
func (r *ring) clearIdle() {
	if len(r.frames) > 0 && time.Since(r.pushed) > ringIdle {
		r.clear()
	}
}
