package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// silent publishes to nobody.
type silent struct{ chat.Publisher }

func (silent) PublishControl(chat.Control) {}

// administered returns a service on a store, and a context in which somebody
// administers.
func administered(t *testing.T, s *store.Store) (*chat.Service, context.Context) {
	t.Helper()
	service := chat.New(chat.Options{Store: s, Publisher: silent{}, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)})
	return service, chat.WithAdmin(t.Context(), chat.Admin{Actor: "local:root", Origin: "here"})
}

// act does n things to ada that are noted.
func act(t *testing.T, service *chat.Service, ctx context.Context, n int) {
	t.Helper()
	for i := range n {
		do := service.DisableUser
		if i%2 == 1 {
			do = service.EnableUser
		}
		if err := do(ctx, "ada"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAuditFindsWhatWasChanged(t *testing.T) {
	// shift moves the rows from a seq on by some, one after the other.
	shift := func(from, to, by int) (statements []string) {
		seqs := []int{}
		for seq := from; seq <= to; seq++ {
			seqs = append(seqs, seq)
		}
		for i := range seqs {
			seq := seqs[i]
			if by > 0 {
				seq = seqs[len(seqs)-1-i]
			}
			statements = append(statements, fmt.Sprintf("UPDATE audit SET seq = %d WHERE seq = %d", seq+by, seq))
		}
		return statements
	}
	const insert = `INSERT INTO audit (seq, at, actor, origin, operation, target, was, became, request_id, hash)
		SELECT %d, at, 'nobody', origin, operation, target, was, became, request_id, hash FROM audit WHERE seq = 1`
	for name, c := range map[string]struct {
		statements []string
		fault      string
	}{
		"an edited actor":           {[]string{`UPDATE audit SET actor = 'somebody else' WHERE seq = 4`}, "entry 4 was edited"},
		"an edited time":            {[]string{`UPDATE audit SET at = (SELECT at FROM audit WHERE seq = 1) WHERE seq = 9`}, "entry 9 was edited"},
		"an edited hash":            {[]string{`UPDATE audit SET hash = 'x' WHERE seq = 4`}, "entry 4"},
		"words moved between two":   {[]string{`UPDATE audit SET actor = actor || 'h', origin = 'ere' WHERE seq = 4`}, "entry 4 was edited"},
		"a deleted one":             {[]string{`DELETE FROM audit WHERE seq = 4`}, "entry 4 was removed"},
		"the first deleted":         {[]string{`DELETE FROM audit WHERE seq = 1`}, "entry 1 was removed"},
		"a deleted one, closed up":  {append([]string{`DELETE FROM audit WHERE seq = 4`}, append(shift(5, 10, -1), `UPDATE audit_head SET seq = 9`)...), "entry 4 was removed"},
		"an inserted one":           {append(shift(5, 10, 1), fmt.Sprintf(insert, 5)), "entry 5 was inserted"},
		"one appended":              {[]string{fmt.Sprintf(insert, 11)}, "entry 11"},
		"a truncated tail":          {[]string{`DELETE FROM audit WHERE seq > 7`}, "entry 8 is missing"},
		"a truncated tail and head": {[]string{`DELETE FROM audit WHERE seq > 7`, `UPDATE audit_head SET seq = 7, hash = (SELECT hash FROM audit WHERE seq = 7)`}, "entry 8 is missing: entry 10 was logged"},
		"all of it":                 {[]string{`DELETE FROM audit`, `UPDATE audit_head SET seq = 0, hash = ''`}, "entry 1 is missing: entry 10 was logged"},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, url chat.Secret) {
				s := storetest.Open(t, url)
				signUp(t, s, "ada")
				service, ctx := administered(t, s)
				act(t, service, ctx, 10)
				logged, err := chat.VerifyAudit(ctx, service)
				if err != nil || logged.Seq != 10 {
					t.Fatalf("before: %v, %v", logged, err)
				}
				execute(t, rawly(t, url), c.statements...)
				_, err = chat.VerifyAudit(ctx, service, logged)
				if fault, ok := errors.AsType[chat.AuditFault](err); !ok || !strings.HasPrefix(fault.Error(), c.fault) {
					t.Errorf("it finds %v, want %s", err, c.fault)
				}
			})
		})
	}
}

func TestAuditStaysOneChain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url chat.Secret) {
		s := storetest.Open(t, url)
		service, ctx := administered(t, s)
		for i := range 20 {
			signUp(t, s, fmt.Sprintf("user%d", i))
		}
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if err := service.DisableUser(ctx, fmt.Sprintf("user%d", i)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if head, err := chat.VerifyAudit(ctx, service); err != nil || head.Seq != 20 {
			t.Errorf("the chain ends at %v, %v", head, err)
		}
		entries, err := service.Audit(ctx, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for i, e := range entries {
			if i > 0 && e.At.Before(entries[i-1].At) {
				t.Errorf("entry %d is older than the one before", e.Seq)
			}
			seen[e.Target] = true
		}
		if len(seen) != 20 {
			t.Errorf("%d users are noted", len(seen))
		}
	})
}

func TestAuditNotesNothingThatWasNotDone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url chat.Secret) {
		s := storetest.Open(t, url)
		signUp(t, s, "ada")
		service, ctx := administered(t, s)
		if err := service.DisableUser(ctx, "nobody"); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("nobody was disabled: %v", err)
		}
		if err := service.DisableUser(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
		if head, err := service.AuditHead(ctx); err != nil || head != (chat.AuditHead{}) {
			t.Errorf("the head is %v, %v", head, err)
		}
	})
}
