package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

func TestTransactions(t *testing.T) {
	eachDialect(t, func(t *testing.T, s *store.Store) {
		ada := signUp(t, s, "ada")
		room := openSession(t, s, ada)
		title := func() string {
			m, err := s.Membership(t.Context(), room.URI, ada.ID)
			if err != nil {
				t.Fatal(err)
			}
			return m.Session.Title
		}

		t.Run("commit nothing after a statement that was refused", func(t *testing.T) {
			err := s.InTx(t.Context(), func(tx chat.Store) error {
				if err := tx.SetTitle(t.Context(), room.ID, "half"); err != nil {
					return err
				}
				_, _ = tx.CreateUser(t.Context(), chat.User{Username: "ADA"})
				return nil // as if nothing had happened
			})
			if !errors.Is(err, chat.ErrUsernameTaken) || title() != "" {
				t.Errorf("got %v, the title is %q", err, title())
			}
		})
		t.Run("go on after something was not found", func(t *testing.T) {
			err := s.InTx(t.Context(), func(tx chat.Store) error {
				if _, err := tx.UserByName(t.Context(), "nobody"); !errors.Is(err, chat.ErrNotFound) {
					t.Errorf("got %v", err)
				}
				return tx.SetTitle(t.Context(), room.ID, "whole")
			})
			if err != nil || title() != "whole" {
				t.Errorf("got %v, the title is %q", err, title())
			}
		})
		t.Run("leave nothing behind when they panic", func(t *testing.T) {
			func() {
				defer func() { _ = recover() }()
				_ = s.InTx(t.Context(), func(tx chat.Store) error {
					_ = tx.SetTitle(t.Context(), room.ID, "broken")
					panic("a bug")
				})
			}()
			if err := s.SetTitle(t.Context(), room.ID, "after"); err != nil || title() != "after" {
				t.Errorf("got %v, the title is %q", err, title())
			}
		})
		t.Run("do not nest", func(t *testing.T) {
			err := s.InTx(t.Context(), func(tx chat.Store) error {
				if _, err := tx.AppendMessages(t.Context(), []chat.Draft{draft(room, ada, "hi", nil)}); err == nil {
					t.Error("an append of its own ran inside")
				}
				return tx.InTx(t.Context(), func(chat.Store) error { return nil })
			})
			if err == nil {
				t.Error("a transaction ran inside another")
			}
		})
	})
}

// TestTransactionsDoNotWaitLong holds what a transaction needs for longer than
// anybody waits for an answer.
func TestTransactionsDoNotWaitLong(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url chat.Secret) {
		s := storetest.Open(t, url)
		room := openSession(t, s, signUp(t, s, "ada"))
		holder, err := rawly(t, url).Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer holder.Rollback()
		if _, err := holder.Exec(`UPDATE sessions SET title = 'held'`); err != nil {
			t.Fatal(err)
		}
		rename := func(tx chat.Store) error {
			if _, err := tx.LockSession(t.Context(), room.URI); err != nil {
				return err
			}
			return tx.SetTitle(t.Context(), room.ID, "mine")
		}
		begun := time.Now()
		err = s.InTx(t.Context(), rename)
		if took := time.Since(begun); !errors.Is(err, chat.ErrUnavailable) || took > 2*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		if err := holder.Rollback(); err != nil {
			t.Fatal(err)
		}
		if err := s.InTx(t.Context(), rename); err != nil {
			t.Errorf("once it is free: %v", err)
		}
	})
}

// TestDeadlocksAreTriedAgain lets two transactions wait for each other.
func TestDeadlocksAreTriedAgain(t *testing.T) {
	s := storetest.Open(t, storetest.Postgres(t))
	ada := signUp(t, s, "ada")
	one, two := openSession(t, s, ada), openSession(t, s, ada)
	holdsOne, holdsTwo := make(chan struct{}), make(chan struct{})
	both := func(first, second chat.Session, mine, other chan struct{}) error {
		tries := 0
		return s.InTx(t.Context(), func(tx chat.Store) error {
			if _, err := tx.LockSession(t.Context(), first.URI); err != nil {
				return err
			}
			if tries++; tries == 1 {
				close(mine)
				<-other
			}
			_, err := tx.LockSession(t.Context(), second.URI)
			return err
		})
	}
	results := make(chan error, 2)
	go func() { results <- both(one, two, holdsOne, holdsTwo) }()
	go func() { results <- both(two, one, holdsTwo, holdsOne) }()
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}
