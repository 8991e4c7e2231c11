package chat_test

import (
	"testing"

	"github.com/chatire/chatire/pkg/chat"
)

const newPassword = "battery-staple-7"

func TestChangePassword(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		w.signUp(t, "ada")
		ada, secret := w.signIn(t, "ada", password)
		other, otherSecret := w.signIn(t, "ada", password)

		t.Run("refuses a wrong current password first", func(t *testing.T) {
			err := w.ChangePassword(t.Context(), ada, "12345", "nope")
			wantFields(t, err, map[string][]string{"current_password": {"Invalid password."}})
		})
		t.Run("refuses a weak password", func(t *testing.T) {
			err := w.ChangePassword(t.Context(), ada, "12345", password)
			wantFields(t, err, map[string][]string{"new_password": {tooShort, tooCommon, numeric}})
		})
		t.Run("refuses one like the name", func(t *testing.T) {
			err := w.ChangePassword(t.Context(), ada, "ada@example", password)
			wantFields(t, err, map[string][]string{"new_password": {"The password is too similar to the email address."}})
		})
		w.identity(t, otherSecret)
		w.told.take()

		t.Run("ends all other tokens", func(t *testing.T) {
			// the sign-up's token is the first of them
			tokens, err := w.Tokens(t.Context(), ada)
			if err != nil || len(tokens) != 3 {
				t.Fatalf("%d tokens, %v", len(tokens), err)
			}
			if err := w.ChangePassword(t.Context(), ada, newPassword, password); err != nil {
				t.Fatal(err)
			}
			w.wantDead(t, otherSecret)
			w.identity(t, secret)
			_, controls := w.told.take()
			if len(controls) != 1 || len(controls[0].TokenIDs) != 2 || controls[0].UserID != other.User.ID {
				t.Errorf("workers were told %+v", controls)
			}
			if n := w.metric(t, "chatire_tokens_revoked_total", ""); n != 2 {
				t.Errorf("%v ends were counted", n)
			}
			w.signIn(t, "ada", newPassword)
			_, _, err = w.SignIn(t.Context(), "ada", password, "")
			wantCode(t, err, chat.Invalid)
		})

		t.Run("tells nobody where no other token was", func(t *testing.T) {
			bob := w.signUp(t, "bob")
			w.told.take()
			if err := w.ChangePassword(t.Context(), bob, newPassword, password); err != nil {
				t.Fatal(err)
			}
			if _, controls := w.told.take(); len(controls) > 0 {
				t.Errorf("workers were told %+v, which ends what was spared", controls)
			}
		})
	})
}

func TestAdministratorsEndTokens(t *testing.T) {
	ends := []struct {
		name string
		end  func(t *testing.T, w *world) error
	}{
		{"by a password they set", func(t *testing.T, w *world) error { return w.SetUserPassword(t.Context(), "ada", newPassword) }},
		{"by disabling the user", func(t *testing.T, w *world) error { return w.DisableUser(t.Context(), "ada") }},
		{"by ending all", func(t *testing.T, w *world) error { return w.RevokeUserTokens(t.Context(), "ada") }},
	}
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		w.signUp(t, "ada")
		for _, e := range ends {
			t.Run(e.name, func(t *testing.T) {
				if err := w.EnableUser(t.Context(), "ada"); err != nil {
					t.Fatal(err)
				}
				secret, token, err := w.IssueToken(t.Context(), "ada", "bot", 0)
				if err != nil {
					t.Fatal(err)
				}
				w.identity(t, secret)
				w.told.take()
				if err := e.end(t, w); err != nil {
					t.Fatal(err)
				}
				w.wantDead(t, secret)
				wantControl(t, w, token.UserID)
				if err := w.EnableUser(t.Context(), "ada"); err != nil {
					t.Fatal(err)
				}
				w.wantDead(t, secret) // being enabled does not bring tokens back
			})
		}

		t.Run("one by one", func(t *testing.T) {
			secret, token, err := w.IssueToken(t.Context(), "ada", "bot", 0)
			if err != nil {
				t.Fatal(err)
			}
			w.told.take()
			if err := w.RevokeUserToken(t.Context(), "ada", token.ID); err != nil {
				t.Fatal(err)
			}
			w.wantDead(t, secret)
			wantControl(t, w, token.UserID, token.ID)
			wantCode(t, w.RevokeUserToken(t.Context(), "ada", token.ID), chat.NotFound)
		})

		t.Run("and are told of users that do not exist", func(t *testing.T) {
			wantCode(t, w.DisableUser(t.Context(), "nobody"), chat.NotFound)
			wantCode(t, w.EnableUser(t.Context(), "nobody"), chat.NotFound)
			wantCode(t, w.SetUserPassword(t.Context(), "nobody", password), chat.NotFound)
			wantCode(t, w.RevokeUserTokens(t.Context(), "nobody"), chat.NotFound)
			_, _, err := w.IssueToken(t.Context(), "nobody", "", 0)
			wantCode(t, err, chat.NotFound)
		})
	})
}
