package chat_test

import (
	"context"
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

const (
	badUID  = "Invalid user id or user doesn't exist."
	badCode = "Invalid token for given user."
)

var linkPattern = regexp.MustCompile(`https://chat\.example\.com/reset/([^/\s]+)/(\S+)\n`)

// askReset asks for a new password and returns what the link in the mail says.
func askReset(t *testing.T, w *world, email string) (uid, code, to string) {
	t.Helper()
	if err := w.RequestReset(t.Context(), email); err != nil {
		t.Fatal(err)
	}
	m := w.mails.Next(t)
	link := linkPattern.FindStringSubmatch(m.Text)
	if link == nil {
		t.Fatalf("no link in %q", m.Text)
	}
	return link[1], link[2], m.To
}

func uidOf(id int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(id, 10)))
}

func TestReset(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store).run(t)
		w.signUp(t, "ada")
		ada, secret := w.signIn(t, "ada", password)
		w.told.take()

		t.Run("sets the password once", func(t *testing.T) {
			uid, code, to := askReset(t, w, "ADA@Example.com")
			if to != "ada@example.com" || uid != uidOf(ada.User.ID) {
				t.Errorf("the mail went to %q with uid %q", to, uid)
			}
			if err := w.ConfirmReset(t.Context(), uid, code, newPassword); err != nil {
				t.Fatal(err)
			}
			w.wantDead(t, secret)
			wantControl(t, w, ada.User.ID)
			w.signIn(t, "ada", newPassword)
			err := w.ConfirmReset(t.Context(), uid, code, "another-staple-8")
			wantFields(t, err, map[string][]string{"non_field_errors": {badCode}})
		})

		t.Run("weighs the password", func(t *testing.T) {
			uid, code, _ := askReset(t, w, "ada@example.com")
			err := w.ConfirmReset(t.Context(), uid, code, "12345")
			wantFields(t, err, map[string][]string{"new_password": {tooShort, tooCommon, numeric}})
			err = w.ConfirmReset(t.Context(), uid, code, "ada@example")
			wantFields(t, err, map[string][]string{"new_password": {"The password is too similar to the email address."}})
			err = w.ConfirmReset(t.Context(), uid, "x-y", "ada@example")
			wantFields(t, err, map[string][]string{"non_field_errors": {badCode}}) // and not what it resembles
			if err := w.ConfirmReset(t.Context(), uid, code, password); err != nil {
				t.Errorf("a refused password used the code up: %v", err)
			}
		})

		ends := []struct {
			name string
			end  func() error
		}{
			{"another address", func() error { _, err := w.ChangeEmail(t.Context(), ada, "ada@new.example"); return err }},
			{"a sign-in", func() error { _, _, err := w.SignIn(t.Context(), "ada", password, ""); return err }},
			{"another password", func() error { return w.SetUserPassword(t.Context(), "ada", password) }},
			{"being disabled", func() error { return w.DisableUser(t.Context(), "ada") }},
		}
		for _, e := range ends {
			t.Run("ends with "+e.name, func(t *testing.T) {
				me, err := w.Me(t.Context(), ada)
				if err != nil {
					t.Fatal(err)
				}
				uid, code, _ := askReset(t, w, me.Email)
				time.Sleep(2 * time.Millisecond) // SQLite keeps a sign-in to the millisecond
				if err := e.end(); err != nil {
					t.Fatal(err)
				}
				err = w.ConfirmReset(t.Context(), uid, code, newPassword)
				wantFields(t, err, map[string][]string{"non_field_errors": {badCode}})
				wantFields(t, w.Activate(t.Context(), uid, code), map[string][]string{"non_field_errors": {badCode}})
			})
		}
	})
}

func TestResetTellsNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store).run(t)
		w.signUp(t, "ada")
		w.signUp(t, "off")
		if err := w.DisableUser(t.Context(), "off"); err != nil {
			t.Fatal(err)
		}
		for _, email := range []string{"nobody@example.com", "off@example.com"} {
			if err := w.RequestReset(t.Context(), email); err != nil {
				t.Errorf("%s: %v", email, err)
			}
		}
		if _, _, to := askReset(t, w, "ada@example.com"); to != "ada@example.com" || w.mails.Count() > 0 {
			t.Errorf("a mail went to %q, and %d more came", to, w.mails.Count())
		}
		wantFields(t, w.RequestReset(t.Context(), "nope"), map[string][]string{"email": {badEmail}})
	})
}

// later is a Store whose clock is ahead.
type later struct {
	chat.Store
	by time.Duration
}

func (s *later) Now(ctx context.Context) (time.Time, error) {
	now, err := s.Store.Now(ctx)
	return now.Add(s.by), err
}

func TestLinks(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store).run(t)
		ada := w.signUp(t, "ada")
		bob := w.signUp(t, "bob")
		uid, code, _ := askReset(t, w, "ada@example.com")

		t.Run("of an active account activate nothing", func(t *testing.T) {
			err := w.Activate(t.Context(), uid, code)
			wantCode(t, err, chat.Forbidden)
			if err == nil || err.Error() != "Stale token for given user." {
				t.Errorf("got %v", err)
			}
		})

		for name, bad := range map[string]string{
			"that is missing": "", "without a time": strings.Split(code, "-")[1], "of another time": "1" + code,
			"that was changed": code[:len(code)-1] + "x", "in upper case": strings.ToUpper(code), "that is long": strings.Repeat("z-", 5000),
		} {
			t.Run("refuse a code "+name, func(t *testing.T) {
				err := w.ConfirmReset(t.Context(), uid, bad, newPassword)
				wantFields(t, err, map[string][]string{"non_field_errors": {badCode}})
				wantFields(t, w.Activate(t.Context(), uid, bad), map[string][]string{"non_field_errors": {badCode}})
			})
		}

		t.Run("are for one account", func(t *testing.T) {
			err := w.ConfirmReset(t.Context(), uidOf(bob.User.ID), code, newPassword)
			wantFields(t, err, map[string][]string{"non_field_errors": {badCode}})
		})

		t.Run("are signed with the installation's secret", func(t *testing.T) {
			other := newWorld(t, store, func(o *chat.Options) { o.Secret = "another secret of at least 32 characters" })
			err := other.ConfirmReset(t.Context(), uid, code, newPassword)
			wantFields(t, err, map[string][]string{"non_field_errors": {badCode}})
		})

		t.Run("end after a day of the database's clock", func(t *testing.T) {
			for by, want := range map[time.Duration]string{24*time.Hour - time.Minute: "stale", 24*time.Hour + time.Minute: "bad", -time.Hour: "bad"} {
				err := newWorld(t, &later{store, by}).Activate(t.Context(), uid, code)
				if got := map[chat.Code]string{chat.Forbidden: "stale", chat.Invalid: "bad"}[chat.CodeOf(err)]; got != want {
					t.Errorf("after %v: got %v", by, err)
				}
			}
		})

		for _, bad := range []string{"", "AAAA", "!!!", uidOf(ada.User.ID + 1000), uidOf(-1), uid + "x", base64.RawURLEncoding.EncodeToString([]byte("99999999999999999999"))} {
			t.Run("refuse the uid "+bad, func(t *testing.T) {
				wantFields(t, w.Activate(t.Context(), bad, code), map[string][]string{"uid": {badUID}})
				err := w.ConfirmReset(t.Context(), bad, code, chat.Secret(strings.Repeat("x", 2000)))
				wantFields(t, err, map[string][]string{"uid": {badUID}, "new_password": {"Ensure this field has no more than 1024 bytes."}})
			})
		}
	})
}

func TestResetQueueIsBounded(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store) // does not run: nothing leaves the queue
		for range 256 {
			if err := w.RequestReset(t.Context(), "nobody@example.com"); err != nil {
				t.Fatal(err)
			}
		}
		wantCode(t, w.RequestReset(t.Context(), "nobody@example.com"), chat.Unavailable)
	})
}
