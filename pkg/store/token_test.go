package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
)

func TestTouchToken(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ada := signUp(t, s, "ada")

		t.Run("moves the expiry by what a use is worth", func(t *testing.T) {
			token := signIn(t, s, chat.Token{UserID: ada.ID, Idle: 48 * time.Hour}, "a", time.Hour)
			touched := touch(t, s, token, "a")
			if left := touched.ExpiresAt.Sub(touched.LastUsed); left.Round(time.Minute) != 48*time.Hour {
				t.Errorf("it lives %v after its use", left)
			}
			if touched.LastUsed.Before(token.LastUsed) || !touched.CreatedAt.Equal(token.CreatedAt) {
				t.Errorf("before %+v, after %+v", token, touched)
			}
		})
		t.Run("leaves a fixed expiry as it is", func(t *testing.T) {
			token := signIn(t, s, chat.Token{UserID: ada.ID}, "b", time.Hour)
			if touched := touch(t, s, token, "b"); !touched.ExpiresAt.Equal(token.ExpiresAt) {
				t.Errorf("before %+v, after %+v", token, touched)
			}
		})
		t.Run("does not bring a token back", func(t *testing.T) {
			expired := signIn(t, s, chat.Token{UserID: ada.ID, Idle: time.Hour}, "c", -time.Second)
			for _, id := range []int64{expired.ID, 4711} {
				if err := s.TouchToken(t.Context(), id); !errors.Is(err, chat.ErrNotFound) {
					t.Errorf("token %d: %v", id, err)
				}
			}
		})
	})
}

func TestListTokens(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ada, bob := signUp(t, s, "ada"), signUp(t, s, "bob")
		phone := signIn(t, s, chat.Token{UserID: ada.ID, Label: "phone"}, "a", time.Hour)
		signIn(t, s, chat.Token{UserID: ada.ID, Label: "expired"}, "b", -time.Second)
		desk := signIn(t, s, chat.Token{UserID: ada.ID, Label: "desk"}, "c", time.Hour)
		his := signIn(t, s, chat.Token{UserID: bob.ID, Label: "his"}, "d", time.Hour)

		if got := listTokens(t, s, ada, 10); !slices.Equal(got, []int64{desk.ID, phone.ID}) {
			t.Errorf("listed %v", got)
		}
		if got := listTokens(t, s, ada, 1); !slices.Equal(got, []int64{desk.ID}) {
			t.Errorf("a page of one is %v", got)
		}
		if err := s.DeleteToken(t.Context(), ada.ID, his.ID); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("she ended his token: %v", err)
		}
		if err := s.DeleteToken(t.Context(), ada.ID, desk.ID); err != nil {
			t.Error(err)
		}
		if got := listTokens(t, s, ada, 10); !slices.Equal(got, []int64{phone.ID}) {
			t.Errorf("left are %v", got)
		}
		if ids, err := s.DeleteTokens(t.Context(), ada.ID, 0); err != nil || len(ids) != 2 { // the expired one too
			t.Errorf("ended %v, %v", ids, err)
		}
		if got := listTokens(t, s, bob, 10); !slices.Equal(got, []int64{his.ID}) {
			t.Errorf("his are %v", got)
		}
	})
}

func TestLiveTokensOfDisabledUsers(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ada := signUp(t, s, "ada")
		token := signIn(t, s, chat.Token{UserID: ada.ID}, "a", time.Hour)
		if live, err := s.LiveTokens(t.Context(), []int64{token.ID}); err != nil || len(live) != 1 {
			t.Errorf("live are %v, %v", live, err)
		}
		if err := s.SetDisabled(t.Context(), ada.ID, true); err != nil {
			t.Fatal(err)
		}
		if live, err := s.LiveTokens(t.Context(), []int64{token.ID}); err != nil || len(live) != 0 {
			t.Errorf("live are %v, %v", live, err)
		}
	})
}

func signIn(t *testing.T, s *store.Store, token chat.Token, secret chat.Secret, ttl time.Duration) chat.Token {
	t.Helper()
	token, err := s.CreateToken(t.Context(), token, chat.DigestOf(secret), ttl)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// touch uses a token and returns it as it is then.
func touch(t *testing.T, s *store.Store, token chat.Token, secret chat.Secret) chat.Token {
	t.Helper()
	if err := s.TouchToken(t.Context(), token.ID); err != nil {
		t.Fatal(err)
	}
	touched, _, err := s.TokenByDigest(t.Context(), chat.DigestOf(secret))
	if err != nil {
		t.Fatal(err)
	}
	return touched
}

func listTokens(t *testing.T, s *store.Store, user chat.User, limit int) []int64 {
	t.Helper()
	tokens, err := s.ListTokens(t.Context(), user.ID, limit)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, token := range tokens {
		ids = append(ids, token.ID)
	}
	return ids
}
