package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

const (
	benchWriters = 64
	benchRounds  = 3
	benchWarm    = 300 * time.Millisecond
	benchTime    = 1500 * time.Millisecond
)

// BenchmarkAppend compares group commit with one transaction for each message, by
// turns on the same rows: 64 writers, texts of 200 bytes, membership and client ids
// checked in both. The targets are 6 times with 1,000 sessions and 20 times with
// one, on PostgreSQL.
func BenchmarkAppend(b *testing.B) {
	for _, sessions := range []int{1000, 1} {
		name := fmt.Sprintf("sessions=%d", sessions)
		b.Run("postgres/"+name, func(b *testing.B) { compareAppends(b, storetest.Postgres(b), sessions) })
		b.Run("sqlite/"+name, func(b *testing.B) { compareAppends(b, storetest.SQLite(b), sessions) })
	}
}

func compareAppends(b *testing.B, url chat.Secret, sessions int) {
	s := storetest.Open(b, url)
	load := newLoad(b, s, sessions)
	grouped := appending(b, s)
	alone := openPlain(b, url)
	var groupRates, aloneRates, ratios []float64
	for range benchRounds {
		g, a := load.rate(b, grouped), load.rate(b, alone.post)
		groupRates, aloneRates, ratios = append(groupRates, g), append(aloneRates, a), append(ratios, g/a)
	}
	b.ReportMetric(0, "ns/op") // N says nothing here
	b.ReportMetric(median(groupRates), "grouped-msg/s")
	b.ReportMetric(median(aloneRates), "alone-msg/s")
	b.ReportMetric(median(ratios), "times")
}

// load is who posts where.
type load struct {
	author   chat.User
	sessions []int64
	keys     atomic.Int64
}

func newLoad(b *testing.B, s *store.Store, sessions int) *load {
	b.Helper()
	l := &load{}
	err := s.InTx(b.Context(), func(tx chat.Store) (err error) {
		l.author, err = tx.CreateUser(b.Context(), chat.User{Username: "ada"})
		return err
	})
	for i := range sessions {
		err = errors.Join(err, s.InTx(b.Context(), func(tx chat.Store) error {
			session, err := tx.CreateSession(b.Context(), fmt.Sprintf("%015x", i), l.author.ID, nil)
			if err != nil {
				return err
			}
			l.sessions = append(l.sessions, session.ID)
			return tx.AddMember(b.Context(), session.ID, l.author.ID, chat.RoleOwner, 1)
		}))
	}
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// next is the next draft, in a random session.
func (l *load) next() chat.Draft {
	key := fmt.Sprintf("key-%d", l.keys.Add(1))
	text := key + strings.Repeat(".", 200-len(key))
	return chat.Draft{
		SessionID: l.sessions[rand.IntN(len(l.sessions))],
		UserID:    l.author.ID,
		ClientID:  &key,
		Body:      text,
		Sum:       chat.SumOf(text),
	}
}

// rate lets all writers post for a while and returns how many messages they had
// stored in a second.
func (l *load) rate(b *testing.B, post func(ctx context.Context, d chat.Draft) error) float64 {
	b.Helper()
	var stored atomic.Int64
	var stop atomic.Bool
	var writers sync.WaitGroup
	for range benchWriters {
		writers.Go(func() {
			for !stop.Load() {
				if err := post(b.Context(), l.next()); err != nil {
					b.Error(err)
					return
				}
				stored.Add(1)
			}
		})
	}
	time.Sleep(benchWarm)
	begin, before := time.Now(), stored.Load()
	time.Sleep(benchTime)
	n, took := stored.Load()-before, time.Since(begin)
	stop.Store(true)
	writers.Wait()
	return float64(n) / took.Seconds()
}

// appending returns how to post through an appender, which runs until the
// benchmark ends.
func appending(b *testing.B, s *store.Store) func(context.Context, chat.Draft) error {
	appender := chat.NewAppender(s, nobody{}, prometheus.NewRegistry())
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = appender.Run(ctx) })
	b.Cleanup(func() {
		stop()
		running.Wait()
	})
	return func(ctx context.Context, d chat.Draft) error {
		outcome, err := appender.Post(ctx, d, chat.Event{})
		if err == nil && outcome.Verdict != chat.Stored {
			err = errors.New("the draft is " + string(outcome.Verdict))
		}
		return err
	}
}

// nobody is who the messages are published to.
type nobody struct{}

func (nobody) PublishEvents([]chat.Event, []chat.Cause) {}
func (nobody) PublishControl(chat.Control)              {}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
