package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
)

func TestUserChanges(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ada, bob := signUp(t, s, "ada"), signUp(t, s, "bob")
		if ada.LastSeen != nil || ada.Admin || ada.Disabled {
			t.Errorf("a new account is %+v", ada)
		}
		for _, err := range []error{
			s.SetEmail(ctx, ada.ID, "Ada@Example.org"),
			s.SetUsername(ctx, ada.ID, "ADA"), // another spelling of her own name
			s.SetPassword(ctx, ada.ID, "other digest"),
			s.SetAdmin(ctx, ada.ID, true),
			s.SetDisabled(ctx, ada.ID, true),
			s.Seen(ctx, ada.ID),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		now, err := s.Now(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.User(ctx, ada.ID)
		if err != nil || got.Email != "Ada@Example.org" || got.Username != "ADA" || got.Password != "other digest" ||
			!got.Admin || !got.Disabled || got.LastSeen == nil {
			t.Fatalf("got %+v, %v", got, err)
		}
		if since := now.Sub(*got.LastSeen); since < 0 || since.Minutes() > 1 {
			t.Errorf("seen %v ago", since)
		}
		if err := s.SetUsername(ctx, bob.ID, "aDa"); !errors.Is(err, chat.ErrUsernameTaken) {
			t.Errorf("a taken name: %v", err)
		}
		if err := s.DeleteUser(ctx, bob.ID); err != nil {
			t.Fatal(err)
		}
		for _, id := range []int64{bob.ID, 4711} {
			for name, err := range map[string]error{
				"email":    s.SetEmail(ctx, id, "x@example.org"),
				"username": s.SetUsername(ctx, id, "x"),
				"password": s.SetPassword(ctx, id, "x"),
				"admin":    s.SetAdmin(ctx, id, true),
				"disabled": s.SetDisabled(ctx, id, false),
				"seen":     s.Seen(ctx, id),
				"delete":   s.DeleteUser(ctx, id),
			} {
				if !errors.Is(err, chat.ErrNotFound) {
					t.Errorf("%s of account %d, which is gone: %v", name, id, err)
				}
			}
		}
	})
}

func TestUsersByEmail(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		for i := range 12 {
			u, err := s.CreateUser(t.Context(), chat.User{Username: fmt.Sprint("user", i), Email: "Shared@Example.com"})
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				if err := s.SetDisabled(t.Context(), u.ID, true); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := s.CreateUser(t.Context(), chat.User{Username: "without"}); err != nil {
			t.Fatal(err)
		}
		found, err := s.UsersByEmail(t.Context(), "sHARED@eXAMPLE.COM")
		if err != nil || len(found) != 10 || found[0].Username != "user1" {
			t.Errorf("%d accounts, %v", len(found), err)
		}
		if found, err := s.UsersByEmail(t.Context(), ""); err != nil || len(found) != 0 {
			t.Errorf("no address belongs to %+v, %v", found, err)
		}
	})
}

func TestListUsers(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		for _, name := range []string{"ada", "bob", "cyd", "dan"} {
			signUp(t, s, name)
		}
		bob, err := s.UserByName(t.Context(), "bob")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteUser(t.Context(), bob.ID); err != nil {
			t.Fatal(err)
		}
		var names []string
		for after := int64(0); ; {
			page, err := s.ListUsers(t.Context(), after, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, u := range page {
				names, after = append(names, u.Username), u.ID
			}
		}
		if got := strings.Join(names, " "); got != "ada cyd dan" {
			t.Errorf("listed %s", got)
		}
	})
}

func TestDeleteUserEndsTokens(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ada := signUp(t, s, "ada")
		room := openSession(t, s, ada)
		post(t, s, room, ada, "hi", nil)
		if _, err := s.CreateToken(t.Context(), chat.Token{UserID: ada.ID}, chat.DigestOf("secret"), 1e12); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteUser(t.Context(), ada.ID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.TokenByDigest(t.Context(), chat.DigestOf("secret")); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("her token: %v", err)
		}
		e, err := s.Event(t.Context(), room.ID, 2)
		if err != nil || e.Body != "hi" || e.User.ID != ada.ID || e.User.Username != "" {
			t.Errorf("her message is %+v, %v", e, err)
		}
	})
}

func TestHasAdmin(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ada := signUp(t, s, "ada")
		want := func(want bool) {
			t.Helper()
			if has, err := s.HasAdmin(t.Context()); err != nil || has != want {
				t.Errorf("has an admin: %v, %v", has, err)
			}
		}
		want(false)
		if err := s.SetAdmin(t.Context(), ada.ID, true); err != nil {
			t.Fatal(err)
		}
		want(true)
		if err := s.SetDisabled(t.Context(), ada.ID, true); err != nil {
			t.Fatal(err)
		}
		want(false)
	})
}

// TestOneFirstAdmin asks in one transaction while another has asked, and has not
// done yet what it will do about the answer.
func TestOneFirstAdmin(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		second := make(chan bool, 1)
		var asking sync.WaitGroup
		defer asking.Wait()
		err := s.InTx(t.Context(), func(tx chat.Store) error {
			if has, err := tx.HasAdmin(t.Context()); has || err != nil {
				return errors.Join(errors.New("there is one already"), err)
			}
			asking.Go(func() {
				err := s.InTx(t.Context(), func(tx chat.Store) error {
					has, err := tx.HasAdmin(t.Context())
					second <- has
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
			select {
			case has := <-second:
				second <- has
				t.Error("the second did not wait for the first")
			case <-time.After(100 * time.Millisecond):
			}
			_, err := tx.CreateUser(t.Context(), chat.User{Username: "root", Admin: true})
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if has := <-second; !has {
			t.Error("the second would make another administrator")
		}
	})
}
