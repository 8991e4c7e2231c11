package chat_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
)

const (
	taken     = "A user with that username already exists."
	badName   = "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters."
	badEmail  = "Enter a valid email address."
	tooShort  = "This password is too short. It must contain at least 8 characters."
	tooCommon = "This password is too common."
	numeric   = "This password is entirely numeric."
)

func TestSignUp(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		w.signUp(t, "ada")

		t.Run("keeps the normal form of name and address", func(t *testing.T) {
			u, err := w.SignUp(t.Context(), chat.NewUser{Username: "ｇrace", Email: "Grace@EXAMPLE.com", Password: password})
			if err != nil {
				t.Fatal(err)
			}
			if u.Username != "grace" || u.Email != "Grace@example.com" || u.ID == 0 {
				t.Errorf("got %+v", u)
			}
		})

		t.Run("makes nobody an administrator", func(t *testing.T) {
			_, err := w.SignUp(t.Context(), chat.NewUser{Username: "mallory", Password: password, Admin: true})
			if err != nil {
				t.Fatal(err)
			}
			if u, err := w.UserNamed(t.Context(), "mallory"); err != nil || u.Admin {
				t.Errorf("got %+v, %v", u, err)
			}
		})

		before := w.users(t)
		refusals := []struct {
			name string
			in   chat.NewUser
			want map[string][]string
		}{
			{"a taken name", chat.NewUser{Username: "ada", Password: password}, map[string][]string{"username": {taken}}},
			{"another case of it", chat.NewUser{Username: "ADA", Password: password}, map[string][]string{"username": {taken}}},
			{"its look-alike", chat.NewUser{Username: "ａda", Password: password}, map[string][]string{"username": {taken}}},
			{"a space behind it", chat.NewUser{Username: "ada ", Password: password}, map[string][]string{"username": {badName}}},
			{"a short password", chat.NewUser{Username: "u1", Password: "x7k!q"}, map[string][]string{"password": {tooShort}}},
			{"a common password", chat.NewUser{Username: "u1", Password: "Password123"}, map[string][]string{"password": {tooCommon}}},
			{"a numeric password", chat.NewUser{Username: "u1", Password: "8264017395"}, map[string][]string{"password": {numeric}}},
			{"a password with all faults", chat.NewUser{Username: "12345", Password: "12345"}, map[string][]string{
				"password": {"The password is too similar to the username.", tooShort, tooCommon, numeric},
			}},
			{"a password like the address", chat.NewUser{Username: "u1", Email: "zebracrossing@example.com", Password: "zebracrossing1"},
				map[string][]string{"password": {"The password is too similar to the email address."}}},
			{"an address that is none", chat.NewUser{Username: "u1", Email: "nope", Password: password}, map[string][]string{"email": {badEmail}}},
			{"all faulty fields at once, and does not yet weigh the password",
				chat.NewUser{Username: "ada", Email: "nope", Password: "12345"},
				map[string][]string{"email": {badEmail}, "username": {taken}}},
			{"an address that is too long", chat.NewUser{Username: "u1", Email: "a@" + strings.Repeat("b.", 130) + "com", Password: password},
				map[string][]string{"email": {"Ensure this field has no more than 254 characters."}}},
			{"NUL in a password", chat.NewUser{Username: "u1", Password: password + "\x00"},
				map[string][]string{"password": {"Null characters are not allowed."}}},
		}
		for _, r := range refusals {
			t.Run("refuses "+r.name, func(t *testing.T) {
				_, err := w.SignUp(t.Context(), r.in)
				wantFields(t, err, r.want)
				if err != nil && strings.Contains(err.Error(), string(r.in.Password)) {
					t.Errorf("the refusal repeats the password: %v", err)
				}
			})
		}
		if after := w.users(t); after != before {
			t.Errorf("refused sign-ups made %d accounts", after-before)
		}
	})
}

func TestSignUpRefusesALongPasswordBeforeHashingIt(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		for _, size := range []int{chat.MaxPassword + 1, 60 << 10} {
			_, err := w.SignUp(t.Context(), chat.NewUser{Username: "ada", Password: chat.Secret(strings.Repeat("x9", size)[:size])})
			wantFields(t, err, map[string][]string{"password": {"Ensure this field has no more than 1024 bytes."}})
		}
		if n := w.hashes(t); n != 0 {
			t.Errorf("%v hashes were computed", n)
		}
	})
}

func TestSignUpOfOneNameInParallel(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		errs := make([]error, 100)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				name := []string{"ada", "Ada"}[i%2]
				_, errs[i] = w.SignUp(t.Context(), chat.NewUser{Username: name, Password: password})
			})
		}
		all.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
				continue
			}
			wantFields(t, err, map[string][]string{"username": {taken}})
		}
		if made != 1 || w.users(t) != 1 {
			t.Errorf("%d sign-ups succeeded and there are %d accounts", made, w.users(t))
		}
	})
}

func TestSignUpWhereRegistrationIsClosed(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store, func(o *chat.Options) { o.RegistrationClosed = true })
		_, err := w.SignUp(t.Context(), chat.NewUser{Username: "ada", Password: password})
		wantCode(t, err, chat.Forbidden)
		if _, err := w.CreateUser(t.Context(), chat.NewUser{Username: "ada", Password: password}); err != nil {
			t.Errorf("an administrator cannot make accounts: %v", err)
		}
	})
}

func TestRename(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		w.signUp(t, "bob")
		w.signUp(t, "ada")
		ada, secret := w.signIn(t, "ada", password)

		t.Run("says all that is wrong at once", func(t *testing.T) {
			err := w.Rename(t.Context(), ada, "a b", "nope")
			wantFields(t, err, map[string][]string{"new_username": {badName}, "current_password": {"Invalid password."}})
		})
		for _, name := range []string{"bob", "BOB", "ada"} {
			t.Run("refuses the taken name "+name, func(t *testing.T) {
				wantFields(t, w.Rename(t.Context(), ada, name, password), map[string][]string{"new_username": {taken}})
			})
		}
		t.Run("takes another case of the own name", func(t *testing.T) {
			if err := w.Rename(t.Context(), ada, "Ada", password); err != nil {
				t.Fatal(err)
			}
		})
		t.Run("counts at once", func(t *testing.T) {
			if err := w.Rename(t.Context(), ada, "ｌovelace", password); err != nil {
				t.Fatal(err)
			}
			if who := w.identity(t, secret); who.User.Username != "lovelace" {
				t.Errorf("the token is still of %q", who.User.Username)
			}
			w.signIn(t, "lovelace", password)
			_, _, err := w.SignIn(t.Context(), "ada", password, "")
			wantCode(t, err, chat.Invalid)
		})
	})
}

func TestChangeEmail(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		ada := w.signUp(t, "ada")
		for _, email := range []string{"Ada@New.Example.com", ""} {
			if u, err := w.ChangeEmail(t.Context(), ada, email); err != nil || u.Email != email {
				t.Errorf("%q: got %+v, %v", email, u, err)
			}
			if u, err := w.Me(t.Context(), ada); err != nil || u.Email != email {
				t.Errorf("%q is not kept: got %+v, %v", email, u, err)
			}
		}
		_, err := w.ChangeEmail(t.Context(), ada, "nope")
		wantFields(t, err, map[string][]string{"email": {badEmail}})
	})
}

func TestBootstrap(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		w.signUp(t, "ada")
		root, err := w.Bootstrap(t.Context(), chat.NewUser{Username: "root", Password: password})
		if err != nil || !root.Admin {
			t.Fatalf("got %+v, %v", root, err)
		}
		_, err = w.Bootstrap(t.Context(), chat.NewUser{Username: "second", Password: password})
		if !errors.Is(err, chat.ErrAdminExists) || w.users(t) != 2 {
			t.Errorf("got %v, and there are %d accounts", err, w.users(t))
		}
	})
}
