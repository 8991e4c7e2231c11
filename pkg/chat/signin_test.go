package chat_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/chatire/chatire/pkg/chat"
)

func TestSignIn(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		w.signUp(t, "ada")

		t.Run("gives a new token each time", func(t *testing.T) {
			_, first := w.signIn(t, "ada", password)
			_, second := w.signIn(t, "ada", password)
			if first == second || !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(string(first)) {
				t.Errorf("got %q and %q", string(first), string(second))
			}
			if _, _, err := store.TokenByDigest(t.Context(), chat.DigestOf(first)); err != nil {
				t.Errorf("the digest is not what is stored: %v", err)
			}
		})

		t.Run("cleans the label", func(t *testing.T) {
			_, u, err := w.SignIn(t.Context(), "ada", password, " my\x1b[31m \n phone "+strings.Repeat("x", 200))
			if err != nil {
				t.Fatal(err)
			}
			tokens, err := w.Tokens(t.Context(), chat.Identity{User: u})
			if err != nil {
				t.Fatal(err)
			}
			if label := tokens[0].Label; !strings.HasPrefix(label, "my[31m  phone x") || len(label) != 100 {
				t.Errorf("the label is %q", label)
			}
		})
	})
}

func TestSignInRefusals(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		w.signUp(t, "ada")
		w.signUp(t, "off")
		if err := w.DisableUser(t.Context(), "off"); err != nil {
			t.Fatal(err)
		}
		tests := []struct {
			name, user string
			password   chat.Secret
		}{
			{"a wrong password", "ada", "not-this-one"},
			{"no password", "ada", ""},
			{"an unknown user", "nobody", password},
			{"no user", "", password},
			{"a disabled user", "off", password},
			{"another case", "ADA", password},
			{"a look-alike", "ａda", password},
			{"SQL", "' OR 1=1--", password},
			{"NUL", "ada\x00", password},
			{"line breaks", "ada\r\nx: y", password},
			{"bad UTF-8", "ada\xff", password},
		}
		for _, tt := range tests {
			t.Run(tt.name+" costs one hash and tells nothing", func(t *testing.T) {
				before, refused := w.hashes(t), w.metric(t, "chatire_sign_ins_total", "refused")
				_, _, err := w.SignIn(t.Context(), tt.user, tt.password, "")
				wantFields(t, err, map[string][]string{"non_field_errors": {"Unable to login with provided credentials."}})
				if n := w.hashes(t) - before; n != 1 {
					t.Errorf("%v hashes were computed", n)
				}
				if n := w.metric(t, "chatire_sign_ins_total", "refused") - refused; n != 1 {
					t.Errorf("counted %v times", n)
				}
			})
		}
		t.Run("a password that is too long costs none", func(t *testing.T) {
			before := w.hashes(t)
			for _, name := range []string{"ada", "nobody"} {
				_, _, err := w.SignIn(t.Context(), name, chat.Secret(strings.Repeat("x", 60<<10)), "")
				wantCode(t, err, chat.Invalid)
			}
			if n := w.hashes(t) - before; n != 0 {
				t.Errorf("%v hashes were computed", n)
			}
		})
	})
}

func TestSignInIsBounded(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		w.signUp(t, "ada")
		var in, busy atomic.Int64
		var all sync.WaitGroup
		for range 400 {
			all.Go(func() {
				_, _, err := w.SignIn(t.Context(), "ada", password, "")
				refusal, refused := errors.AsType[*chat.Error](err)
				switch {
				case err == nil:
					in.Add(1)
				case refused && refusal.Code == chat.Unavailable && refusal.RetryAfter > 0:
					busy.Add(1)
				default:
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if in.Load() == 0 || busy.Load() == 0 {
			t.Errorf("of 400 sign-ins %d came through and %d were asked to come back", in.Load(), busy.Load())
		}
		w.signIn(t, "ada", password) // all places were given back
	})
}

// overtaken is a Store in which something happens before each transaction.
type overtaken struct {
	chat.Store
	before func()
}

func (s *overtaken) InTx(ctx context.Context, fn func(chat.Store) error) error {
	s.before()
	return s.Store.InTx(ctx, fn)
}

func TestSignInOvertaken(t *testing.T) {
	changes := map[string]func(ctx context.Context, w *world) error{
		"by another password": func(ctx context.Context, w *world) error { return w.SetUserPassword(ctx, "ada", "battery-staple-7") },
		"by being disabled":   func(ctx context.Context, w *world) error { return w.DisableUser(ctx, "ada") },
	}
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		w.signUp(t, "ada")
		for name, change := range changes {
			t.Run(name, func(t *testing.T) {
				if err := w.EnableUser(t.Context(), "ada"); err != nil {
					t.Fatal(err)
				}
				if err := w.SetUserPassword(t.Context(), "ada", password); err != nil {
					t.Fatal(err)
				}
				slow := newWorld(t, &overtaken{store, func() {
					if err := change(t.Context(), w); err != nil {
						t.Error(err)
					}
				}})
				_, _, err := slow.SignIn(t.Context(), "ada", password, "")
				wantCode(t, err, chat.Invalid)
				if tokens, err := w.UserTokens(t.Context(), "ada"); err != nil || len(tokens) > 0 {
					t.Errorf("the old password left %d tokens, %v", len(tokens), err)
				}
			})
		}
	})
}

func TestSignInRenewsAnOldDigest(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		salt := []byte("salt of old days")
		cheap := fmt.Sprintf("$argon2id$v=19$m=64,t=1,p=1$%s$%s", base64.RawStdEncoding.EncodeToString(salt),
			base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), salt, 1, 64, 1, 32)))
		if _, err := store.CreateUser(t.Context(), chat.User{Username: "ada", Password: chat.Secret(cheap)}); err != nil {
			t.Fatal(err)
		}
		w.signIn(t, "ada", password)
		renewed, err := w.UserNamed(t.Context(), "ada")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(renewed.Password), "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("the digest is %q", string(renewed.Password))
		}
		w.signIn(t, "ada", password)
		if again, err := w.UserNamed(t.Context(), "ada"); err != nil || again.Password != renewed.Password {
			t.Errorf("a digest of today was renewed, %v", err)
		}
	})
}

func TestAuthenticate(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		w.signUp(t, "ada")
		_, secret := w.signIn(t, "ada", password)

		for name, bad := range map[string]chat.Secret{
			"nothing":      "",
			"an unknown":   "0123456789012345678901234567890123456789",
			"upper case":   chat.Secret(strings.ToUpper(string(secret))),
			"a space":      secret + " ",
			"SQL":          "' OR 1=1--",
			"NUL":          "\x00",
			"a long text":  chat.Secret(strings.Repeat("a", 5<<10)),
			"the digest":   chat.Secret(fmt.Sprintf("%x", chat.DigestOf(secret))),
			"half of it":   secret[:20],
			"twice as big": secret + secret,
		} {
			t.Run("refuses "+name, func(t *testing.T) { w.wantDead(t, bad) })
		}

		t.Run("refuses one that has expired", func(t *testing.T) {
			short, _, err := w.IssueToken(t.Context(), "ada", "short", time.Second)
			if err != nil {
				t.Fatal(err)
			}
			w.identity(t, short)
			eventually(t, "the token expires", func() bool {
				_, err := w.Authenticate(t.Context(), short)
				return errors.Is(err, chat.ErrInvalidToken)
			})
		})

		t.Run("sees what another process ended", func(t *testing.T) {
			other := newWorld(t, store)
			who, secret := w.signIn(t, "ada", password)
			other.identity(t, secret)
			if err := w.SignOut(t.Context(), who); err != nil {
				t.Fatal(err)
			}
			w.wantDead(t, secret)
			begun := time.Now()
			eventually(t, "the other process notices", func() bool {
				_, err := other.Authenticate(t.Context(), secret)
				return errors.Is(err, chat.ErrInvalidToken)
			})
			if took := time.Since(begun); took > time.Second {
				t.Errorf("that took %v", took)
			}
		})
	})
}

// counting is a Store that counts how often a token was looked up and touched, and
// in which all were last used long ago.
type counting struct {
	chat.Store
	asked, touched atomic.Int64
}

func (s *counting) TokenByDigest(ctx context.Context, d chat.Digest) (chat.Token, chat.User, error) {
	s.asked.Add(1)
	token, user, err := s.Store.TokenByDigest(ctx, d)
	token.LastUsed = token.LastUsed.Add(-2 * time.Hour)
	return token, user, err
}

func (s *counting) TouchToken(ctx context.Context, id int64) error {
	s.touched.Add(1)
	return s.Store.TouchToken(ctx, id)
}

func TestAuthenticateSparesTheDatabase(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		counted := &counting{Store: store}
		w := newWorld(t, counted).run(t)
		w.signUp(t, "ada")
		_, secret := w.signIn(t, "ada", password)
		asked := counted.asked.Load()
		for range 100 {
			w.identity(t, secret)
		}
		if n := counted.asked.Load() - asked; n > 2 {
			t.Errorf("the database was asked %d times", n)
		}
		eventually(t, "the use is written down", func() bool { return counted.touched.Load() > 0 })
	})
}

func TestTokens(t *testing.T) {
	eachStore(t, func(t *testing.T, store chat.Store) {
		w := newWorld(t, store)
		w.signUp(t, "bob")
		w.signUp(t, "ada")
		ada, secret := w.signIn(t, "ada", password)
		other, otherSecret := w.signIn(t, "ada", password)
		bob, _ := w.signIn(t, "bob", password)
		w.told.take()

		t.Run("of others cannot be ended", func(t *testing.T) {
			if err := w.RevokeToken(t.Context(), bob, ada.Token.ID); !errors.Is(err, chat.ErrNotFound) {
				t.Errorf("got %v", err)
			}
			if _, controls := w.told.take(); len(controls) > 0 {
				t.Errorf("workers were told %+v", controls)
			}
		})

		t.Run("end at once and workers are told", func(t *testing.T) {
			if err := w.RevokeToken(t.Context(), ada, other.Token.ID); err != nil {
				t.Fatal(err)
			}
			w.wantDead(t, otherSecret)
			wantControl(t, w, ada.User.ID, other.Token.ID)
			w.identity(t, secret)
			if err := w.RevokeToken(t.Context(), ada, other.Token.ID); !errors.Is(err, chat.ErrNotFound) {
				t.Errorf("again: got %v", err)
			}
		})

		t.Run("end by signing out, once", func(t *testing.T) {
			if err := w.SignOut(t.Context(), ada); err != nil {
				t.Fatal(err)
			}
			w.wantDead(t, secret)
			wantControl(t, w, ada.User.ID, ada.Token.ID)
			if err := w.SignOut(t.Context(), ada); !errors.Is(err, chat.ErrInvalidToken) {
				t.Errorf("again: got %v", err)
			}
		})
	})
}

// wantControl fails unless workers were told just that these tokens of a user ended;
// no ids stand for all.
func wantControl(t *testing.T, w *world, userID int64, tokenIDs ...int64) {
	t.Helper()
	_, controls := w.told.take()
	if len(controls) != 1 || controls[0].Kind != chat.ControlTokens || controls[0].UserID != userID ||
		fmt.Sprint(controls[0].TokenIDs) != fmt.Sprint(tokenIDs) {
		t.Errorf("workers were told %+v, want the end of %v of user %d", controls, tokenIDs, userID)
	}
}
