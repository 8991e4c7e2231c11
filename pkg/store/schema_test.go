package store_test

import (
	"testing"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// TestKeysAreTheDatabases goes around the store: what can be asked for twice is
// refused by a key, not by whoever looks before.
func TestKeysAreTheDatabases(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url chat.Secret) {
		db := rawly(t, url)
		execute := func(statement string) error {
			_, err := db.ExecContext(t.Context(), statement)
			return err
		}
		for _, row := range []struct{ name, first, second string }{
			{"a name",
				`INSERT INTO users (id, username, username_key, email, email_key, password) VALUES (1, 'Ada', 'ada', '', '', '')`,
				`INSERT INTO users (id, username, username_key, email, email_key, password) VALUES (2, 'ADA', 'ada', '', '', '')`},
			{"a token",
				`INSERT INTO tokens (user_id, digest, label, idle_seconds, expires_at) VALUES (1, 'a', '', 0, '2100-01-01T00:00:00.000Z')`,
				`INSERT INTO tokens (user_id, digest, label, idle_seconds, expires_at) VALUES (1, 'a', '', 0, '2100-01-01T00:00:00.000Z')`},
			{"a uri",
				`INSERT INTO sessions (id, uri, owner_id) VALUES (1, 'a', 1)`,
				`INSERT INTO sessions (id, uri, owner_id) VALUES (2, 'a', 1)`},
			{"a session's client id",
				`INSERT INTO sessions (id, uri, owner_id, client_id) VALUES (3, 'c', 1, 'k')`,
				`INSERT INTO sessions (id, uri, owner_id, client_id) VALUES (4, 'd', 1, 'k')`},
			{"a member",
				`INSERT INTO members (session_id, user_id, role, joined_seq) VALUES (1, 1, 'owner', 1)`,
				`INSERT INTO members (session_id, user_id, role, joined_seq) VALUES (1, 1, 'member', 2)`},
			{"a seq",
				`INSERT INTO events (session_id, seq, type, user_id, rev, ordinal, created_at) VALUES (1, 1, 'joined', 1, 1, 0, '2020-01-01')`,
				`INSERT INTO events (session_id, seq, type, user_id, rev, ordinal, created_at) VALUES (1, 1, 'title', 1, 1, 0, '2020-01-01')`},
			{"a message's client id",
				`INSERT INTO events (session_id, seq, type, user_id, client_id, rev, ordinal, created_at) VALUES (1, 2, 'message', 1, 'k', 2, 1, '2020-01-01')`,
				`INSERT INTO events (session_id, seq, type, user_id, client_id, rev, ordinal, created_at) VALUES (1, 3, 'message', 1, 'k', 3, 2, '2020-01-01')`},
			{"the installation",
				`UPDATE installation SET epoch = epoch`,
				`INSERT INTO installation (id, epoch) VALUES (2, 'another')`},
		} {
			if err := execute(row.first); err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
			if err := execute(row.second); err == nil {
				t.Errorf("%s is there twice", row.name)
			}
		}
		if err := execute(`INSERT INTO tokens (user_id, digest, label, idle_seconds, expires_at)
			VALUES (4711, 'b', '', 0, '2100-01-01T00:00:00.000Z')`); isPostgres(url) && err == nil {
			t.Error("a token belongs to nobody")
		}
	})
}
