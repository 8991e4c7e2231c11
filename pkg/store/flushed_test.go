package store_test

import (
	"testing"

	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// TestCommitsAreFlushed looks at the setting where it counts: on the connections that
// commit.
func TestCommitsAreFlushed(t *testing.T) {
	s := storetest.Open(t, storetest.Postgres(t))
	ada := signUp(t, s, "ada")
	post(t, s, openSession(t, s, ada), ada, "opens the appender's connection", nil)
	for _, kind := range []string{"chatire", "chatire-append"} {
		if got := store.Setting(t, s, kind, "synchronous_commit"); got != "on" {
			t.Errorf("%s: synchronous_commit is %s", kind, got)
		}
	}
}
