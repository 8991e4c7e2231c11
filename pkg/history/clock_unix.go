//go:build unix

package history

import "golang.org/x/sys/unix"

// now is the machine's monotonic clock in nanoseconds, the same for every process.
func now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // every system that builds this has the clock
	}
	return t.Nano()
}
