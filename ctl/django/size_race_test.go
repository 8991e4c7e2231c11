//go:build race

package django_test

// large is smaller under the race detector, which makes a password's digest take five
// times as long. The other size is tested without it: see the Makefile.
var large = size{users: 60, sessions: 20, members: 10, messages: 3000}
