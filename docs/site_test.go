package docs_test

import (
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/boot/boottest"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// site is Chatire as one process, on SQLite.
type site struct {
	*boot.Kit
	url string
}

// startSite runs programs until the test ends.
func startSite(t *testing.T, programs ...boot.New) *site {
	t.Helper()
	s := &site{}
	for i, makeProgram := range programs {
		programs[i] = func(k *boot.Kit) (boot.Program, error) {
			s.Kit = k
			return makeProgram(k)
		}
	}
	s.url = boottest.Start(t, boottest.Options{Database: storetest.SQLite(t), Programs: programs}).URL
	return s
}

// awaitSubscriber waits until the worker receives from the bus.
func (s *site) awaitSubscriber(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if _, subscriber := s.Bus.Up(); subscriber {
			return
		}
	}
	t.Fatal("the worker does not receive from the bus")
}
