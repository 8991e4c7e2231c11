package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chatire/chatire/pkg/store/storetest"
)

func TestMessages(t *testing.T) {
	eachDatabase(t, nil, func(t *testing.T, s *server) {
		s.checked(t)
		testMessages(t, s)
	})
}

func testMessages(t *testing.T, s *server) {
	ada, bob, eve := signUp(t, s, "ada"), signUp(t, s, "bob"), signUp(t, s, "eve")
	room := ada.open()
	bob.join(room)
	path := "/api/chats/" + room + "/messages/"

	t.Run("D1 come from members only", func(t *testing.T) {
		s.unchanged(t, func() {
			eve.call("POST", path, `{"message":"let me in"}`).want(t, 404, notFound)
			eve.call("POST", path, `{"message":"let me in","client_id":"x"}`).want(t, 404, notFound)
		})
	})
	t.Run("D2 have a text of 1 to 2500 characters", func(t *testing.T) {
		s.unchanged(t, func() {
			for body, complaint := range map[string]string{
				`{}`: "This field is required.", ``: "This field is required.", `{"message":null}`: "This field may not be null.",
				`{"message":""}`: "This field may not be blank.", `{"message":" \n\u2003\u3000"}`: "This field may not be blank.",
				`{"message":12}`: "Not a valid string.", `{"message":true}`: "Not a valid string.", `{"message":["a"]}`: "Not a valid string.", `{"message":{"a":"b"}}`: "Not a valid string.",
				`{"message":"` + strings.Repeat("é", 2501) + `"}`: "Ensure this field has no more than 2500 characters.",
				`{"message":"a\u0000b"}`:                          "Null characters are not allowed.",
			} {
				ada.call("POST", path, body).want(t, 400, `{"message":["`+complaint+`"]}`)
			}
		})
		full := strings.Repeat("\U0001F600", 2500)
		if got := ada.call("POST", path, `{"message":"`+full+`"}`); got.status != 200 || got.json(t)["message"] != full {
			t.Errorf("2500 characters of four bytes: answer %d", got.status)
		}
		if got := lastMessage(t, bob, path); got["message"] != full {
			t.Error("they came back changed")
		}
	})
	t.Run("D3 are Unicode", func(t *testing.T) {
		s.unchanged(t, func() {
			for _, text := range []string{"a\xffb", `a\ud83db`, "\xc0\xaf", `\ude00\ud83d`} {
				ada.call("POST", path, `{"message":"`+text+`"}`).wantStatus(t, 400)
			}
			form := ada.header()
			form.Set("Content-Type", "application/x-www-form-urlencoded")
			s.send(t, "POST", path, form, "message=a%FFb").want(t, 400, `{"message":["Not a valid string."]}`)
			s.send(t, "POST", path, form, "message=a%00b").want(t, 400, `{"message":["Null characters are not allowed."]}`)
		})
	})
	t.Run("D4 are kept code point for code point", func(t *testing.T) {
		for _, text := range []string{
			`<img src=x onerror=alert(1)>`, `javascript:alert(1)`, `{{7*7}}`, `</script><script>`, "a\u202eb", "e" + strings.Repeat("\u0301", 2400),
			"\x1b[31mred", " spaces around ", "a\r\nb\tc", "\u2028\u2029\ufeff", "\ufb01 \u212b", `\u0041 "quoted" \\`, "%s %d ?", "$1",
		} {
			ada.post(room, text)
			if got := lastMessage(t, bob, path); got["message"] != text {
				t.Errorf("%q came back as %q", text, got["message"])
			}
		}
	})
	t.Run("D5 are stored once under one client_id", func(t *testing.T) {
		body := `{"message":"once","client_id":"retry-1"}`
		first := ada.call("POST", path, body)
		first.wantStatus(t, 200)
		// posted posts until the answer is one: 503 says that a busy machine could not, and to
		// try again.
		posted := func(body string) answer {
			got := ada.call("POST", path, body)
			for try := 0; got.status == 503 && try < 20; try++ {
				got = ada.call("POST", path, body)
			}
			return got
		}
		s.unchanged(t, func() {
			answers := parallel(100, func() string { return posted(body).body })
			if answers[first.body] != 100 {
				t.Errorf("answers %v", answers)
			}
			ada.call("POST", path, `{"message":"other","client_id":"retry-1"}`).want(t, 409,
				`{"client_id":["This client_id was used for another message."]}`)
		})
		seqs := parallel(100, func() string {
			return fmt.Sprint(posted(`{"message":"race","client_id":"retry-2"}`).json(t)["seq"])
		})
		if len(seqs) != 1 {
			t.Errorf("stored under %v", seqs)
		}
		if got := bob.call("POST", path, `{"message":"mine","client_id":"retry-1"}`); got.status != 200 || got.body == first.body {
			t.Error("a client_id is not everybody's own")
		}
	})
	t.Run("D7 refuse a bad client_id", func(t *testing.T) {
		s.unchanged(t, func() {
			for _, bad := range []string{`"` + strings.Repeat("x", 1024) + `"`, `{"a":1}`, `"'; DROP TABLE events;--"`, `""`, `"a b"`, `5`, `["a"]`, `"é"`} {
				got := ada.call("POST", path, `{"message":"x","client_id":`+bad+`}`)
				got.wantStatus(t, 400)
				if got.json(t)["client_id"] == nil {
					t.Errorf("answer %s", got.body)
				}
			}
			got := ada.call("POST", path, `{"message":"","client_id":"a b"}`)
			if got.status != 400 || got.json(t)["client_id"] == nil || got.json(t)["message"] == nil {
				t.Errorf("not all complaints at once: %s", got.body)
			}
		})
		ada.call("POST", path, `{"message":"x","client_id":null}`).wantStatus(t, 200)
	})
	t.Run("D8 ignore forged fields", func(t *testing.T) {
		got := ada.call("POST", path, `{"message":"forged","user":{"id":1},"seq":1,"id":1,"rev":9,"created_date":"2000-01-01","status":"x"}`)
		if m := lastMessage(t, ada, path); m["message"] != "forged" || m["user"].(map[string]any)["username"] != "ada" || m["seq"] != got.json(t)["seq"] {
			t.Errorf("stored %v", m)
		}
	})
	t.Run("are checked in the order of the protocol", func(t *testing.T) {
		missing := "/api/chats/000000000000000/messages/"
		for _, body := range []string{`{"message":""}`, `{oops`, `{"message":"x"}`} {
			ada.call("POST", missing, body).want(t, 404, notFound)
		}
		eve.call("POST", path, `{"message":""}`).wantStatus(t, 400)

		carol := signUp(t, s, "carol")
		carol.join(room)
		stored := carol.call("POST", path, `{"message":"was here","client_id":"c-1"}`)
		ada.call("DELETE", "/api/chats/"+room+"/members/carol/", "").wantStatus(t, 204)
		s.unchanged(t, func() {
			carol.call("POST", path, `{"message":"was here","client_id":"c-1"}`).want(t, 200, stored.body)
			carol.call("POST", path, `{"message":"was not","client_id":"c-1"}`).wantStatus(t, 409)
			carol.call("POST", path, `{"message":"was here","client_id":"c-2"}`).want(t, 404, notFound)
			carol.call("POST", path, `{"message":"","client_id":"c-1"}`).wantStatus(t, 400)
		})
	})
	t.Run("D16 answer odd headers sanely", func(t *testing.T) {
		whole := bob.call("GET", path, "")
		header := bob.header()
		for name, value := range map[string]string{
			"Range": "bytes=0-5", "If-None-Match": "*", "If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT", "If-Match": `"x"`,
			"Accept": "application/xml", "Accept-Encoding": "gzip", "X-HTTP-Method-Override": "DELETE", "Expect": "100-continue",
		} {
			header.Set(name, value)
		}
		s.send(t, "GET", path, header, "").want(t, 200, whole.body)
		bob.call("HEAD", path, "").want(t, 200, "")
		bob.call("HEAD", "/api/chats/000000000000000/messages/", "").want(t, 404, "")
		s.send(t, "HEAD", path, nil, "").wantStatus(t, 401)
		bob.call("OPTIONS", path, "").want(t, 204, "")
	})
}

func lastMessage(t *testing.T, u *user, path string) map[string]any {
	t.Helper()
	messages := u.call("GET", path+"?limit=1", "").json(t)["messages"].([]any)
	return messages[len(messages)-1].(map[string]any)
}

func TestHistory(t *testing.T) {
	eachDatabase(t, nil, func(t *testing.T, s *server) {
		s.checked(t)
		ada := signUp(t, s, "ada")
		room := ada.open()
		for i := range 7 { // seqs 2 to 8
			ada.post(room, fmt.Sprint("message ", i))
		}
		path := "/api/chats/" + room + "/messages/"
		for query, want := range map[string]string{
			"":                     "[2 3 4 5 6 7 8] false",
			"?limit=3":             "[6 7 8] true",
			"?before=6&limit=3":    "[3 4 5] true",
			"?before=3":            "[2] false",
			"?before=2":            "[] false",
			"?before=0":            "[] false",
			"?after=0&limit=2":     "[2 3] true",
			"?after=6":             "[7 8] false",
			"?after=8":             "[] false",
			"?after=999":           "[] false",
			"?limit=1000000":       "[2 3 4 5 6 7 8] false",
			"?after=0&format=x":    "[2 3 4 5 6 7 8] false",
			"?limit=%31&after=%37": "[8] false",
		} {
			t.Run("pages by "+query, func(t *testing.T) {
				page := ada.call("GET", path+query, "").json(t)
				if got := fmt.Sprint(seqs(page["messages"]), " ", page["has_more"]); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			})
		}
		t.Run("D10 refuses what is no place", func(t *testing.T) {
			for query, field := range map[string]string{
				"?after=-1": "after", "?after=1e99": "after", "?after=abc": "after", "?after=9223372036854775808": "after", "?after=": "after",
				"?after=9007199254740992": "after", "?before=-1": "before", "?before=x": "before", "?after=1&after=2": "after", "?after=%2B1": "after",
				"?after=1.5": "after", "?after=0x1": "after", "?after=1_0": "after", "?after=%201": "after",
				"?limit=0": "limit", "?limit=-1": "limit", "?limit=ten": "limit", "?limit=1.0": "limit", "?limit=99999999999999999999": "limit",
				"?after=1&before=5": "non_field_errors",
			} {
				got := ada.call("GET", path+query, "")
				got.wantStatus(t, 400)
				if got.json(t)[field] == nil {
					t.Errorf("%s: answer %s", query, got.body)
				}
			}
		})
		t.Run("ends a page at 200", func(t *testing.T) {
			for i := range 250 {
				ada.post(room, fmt.Sprint("more ", i))
			}
			page := ada.call("GET", path+"?limit=1000", "").json(t)
			if n := len(page["messages"].([]any)); n != 200 || page["has_more"] != true {
				t.Errorf("a page of %d", n)
			}
		})
	})
}

func TestEventLog(t *testing.T) {
	eachDatabase(t, nil, func(t *testing.T, s *server) {
		s.checked(t)
		ada, bob := signUp(t, s, "ada"), signUp(t, s, "bob")
		room := ada.open()
		bob.join(room)
		ada.post(room, "hello")
		ada.call("PATCH", "/api/chats/"+room+"/", `{"title":"May"}`).wantStatus(t, 200)
		bob.call("DELETE", "/api/chats/"+room+"/members/bob/", "").wantStatus(t, 204)
		path := "/api/chats/" + room + "/events/"

		t.Run("has everything that happened", func(t *testing.T) {
			log := ada.call("GET", path, "").json(t)
			var kinds []string
			for _, e := range log["events"].([]any) {
				kinds = append(kinds, e.(map[string]any)["event"].(string))
			}
			if fmt.Sprint(kinds) != "[joined joined message title left]" || fmt.Sprintln(log["oldest"], log["head"], log["has_more"]) != "1 5 false\n" {
				t.Errorf("log %v", log)
			}
			if epoch, _ := log["epoch"].(string); epoch == "" {
				t.Error("the epoch is missing")
			}
		})
		t.Run("comes in pieces", func(t *testing.T) {
			log := ada.call("GET", path+"?after=1&limit=2", "").json(t)
			if got := fmt.Sprint(seqs(log["events"]), log["has_more"]); got != "[2 3] true" {
				t.Errorf("got %s", got)
			}
			log = ada.call("GET", path+"?after=5", "").json(t)
			if got := fmt.Sprint(seqs(log["events"]), log["has_more"]); got != "[] false" {
				t.Errorf("got %s", got)
			}
		})
		t.Run("refuses what is no place", func(t *testing.T) {
			for _, query := range []string{"?after=-1", "?after=x", "?limit=0", "?after=9223372036854775808"} {
				ada.call("GET", path+query, "").wantStatus(t, 400)
			}
		})
	})
}

func seqs(list any) []string {
	numbers := []string{}
	for _, m := range list.([]any) {
		numbers = append(numbers, string(m.(map[string]any)["seq"].(json.Number)))
	}
	return numbers
}

func TestMessageLimit(t *testing.T) {
	s := serve(t, storetest.SQLite(t), settings{"CHATIRE_RATE_LIMIT": "on"})
	ada := signUp(t, s, "ada")
	room, other := ada.open(), ada.open()
	t.Run("D9 refuses the 31st message in ten seconds", func(t *testing.T) {
		for range 30 {
			ada.post(room, "again")
		}
		s.unchanged(t, func() {
			ada.call("POST", "/api/chats/"+room+"/messages/", `{"message":"once more"}`).wantThrottled(t)
		})
		ada.post(other, "elsewhere")
	})
	t.Run("counts refusals by the limit's name", func(t *testing.T) {
		metrics := s.operators(t, "/metrics").body
		if !strings.Contains(metrics, `chatire_rate_limited_total{limiter="messages"} 1`) || !strings.Contains(metrics, `chatire_rate_limited_total{limiter="creates"} 0`) {
			t.Error("the metric is missing or wrong")
		}
	})
}

func TestForms(t *testing.T) {
	s := serve(t, storetest.SQLite(t), nil)
	ada := signUp(t, s, "ada")
	path := "/api/chats/" + ada.open() + "/messages/"
	for _, form := range []struct{ name, kind, body, want string }{
		{"last value counts", "application/x-www-form-urlencoded", "message=first&message=second", "second"},
		{"plus and percent", "application/x-www-form-urlencoded;charset=utf-8", "message=a+b%2Bc%20d%25%zz%", "a b+c d%%zz%"},
		{"multipart", `multipart/form-data; boundary="B"`, "--B\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\none\r\ntwo\r\n--B--", "one\r\ntwo"},
		{"JSON with a charset", "Application/JSON; charset=UTF-8", ` {"message":"\ud83d\ude00"} `, "\U0001F600"},
	} {
		t.Run(form.name, func(t *testing.T) {
			header := ada.header()
			header.Set("Content-Type", form.kind)
			if got := s.send(t, "POST", path, header, form.body); got.status != 200 || got.json(t)["message"] != form.want {
				t.Errorf("answer %d %s", got.status, got.body)
			}
		})
	}
	t.Run("broken multipart", func(t *testing.T) {
		for kind, body := range map[string]string{"multipart/form-data": "x", "multipart/form-data; boundary=B": "--B\r\nno header"} {
			got := s.send(t, "POST", path, http.Header{"Authorization": {"Token " + ada.token}, "Content-Type": {kind}}, body)
			if got.status != 400 || !strings.HasPrefix(got.body, `{"detail":"Multipart form parse error - `) {
				t.Errorf("answer %d %s", got.status, got.body)
			}
		}
	})
}
