// Package history is what clients, devices and faults of a run did, line by line,
// and a checker that judges whether the promise held.
//
// A history is any number of files of JSON lines. Each line has the monotonic time
// in nanoseconds (t), the name of who writes (p), a number of the line from 0 (n), and
// what happened (e): see [Kind]. Devices write what they received before they look at
// it themselves. At the end the whole Log of each Session is written as well, and the
// checker compares everything with it.
package history
