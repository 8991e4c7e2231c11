package worker

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// onlooker is a connection that counts what it is shown of who is there.
type onlooker struct {
	gws.BuiltinEventHandler
	frames, bytes atomic.Int64
	last          atomic.Int64 // how many are there, as far as it was told by a count
	soonest       atomic.Int64 // the shortest time between two frames, in nanoseconds
	before        time.Time
}

func (o *onlooker) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	var f presenceFrame
	if json.Unmarshal(m.Bytes(), &f) != nil || f.Type != "presence" {
		return
	}
	now := time.Now()
	if gap := int64(now.Sub(o.before)); o.frames.Load() > 0 && (o.soonest.Load() == 0 || gap < o.soonest.Load()) {
		o.soonest.Store(gap)
	}
	o.before = now
	o.frames.Add(1)
	o.bytes.Add(int64(len(m.Bytes())))
	if f.Count > 0 {
		o.last.Store(int64(f.Count))
	}
}

// watch connects an onlooker who watches a session.
func (s *site) watch(t *testing.T, who person, uri string) *onlooker {
	t.Helper()
	o := &onlooker{}
	ws, _, err := gws.NewClient(o, &gws.ClientOption{
		Addr: s.url, RequestHeader: http.Header{"Authorization": {"Token " + string(who.secret)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); ws.ReadLoop() }()
	t.Cleanup(func() { _ = ws.NetConn().Close(); <-done })
	if err := ws.WriteString(fmt.Sprintf(`{"type":"subscribe","sessions":[{"uri":%q}]}`, uri)); err != nil {
		t.Fatal(err)
	}
	return o
}

// present returns how many the worker knows to watch a session.
func (s *site) present(uri string) int {
	p := s.worker.hub.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.sessions[uri]; a != nil {
		return len(a.here)
	}
	return 0
}

// TestPresenceIsNotSquared has a thousand members come one after the other, while one
// that each of them is told of would be half a million frames.
func TestPresenceIsNotSquared(t *testing.T) {
	const members = 1000
	s := startSite(t, storetest.SQLite(t), "memory://", "CHATIRE_RATE_LIMIT=off")
	ada := s.signUp(t, "ada")
	uri := s.room(t, ada)
	session, err := s.Store.LockSession(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	people := []person{ada}
	for i := 1; i < members; i++ {
		p := s.signUp(t, fmt.Sprint("member", i))
		if err := s.Store.AddMember(t.Context(), session.ID, p.User.ID, chat.RoleMember, 1); err != nil {
			t.Fatal(err)
		}
		people = append(people, p)
	}
	began := time.Now()
	var all []*onlooker
	for i, p := range people {
		all = append(all, s.watch(t, p, uri))
		if i%50 == 49 { // no more at once than a slow machine answers in time
			eventually(t, "they are in", func() bool { return s.present(uri) == i+1 })
		}
	}
	for _, o := range all {
		eventually(t, "everybody knows how many are there", func() bool { return o.last.Load() == members })
	}
	took := time.Since(began)
	var frames, bytes int64
	for i, o := range all {
		n := o.frames.Load()
		frames, bytes = frames+n, bytes+o.bytes.Load()
		if most := 2 + int64(took/presenceEvery); n > most {
			t.Errorf("connection %d was shown %d frames in %v", i, n, took)
		}
		if gap := time.Duration(o.soonest.Load()); gap > 0 && gap < presenceEvery*8/10 {
			t.Errorf("connection %d was shown two frames within %v", i, gap)
		}
	}
	t.Logf("%d members came in %v: %d frames (%d KB), %.1f each; naming each to each would be %d",
		members, took.Round(time.Millisecond), frames, bytes>>10, float64(frames)/members, members*(members-1)/2)
	if counted := testutil.ToFloat64(s.worker.metrics.frames[typePresence]); counted < float64(frames) {
		t.Errorf("the metric says %v", counted)
	}
}

// TestTypingIsNotSquared has everybody type at once.
func TestTypingIsNotSquared(t *testing.T) {
	s := startSite(t, storetest.SQLite(t), "memory://", "CHATIRE_RATE_LIMIT=off")
	ada := s.signUp(t, "ada")
	uri := s.room(t, ada)
	devices := []*device{s.connect(t, ada)}
	for i := range 30 {
		p := s.signUp(t, fmt.Sprint("member", i))
		if _, err := s.Chat.AddMember(t.Context(), p.Identity, uri, p.User.Username); err != nil {
			t.Fatal(err)
		}
		devices = append(devices, s.connect(t, p))
	}
	for _, d := range devices {
		d.subscribe(t, uri, -1)
		d.want(t, map[string]any{"type": "subscribed"})
		d.want(t, map[string]any{"type": "caught_up"})
	}
	before := testutil.ToFloat64(s.worker.metrics.frames[typeTyping])
	for _, d := range devices {
		d.send(t, map[string]any{"type": "typing", "uri": uri})
	}
	time.Sleep(500 * time.Millisecond)
	frames := testutil.ToFloat64(s.worker.metrics.frames[typeTyping]) - before
	if most := 2 * typingShown.count * (len(devices) - 1); frames == 0 || frames > float64(most) {
		t.Errorf("%v frames went out for %d who type at once, of which %d are shown", frames, len(devices), typingShown.count)
	}
}

// TestPresenceOfOtherWorkers is for words of another worker: what it said last is
// believed for a while only, and a full list replaces what was lost.
func TestPresenceOfOtherWorkers(t *testing.T) {
	h := &Hub{began: time.Now()}
	p := newPresence(h)
	p.enter("uri", 1)
	p.tell(h.age())
	shown := func() string {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.sessions["uri"].change("uri")
		return fmt.Sprint(ordered(p.sessions["uri"].shown))
	}
	want := func(what, ids string) {
		t.Helper()
		if got := shown(); got != ids {
			t.Errorf("%s there are %s instead of %s", what, got, ids)
		}
	}
	p.hear("b", chat.Presence{URI: "uri", Joined: []int64{2, 3}, Full: true})
	p.hear("c", chat.Presence{URI: "uri", Joined: []int64{3}})
	want("after two have spoken", "[1 2 3]")
	p.hear("b", chat.Presence{URI: "uri", Left: []int64{3}})
	want("as long as one of them has somebody", "[1 2 3]")
	p.hear("c", chat.Presence{URI: "uri", Joined: []int64{4}, Full: true})
	want("after a full list", "[1 2 4]")
	p.sweep(h.age() + presenceLife - time.Second)
	want("while they are believed", "[1 2 4]")
	p.sweep(h.age() + presenceLife + time.Second)
	want("when they have been silent for too long", "[1]")
	p.hear("b", chat.Presence{Ask: []string{"uri"}})
	if words := p.tell(h.age()); len(words) != 1 || !words[0].Full || fmt.Sprint(words[0].Joined) != "[1]" {
		t.Errorf("asked, it says %+v", words)
	}
	p.exit("uri", 1)
	h.began = h.began.Add(-presenceEvery)
	if words := p.tell(h.age()); len(words) != 1 || fmt.Sprint(words[0].Left) != "[1]" {
		t.Errorf("at the end it says %+v", words)
	}
	p.changes(h.age())
	if len(p.sessions)+len(p.dirty) != 0 {
		t.Error("something is left of a session that nobody watches")
	}
}
