package conversations_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

// seesOnline waits until a device shows exactly these people to be there.
func (d *device) seesOnline(uri string, people ...*person) {
	d.t.Helper()
	var want []int64
	for _, p := range people {
		want = append(want, p.id)
	}
	slices.Sort(want)
	eventually(d.t, fmt.Sprintf("%s sees %v online", d.owner.name, want), func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return slices.Equal(slices.Sorted(maps.Keys(d.online[uri])), want)
	})
}

func TestPresence(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob, eve := s.signUp("ada"), s.signUp("bob"), s.signUp("eve")
		room := ada.open(bob, eve)
		adas, alsoAdas := ada.devices(room)
		adas.seesOnline(room, ada)
		alsoAdas.seesOnline(room, ada)
		time.Sleep(1100 * time.Millisecond) // there is one frame a second

		ctx, leave := context.WithCancel(t.Context())
		began := time.Now()
		bobs, gone := bob.run(ctx, 1, room)
		adas.seesOnline(room, ada, bob)
		t.Logf("online after %v", time.Since(began).Round(time.Millisecond))
		alsoAdas.seesOnline(room, ada, bob)
		bobs.seesOnline(room, ada, bob)
		t.Logf("and knew who was there after %v", time.Since(began).Round(time.Millisecond))

		t.Run("of two devices is one", func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			other, gone := bob.run(ctx, 0, room)
			other.seesOnline(room, ada, bob)
			leave()
			<-gone
			time.Sleep(1500 * time.Millisecond) // longer than changes are gathered
			adas.seesOnline(room, ada, bob)
		})
		t.Run("ends at once for who leaves", func(t *testing.T) {
			began := time.Now()
			leave()
			<-gone
			adas.seesOnline(room, ada)
			alsoAdas.seesOnline(room, ada)
			t.Logf("offline after %v", time.Since(began).Round(time.Millisecond))
		})
		t.Run("ends for who is removed", func(t *testing.T) {
			eves := eve.device(1, room)
			eves.seesOnline(room, ada, eve)
			adas.seesOnline(room, ada, eve)
			must(t, ada.Remove(t.Context(), room, "eve"))
			adas.seesOnline(room, ada)
			eves.mu.Lock()
			frames := eves.presence
			eves.mu.Unlock()
			bob.device(0, room)
			adas.seesOnline(room, ada, bob)
			eves.mu.Lock()
			defer eves.mu.Unlock()
			if eves.presence != frames {
				t.Error("who was removed is told who is there")
			}
		})
	})
}

func TestTyping(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob := s.signUp("ada"), s.signUp("bob")
		room := ada.open(bob)
		adas, alsoAdas := ada.devices(room)
		bobs, alsoBobs := bob.devices(room)
		for _, d := range []*device{adas, alsoAdas, bobs, alsoBobs} {
			d.seesOnline(room, ada, bob)
		}
		typed := func(d *device) int {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.typing[room+" bob"]
		}
		bobs.Typing(room)
		for _, d := range []*device{adas, alsoAdas} {
			eventually(t, "ada sees bob type", func() bool { return typed(d) == 1 })
		}
		bobs.Typing(room) // too soon to be passed on
		time.Sleep(1100 * time.Millisecond)
		bobs.Typing(room)
		eventually(t, "ada sees bob type again", func() bool { return typed(adas) == 2 })
		if typed(bobs)+typed(alsoBobs) != 0 {
			t.Error("bob is shown that he types")
		}
	})
}
