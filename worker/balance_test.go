package worker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

func TestExcess(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		what   string
		own    int
		others []int
		least  int
		most   int
	}{
		{"is nothing for a worker alone", 1000, nil, 0, 0},
		{"is nothing within the spread", 110, []int{90}, 0, 0},
		{"is nothing below the mean", 10, []int{200}, 0, 0},
		{"is nothing where there are few", 12, []int{0}, 0, 0},
		{"is a share where the mean is far away", 1000, []int{1000, 0}, 20, 20},
		{"is no more than what is above the mean", 1000, []int{990, 700}, 20, 20},
		{"ends at the mean", 115, []int{85}, 2, 2},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := newBalance()
			for i, n := range c.others {
				b.hear(fmt.Sprint(i), chat.Load{Connections: n}, now)
			}
			if n := b.excess(c.own, now); n < c.least || n > c.most {
				t.Errorf("got %d, want %d to %d", n, c.least, c.most)
			}
		})
	}
	t.Run("forgets a worker that says nothing", func(t *testing.T) {
		b := newBalance()
		b.hear("gone", chat.Load{}, now)
		if n := b.excess(1000, now.Add(loadFresh+1)); n != 0 || len(b.others) != 0 {
			t.Errorf("got %d, and it knows %v", n, b.others)
		}
	})
	t.Run("of a fraction adds up", func(t *testing.T) {
		b, sum := newBalance(), 0
		for range 100 {
			b.hear("other", chat.Load{Connections: 0}, now)
			n := b.excess(30, now) // 0.6 a second
			if n > 1 {
				t.Fatalf("%d at once", n)
			}
			sum += n
		}
		if sum < 45 || sum > 60 {
			t.Errorf("%d in 100 seconds", sum)
		}
	})
}

// TestBalanceSettles has two full workers and an empty one, behind an address that
// picks any of them, come into balance and stay there.
func TestBalanceSettles(t *testing.T) {
	worst := 0
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		counts := []int{300, 300, 0}
		balances := []*balance{newBalance(), newBalance(), newBalance()}
		now, calm, second := time.Now(), 0, 0
		for ; calm < 30; second++ {
			if second == 300 {
				t.Fatalf("seed %d: still %v after 300 s", seed, counts)
			}
			shed := make([]int, len(counts))
			for i, b := range balances {
				for j, n := range counts {
					if i != j {
						b.hear(fmt.Sprint(j), chat.Load{Connections: n}, now)
					}
				}
				shed[i] = b.excess(counts[i], now)
				if allowed := max(1, float64(counts[i])*shedShare); float64(shed[i]) > allowed {
					t.Fatalf("seed %d: %d of %d in a second", seed, shed[i], counts[i])
				}
			}
			calm++
			for i, n := range shed {
				counts[i] -= n
				for range n {
					counts[random.IntN(len(counts))]++
					calm = 0
				}
			}
			now = now.Add(time.Second)
		}
		if most := slices.Max(counts); float64(most) > 200*(1+spreadAllowed) {
			t.Errorf("seed %d: settled at %v", seed, counts)
		}
		worst = max(worst, second)
	}
	t.Logf("settled for 30 s after %d s at most", worst)
}

func TestShedding(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://", "CHATIRE_RATE_LIMIT=off")
	ada := s.signUp(t, "ada")
	const open = 60
	devices := make([]*device, open)
	for i := range devices {
		devices[i] = s.connect(t, ada)
	}
	s.worker.hub.balance.hear("another", chat.Load{Connections: 0}, time.Now().Add(time.Hour)) // it stays
	gone := 0
	eventually(t, "as many went as are above the spread", func() bool {
		gone = 0
		for _, d := range devices {
			if len(d.closed) > 0 {
				gone++
			}
		}
		// The mean of n and 0 is n/2, so all above balanceFrom go; a few are enough here.
		return gone >= 2
	})
	told := 0
	for _, d := range devices {
		select {
		case c := <-d.closed:
			if c.code != closeRestart {
				t.Errorf("closed with %d", c.code)
			}
			if f := <-d.frames; f["type"] != "drain" {
				t.Errorf("before that came %v", f)
			}
			told++
		default:
		}
	}
	if told < gone {
		t.Errorf("%d went, %d were told", gone, told)
	}
}
