package worker

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/bus/bustest"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// live subscribes from the head and waits until the device is caught up.
func (d *device) live(t *testing.T, uri string) {
	t.Helper()
	d.subscribe(t, uri, -1)
	d.want(t, map[string]any{"type": "subscribed", "uri": uri})
	d.want(t, map[string]any{"type": "caught_up", "uri": uri})
}

func TestRemoval(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob, cleo := s.signUp(t, "ada"), s.signUp(t, "bob"), s.signUp(t, "cleo")

		t.Run("ends the subscription at its seq, on every device of theirs only", func(t *testing.T) {
			room, other := s.room(t, ada, bob, cleo), s.room(t, ada, bob)
			phone, laptop, watch := s.connect(t, bob), s.connect(t, bob), s.connect(t, cleo)
			for _, d := range []*device{phone, laptop, watch} {
				d.live(t, room)
			}
			phone.live(t, other)
			before := s.post(t, ada, room, "before").Seq
			if err := s.Chat.RemoveMember(t.Context(), ada.Identity, room, "bob"); err != nil {
				t.Fatal(err)
			}
			s.post(t, ada, room, "after")
			for _, d := range []*device{phone, laptop} {
				d.wantEvents(t, room, before, before)
				d.want(t, map[string]any{"type": "unsubscribed", "uri": room, "reason": "removed"})
			}
			watch.wantEvents(t, room, before, before+2)
			phone.quiet(t)
			e := s.post(t, ada, other, "elsewhere")
			phone.wantEvents(t, other, e.Seq, e.Seq)
			laptop.quiet(t)
			laptop.subscribe(t, room, 0)
			laptop.want(t, map[string]any{"type": "error", "code": "not_found"})
		})
		t.Run("ends what is behind at once", func(t *testing.T) {
			room := s.room(t, ada, bob)
			for range ringFrames {
				s.post(t, ada, room, "text")
			}
			open := s.log.shut()
			defer open()
			d := s.connect(t, bob)
			d.subscribe(t, room, 0)
			d.want(t, map[string]any{"type": "subscribed", "from": "log"})
			eventually(t, "it reads the log", func() bool { return s.log.waiting.Load() > 0 })
			if err := s.Chat.RemoveMember(t.Context(), ada.Identity, room, "bob"); err != nil {
				t.Fatal(err)
			}
			d.want(t, map[string]any{"type": "unsubscribed", "uri": room, "reason": "removed"})
			open()
			d.quiet(t)
		})
		t.Run("cuts a device off that does not take what it was sent", func(t *testing.T) {
			room := s.room(t, ada, bob)
			d := s.connect(t, bob)
			d.live(t, room)
			defer d.sleep()()
			s.fill(t, ada, room, bob)
			if err := s.Chat.RemoveMember(t.Context(), ada.Identity, room, "bob"); err != nil {
				t.Fatal(err)
			}
			s.wantGone(t, bob)
		})
		t.Run("is history for a member who came back", func(t *testing.T) {
			room := s.room(t, ada, bob)
			if err := s.Chat.RemoveMember(t.Context(), bob.Identity, room, "bob"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Chat.AddMember(t.Context(), bob.Identity, room, "bob"); err != nil {
				t.Fatal(err)
			}
			d := s.connect(t, bob)
			d.subscribe(t, room, 0)
			d.want(t, map[string]any{"type": "subscribed", "head": 4})
			d.wantEvents(t, room, 1, 2)
			d.want(t, map[string]any{"seq": 3, "event": "left"})
			d.wantEvents(t, room, 4, 4)
			d.want(t, map[string]any{"type": "caught_up", "seq": 4})
		})
		t.Run("of one's own ends with left", func(t *testing.T) {
			room := s.room(t, ada, bob)
			d := s.connect(t, bob)
			d.live(t, room)
			if err := s.Chat.RemoveMember(t.Context(), bob.Identity, room, "bob"); err != nil {
				t.Fatal(err)
			}
			d.want(t, map[string]any{"type": "unsubscribed", "uri": room, "reason": "left"})
		})
	})
}

// fill posts until the device of a user, which reads nothing, is blocked.
func (s *site) fill(t *testing.T, author person, room string, reader person) {
	t.Helper()
	socket := s.worker.hub.ofUser(reader.User.ID)[0].socket
	if err := socket.Conn.(*net.TCPConn).SetWriteBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("x", 2500)
	eventually(t, "its socket is full", func() bool {
		s.post(t, author, room, text)
		return socket.isBlocked()
	})
}

// wantGone checks that a user's connections are gone sooner than a peer that does not
// read is given up.
func (s *site) wantGone(t *testing.T, who person) {
	t.Helper()
	begun := time.Now()
	eventually(t, "the connection is gone", func() bool { return len(s.worker.hub.ofUser(who.User.ID)) == 0 })
	if took := time.Since(begun); took > writePatience/2 {
		t.Errorf("it took %v", took)
	}
}

func TestRevocation(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada := s.signUp(t, "ada")
		second := s.signIn(t, ada.User)
		kept, lost := s.connect(t, ada), s.connect(t, second)
		if err := s.Chat.RevokeToken(t.Context(), ada.Identity, second.Token.ID); err != nil {
			t.Fatal(err)
		}
		lost.wantClosed(t, closeSignedOut)
		kept.wantNotice(t, chat.NoticeTokens)
		kept.quiet(t)
		t.Run("is found by the probe if nobody says so", func(t *testing.T) {
			third := s.signIn(t, ada.User)
			d := s.connect(t, third)
			if err := s.Store.DeleteToken(t.Context(), ada.User.ID, third.Token.ID); err != nil {
				t.Fatal(err)
			}
			d.wantClosed(t, closeSignedOut)
		})
		t.Run("cuts a device off that does not take what it was sent", func(t *testing.T) {
			fourth := s.signIn(t, s.signUp(t, "bob").User)
			room := s.room(t, ada, fourth)
			d := s.connect(t, fourth)
			d.live(t, room)
			defer d.sleep()()
			s.fill(t, ada, room, fourth)
			if err := s.Chat.DisableUser(t.Context(), "bob"); err != nil {
				t.Fatal(err)
			}
			s.wantGone(t, fourth)
		})
		t.Run("of a disabled user ends all", func(t *testing.T) {
			if err := s.Chat.DisableUser(t.Context(), "ada"); err != nil {
				t.Fatal(err)
			}
			kept.wantClosed(t, closeSignedOut)
		})
	})
}

func TestNoticesTellOfMemberships(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob := s.signUp(t, "ada"), s.signUp(t, "bob")
		d := s.connect(t, bob)
		room := s.room(t, ada)
		if _, err := s.Chat.AddMember(t.Context(), ada.Identity, room, "bob"); err != nil {
			t.Fatal(err)
		}
		d.wantNotice(t, chat.NoticeAdded)
		if err := s.Chat.RemoveMember(t.Context(), ada.Identity, room, "bob"); err != nil {
			t.Fatal(err)
		}
		d.wantNotice(t, chat.NoticeRemoved)
	})
}

func TestTypingIsShownToOthersOnly(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ada, bob := s.signUp(t, "ada"), s.signUp(t, "bob")
		room := s.room(t, ada, bob)
		writer, own, reader := s.connect(t, ada), s.connect(t, ada), s.connect(t, bob)
		for _, d := range []*device{writer, own, reader} {
			d.live(t, room)
		}
		writer.send(t, map[string]any{"type": "typing", "uri": room})
		f := reader.want(t, map[string]any{"type": "typing", "uri": room})
		if user := f["user"].(map[string]any); user["username"] != "ada" {
			t.Errorf("it is %v", user)
		}
		writer.quiet(t)
		own.quiet(t)
		writer.send(t, map[string]any{"type": "typing", "uri": "000000000000000"})
		writer.want(t, map[string]any{"type": "error", "code": "not_found"})
	})
}

func TestDebugHubShowsPositions(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://")
	ada := s.signUp(t, "ada")
	room := s.room(t, ada)
	stop := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() { // while others sign in
		for {
			select {
			case <-stop:
				return
			default:
				s.worker.hub.ServeHTTP(httptest.NewRecorder(), nil)
			}
		}
	})
	for range 10 {
		s.connect(t, ada)
	}
	close(stop)
	looking.Wait()
	d := s.connect(t, ada)
	d.live(t, room)
	answer, err := http.Get(s.ops + "/debug/hub")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	want := fmt.Sprintf(`"subscriptions":[{"uri":%q,"position":1,"head":1,"live":true}]`, room)
	if err != nil || !strings.Contains(string(text), want) {
		t.Errorf("%v, it does not show %s: %s", err, want, text)
	}
}

// TestNewEpoch restores a shorter log under a device that will not go.
func TestNewEpoch(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://", "CHATIRE_RATE_LIMIT=off")
	ada := s.signUp(t, "ada")
	room := s.room(t, ada)
	d, lingering := s.connect(t, ada), s.connect(t, ada)
	d.live(t, room)
	lingering.live(t, room)
	wake := lingering.sleep()
	defer wake()
	for range 10 {
		s.post(t, ada, room, "of the old log")
	}
	d.wantEvents(t, room, 2, 11)
	old := s.worker.hub.watched(room)

	s.cutLog(t, room, 5)
	d.wantClosed(t, closeRestart)

	late := frame{seq: 6, wire: newWire([]byte("of the old log"))}
	bridge := newBridge(s.worker.hub, s.Bus, testLog(), laneFrames)
	again := s.connect(t, ada)
	again.subscribe(t, room, 0)
	again.want(t, map[string]any{"type": "subscribed", "head": 5, "from": "log"})
	again.wantEvents(t, room, 1, 5)
	again.want(t, map[string]any{"type": "caught_up", "seq": 5})
	w := s.worker.hub.newWave()
	old.accept(late, w)
	bridge.bring(laneFrame{uri: room, epoch: "of the old log", frame: late}, w)
	w.flush()
	s.post(t, ada, room, "of the new log")
	again.want(t, map[string]any{"type": "event", "seq": 6, "message": "of the new log"})
	again.quiet(t)
}

// cutLog makes the log of a session as short as it was when a backup was made, and
// gives it a new epoch as restoring one does.
func (s *site) cutLog(t *testing.T, uri string, head int64) {
	t.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(string(s.Config.DatabaseURL), "sqlite://"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		`DELETE FROM events WHERE seq > $1 AND session_id = (SELECT id FROM sessions WHERE uri = $2)`,
		`UPDATE sessions SET last_seq = $1, last_ordinal = $1 - 1 WHERE uri = $2`,
	} {
		if _, err := db.ExecContext(t.Context(), statement, head, uri); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Store.NewEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestDrain(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://")
	ada, bob := s.signUp(t, "ada"), s.signUp(t, "bob")
	devices := []*device{s.connect(t, ada), s.connect(t, bob), s.connect(t, bob)}
	unknown, _ := s.dial(t)
	s.stop()
	unknown.wantClosed(t, closeRestart)
	if f, ok := <-unknown.frames; ok {
		t.Errorf("before hello came %v", f)
	}
	hints := map[float64]bool{}
	for _, d := range devices {
		f := <-d.frames
		if f["type"] != "drain" {
			t.Fatalf("got %v", f)
		}
		hints[f["reconnect_in_ms"].(float64)] = true
		d.wantClosed(t, closeRestart)
	}
	if len(hints) < 2 {
		t.Errorf("all come back at once: %v", hints)
	}
}

// TestLossOfCopies cuts the worker off from the broker and posts: the probe must
// bring what the bus cannot, and nothing may come twice when it is back.
func TestLossOfCopies(t *testing.T) {
	proxy := bustest.NewProxy(t, bustest.AMQP(t))
	s := startSite(t, storetest.Postgres(t), proxy.URL())
	s.awaitBus(t)
	ada := s.signUp(t, "ada")
	room := s.room(t, ada)
	d := s.connect(t, ada)
	d.live(t, room)
	next := int64(2)
	say := func(n int) {
		for range n {
			s.post(t, ada, room, "text")
		}
		d.wantEvents(t, room, next, next+int64(n)-1)
		next += int64(n)
	}
	say(10)
	proxy.Refuse()
	say(10)
	say(1) // the last one is not followed by any that would show the hole
	proxy.Heal()
	s.awaitBus(t)
	say(100)
	d.quiet(t)
}

// TestHoles hands a cursor frames as a bad bus does: lost, repeated, swapped.
func TestHoles(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://", "CHATIRE_RATE_LIMIT=off")
	ada := s.signUp(t, "ada")
	room := s.room(t, ada)
	d := s.connect(t, ada)
	d.live(t, room)
	m, err := s.Store.Membership(t.Context(), room, ada.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	cur := s.worker.hub.watched(room)
	random := rand.New(rand.NewPCG(1, 2))
	const n = 500
	var frames []frame
	for i := range n {
		// Straight into the log: the bus hears of none of them.
		outcomes, err := s.Store.AppendMessages(t.Context(), []chat.Draft{{SessionID: m.Session.ID, UserID: ada.User.ID, Body: strconv.Itoa(i)}})
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.Store.Event(t.Context(), m.Session.ID, outcomes[0].Seq)
		if err != nil {
			t.Fatal(err)
		}
		switch f := frameOf(&e); random.IntN(5) {
		case 0: // lost
		case 1:
			frames = append(frames, f, f)
		default:
			frames = append(frames, f)
		}
		if random.IntN(10) == 0 {
			random.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
			w := s.worker.hub.newWave()
			for _, f := range frames {
				cur.accept(f, w)
			}
			w.flush()
			frames = nil
		}
	}
	d.wantEvents(t, room, 2, n+1)
	d.quiet(t)
}

// TestSubscribeAheadOfTheBus subscribes while the cursor, kept by another device,
// has not heard of what is in the log already.
func TestSubscribeAheadOfTheBus(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://")
	ada := s.signUp(t, "ada")
	room := s.room(t, ada)
	first := s.connect(t, ada)
	first.live(t, room)
	m, err := s.Store.Membership(t.Context(), room, ada.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 { // the bus hears of none of them
		draft := chat.Draft{SessionID: m.Session.ID, UserID: ada.User.ID, Body: strconv.Itoa(i)}
		if _, err := s.Store.AppendMessages(t.Context(), []chat.Draft{draft}); err != nil {
			t.Fatal(err)
		}
	}
	second := s.connect(t, ada)
	second.live(t, room)
	first.wantEvents(t, room, 2, 4)
	e := s.post(t, ada, room, "next")
	first.wantEvents(t, room, e.Seq, e.Seq)
	second.wantEvents(t, room, e.Seq, e.Seq)
}

// TestSlowReader has one device that reads nothing for a while beside one that
// does: the other must not feel it, and the slow one must get everything.
func TestSlowReader(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://", "CHATIRE_RATE_LIMIT=off")
	ada, bob := s.signUp(t, "ada"), s.signUp(t, "bob")
	room := s.room(t, ada, bob)
	fast := s.connect(t, ada)
	fast.live(t, room)
	slow := s.connect(t, bob)
	slow.live(t, room)
	// Without a bound the two systems' buffers might hold all of it.
	if err := slow.ws.NetConn().(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
		t.Fatal(err)
	}
	wake := slow.sleep()
	text := fmt.Sprintf("%02000d", 7)
	const n = 3200 // 7 MB: more than a socket's buffers hold
	var posts sync.WaitGroup
	for range 16 {
		posts.Go(func() {
			for range n / 16 {
				if _, err := s.Chat.PostMessage(t.Context(), ada.Identity, room, chat.Post{Text: text}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	fast.wantEvents(t, room, 3, n+2)
	posts.Wait()
	if !s.worker.hub.ofUser(bob.User.ID)[0].socket.isBlocked() {
		t.Error("the slow reader was not slow: the test shows nothing")
	}
	wake()
	slow.wantEvents(t, room, 3, n+2)
}

func TestConnectionLimits(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://")
	ada, bob := s.signUp(t, "ada"), s.signUp(t, "bob")
	first := s.connect(t, ada)
	for range 19 {
		s.connect(t, ada)
	}
	d, _ := s.dial(t)
	d.send(t, map[string]any{"type": "auth", "token": string(ada.secret)})
	d.wantClosed(t, closeTooMany)
	first.quiet(t)
	s.connect(t, bob)
	var unknown []net.Conn
	refused := 0
	for range 101 {
		d, response := s.dial(t)
		if d == nil {
			refused = response.StatusCode
			break
		}
		unknown = append(unknown, d.ws.NetConn())
	}
	if refused != 429 || len(unknown) != 100 {
		t.Errorf("after %d connections that did not sign in: %d", len(unknown), refused)
	}
}

// badUsers fails as no user service of ours should.
type badUsers struct{ Users }

func (badUsers) Watchable(context.Context, int64, []string) (map[string]chat.Membership, error) {
	panic("secret words")
}

func TestPanicEndsOneConnectionOnly(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://")
	ada := s.signUp(t, "ada")
	hit, other := s.connect(t, ada), s.connect(t, ada)
	s.worker.hub.users = badUsers{s.worker.hub.users}
	hit.subscribe(t, "000000000000000", 0)
	if c := hit.wantClosed(t, closeFault); c.reason != "" {
		t.Errorf("the reason says %q", c.reason)
	}
	other.quiet(t)
}

func TestSilence(t *testing.T) {
	s := startSite(t, storeURL(t), "memory://")
	d := s.connect(t, s.signUp(t, "ada"))
	hub := s.worker.hub
	seen := func() int64 { return hub.all()[0].lastSeen.Load() }
	before := seen()
	for beat := range beats {
		hub.pulse(hub.age(), beat)
	}
	eventually(t, "the ping was answered", func() bool { return seen() > before })
	hub.pulse(hub.age()+silence-time.Second, beats)
	d.quiet(t)
	hub.pulse(hub.age()+silence+time.Second, beats)
	d.wantClosed(t, 1006)
}
