package bus

import "sync"

// state is what is up. It tells whoever wants to know.
type state struct {
	metrics *metrics

	// mu guards what follows.
	mu            sync.Mutex
	connected     bool // the publisher has a connection
	blocked       bool // the broker asked the publisher to wait
	subscriptions int  // how many there are
	receiving     int  // how many of them receive
	hooks         []func(up bool)
}

func (s *state) up() (publisher, subscriber bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected && !s.blocked, s.subscriptions > 0 && s.receiving == s.subscriptions
}

func (s *state) onSubscriber(fn func(up bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, fn)
}

// change changes the state under its lock, and the metrics with it.
func (s *state) change(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	s.metrics.connectionUp.WithLabelValues("publisher").Set(number(s.connected))
	if s.subscriptions > 0 {
		s.metrics.connectionUp.WithLabelValues("subscriber").Set(number(s.receiving == s.subscriptions))
	} else {
		s.metrics.connectionUp.DeleteLabelValues("subscriber")
	}
	s.metrics.degraded.Set(number(!s.connected || s.blocked || s.receiving < s.subscriptions))
}

func (s *state) setPublisher(up bool) {
	s.change(func() { s.connected, s.blocked = up, false })
}

func (s *state) setBlocked(blocked bool) {
	s.change(func() { s.blocked = blocked })
}

func (s *state) addSubscription(n int) {
	s.change(func() { s.subscriptions += n })
}

func (s *state) setReceiving(up bool) {
	n := -1
	if up {
		n = 1
	}
	var hooks []func(bool)
	s.change(func() {
		s.receiving += n
		hooks = s.hooks
	})
	for _, hook := range hooks {
		hook(up)
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
