//go:build !unix

package history

import "time"

var started = time.Now()

// now is monotonic within a process only: histories of several processes do not
// compare on this system.
func now() int64 { return started.UnixNano() + int64(time.Since(started)) }
