//go:build !race

package django_test

// large is the size of an installation that is worth moving.
var large = size{users: 1000, sessions: 200, members: 10, messages: 50_000}
