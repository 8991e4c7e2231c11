package store_test

import (
	"errors"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// TestLostCommit cuts the connection when the answer to a COMMIT is due. It was
// committed, and to run it again would do it twice.
func TestLostCommit(t *testing.T) {
	proxy := startProxy(t, storetest.Postgres(t))
	s := storetest.Open(t, proxy.url)
	room := openSession(t, s, signUp(t, s, "ada"))
	runs := 0
	err := s.InTx(t.Context(), func(tx chat.Store) error {
		runs++
		err := tx.SetTitle(t.Context(), room.ID, "kept")
		proxy.deaf.Store(true)
		return err
	})
	if !errors.Is(err, chat.ErrUnavailable) || runs != 1 {
		t.Errorf("after %d runs: %v", runs, err)
	}
	proxy.deaf.Store(false)
	wantBack(t, s)
	m, err := s.Membership(t.Context(), room.URI, room.OwnerID)
	if err != nil || m.Session.Title != "kept" {
		t.Errorf("the session is %+v, %v", m.Session, err)
	}
}
