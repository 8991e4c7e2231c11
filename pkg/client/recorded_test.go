package client

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/history"
)

func TestRecorded(t *testing.T) {
	t.Run("notes each try of a Message and its outcome", func(t *testing.T) {
		a := newAnswers(t, "503 after 0", "404 {}", `200 {"seq":5,"id":5}`)
		got := record(t, func(r Recorded) {
			if _, err := r.PostReliably(t.Context(), a.client, 7, "u", "hi", "x"); err != nil {
				t.Error(err)
			}
		})
		want(t, got,
			`"e":"send","cid":"x","uri":"u","user":7,"sha":"8f434346648f6b96","att":1`,
			`"e":"info","cid":"x","why":"503: Later."`,
			`"e":"send","cid":"x","uri":"u","user":7,"sha":"8f434346648f6b96","att":2`,
			`"e":"fail","cid":"x","status":404`,
			`"e":"send","cid":"x","uri":"u","user":7,"sha":"8f434346648f6b96","att":3`,
			`"e":"ok","cid":"x","status":200,"seq":5,"id":5`,
			`"e":"end"`)
	})

	t.Run("notes what a device sees before it is sorted out", func(t *testing.T) {
		site := newSite(t)
		var w *witness
		got := record(t, func(r Recorded) {
			w = site.run(func(d *Device) { d.hooks = r.Watch("d", 7, d.hooks) })
			p := site.watched(w, "u")
			p.events("u", 1, 1, 3)
			p.wantSubscribe("u", 1, "e")
			p.subscribed("u", 3)
			p.events("u", 2)
			w.want("u 1 text 1", "u 2 text 2")
			p.close(1012, "")
			w.want("closed 1012")
			p = site.accept().greet()
			p.wantSubscribe("u", 2, "e")
			p.subscribed("u", 3)
			p.events("u", 3)
			w.want("u 3 text 3")
		})
		want(t, got,
			`"e":"open","dev":"d","user":7,"conn":1`,
			`"e":"sub","dev":"d","conn":1,"uri":"u","from":0,"epoch":"e"`,
			recv(1, 1), recv(1, 1), recv(1, 3),
			`"e":"open","dev":"d","user":7,"conn":2`,
			`"e":"sub","dev":"d","conn":2,"uri":"u","from":1,"epoch":"e"`,
			recv(2, 2),
			`"e":"close","dev":"d","conn":1,"code":1012`,
			`"e":"open","dev":"d","user":7,"conn":3`,
			`"e":"sub","dev":"d","conn":3,"uri":"u","from":2,"epoch":"e"`,
			recv(3, 3),
			`"e":"end"`)
	})

	t.Run("notes members, faults and Logs", func(t *testing.T) {
		got := record(t, func(r Recorded) {
			r.Member("u", 7, "add", 12)
			r.Fault("kill-worker", "begin")
			r.Stop()
			id := "x"
			r.Log("sql", "u", []history.Row{{Seq: 1, ID: 1, User: "7", Sum: "s", Rev: 1}, {Seq: 2, ID: 2, ClientID: &id, User: "7", Sum: "s", Rev: 3}})
			r.Log("api", "empty", nil)
		})
		want(t, got,
			`"e":"member","uri":"u","user":7,"op":"add","t0":12`,
			`"e":"fault","name":"kill-worker","phase":"begin"`,
			`"e":"stop"`,
			`"e":"hist","src":"sql","uri":"u","rows":[[1,1,null,7,"s",1],[2,2,"x",7,"s",3]]`,
			`"e":"hist","src":"api","uri":"empty","rows":[]`,
			`"e":"end"`)
	})
}

func TestRowOf(t *testing.T) {
	for name, test := range map[string]struct {
		event Event
		sum   string
		rev   int64
	}{
		"a message":       {Event{Seq: 2, Rev: 9, Type: chat.EventMessage, Message: "hi"}, history.Sum("hi"), 9},
		"a title":         {Event{Seq: 2, Rev: 2, Type: chat.EventTitle, Title: "T"}, history.Sum("T"), 2},
		"a join":          {Event{Seq: 2, Rev: 2, Type: chat.EventJoined}, history.Sum(""), 2},
		"an edit, joined": {Event{Seq: 9, Rev: 11, Type: "edited", Target: 2, Message: "ho"}, history.Sum(""), 9},
	} {
		t.Run(name, func(t *testing.T) {
			if row := RowOf(test.event); row.Sum != test.sum || row.Rev != test.rev {
				t.Errorf("got %+v", row)
			}
		})
	}
}

// recv is the line of an event as the site writes it.
func recv(conn, seq int) string {
	return fmt.Sprintf(`"e":"recv","dev":"d","conn":%d,"uri":"u","seq":%d,"id":%d,"cid":"c%d","user":7,"sha":%q,"rev":%d`,
		conn, seq, seq, seq, history.Sum(fmt.Sprintf("text %d", seq)), seq)
}

// record returns the lines that f has a Recorder write.
func record(t *testing.T, f func(r Recorded)) []string {
	t.Helper()
	var out bytes.Buffer
	r := Recorded{history.NewRecorder(&out, "p")}
	f(r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(out.String()), "\n")
}

var stamped = regexp.MustCompile(`^\{"t":(\d+),"p":"p","n":(\d+),(.*)\}$`)

// want compares lines but for their stamps, which must count and not go back.
func want(t *testing.T, got []string, lines ...string) {
	t.Helper()
	if len(got) != len(lines) {
		t.Fatalf("got %d lines, want %d:\n%s", len(got), len(lines), strings.Join(got, "\n"))
	}
	last := int64(0)
	for i, line := range got {
		parts := stamped.FindStringSubmatch(line)
		if parts == nil {
			t.Fatalf("line %d is %s", i, line)
		}
		at, _ := strconv.ParseInt(parts[1], 10, 64)
		if parts[2] != strconv.Itoa(i) || at < last {
			t.Errorf("line %d is stamped %s", i, line)
		}
		if last = at; parts[3] != lines[i] {
			t.Errorf("line %d is %s, want %s", i, parts[3], lines[i])
		}
	}
}
