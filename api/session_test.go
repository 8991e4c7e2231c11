package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chatire/chatire/pkg/store/storetest"
)

func TestSessions(t *testing.T) {
	eachDatabase(t, nil, func(t *testing.T, s *server) {
		s.checked(t)
		testSessions(t, s)
	})
}

func testSessions(t *testing.T, s *server) {
	ada, bob, eve := signUp(t, s, "ada"), signUp(t, s, "bob"), signUp(t, s, "eve")
	nobody := &user{t: t, s: s}
	room := ada.open()
	bob.join(room)
	ada.post(room, "hello")
	path := "/api/chats/" + room + "/"

	t.Run("C1 needs a token for everything", func(t *testing.T) {
		s.unchanged(t, func() {
			for _, p := range []string{"/api/chats/", path, path + "messages/", path + "events/", path + "members/bob/", "/api/chats/000000000000000/"} {
				for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
					nobody.call(method, p, "").wantUnauthorized(t, noCredentials)
				}
			}
		})
	})
	t.Run("C3 lets no stranger add others", func(t *testing.T) {
		s.unchanged(t, func() {
			eve.call("PATCH", path, `{"username":"ada"}`).want(t, 404, notFound)
			eve.call("PATCH", path, `{"username":"nobody-at-all"}`).want(t, 404, notFound)
			eve.call("PATCH", path, `{"title":"mine"}`).want(t, 404, notFound)
		})
	})
	t.Run("C5 asks for a username", func(t *testing.T) {
		s.unchanged(t, func() {
			for body, complaint := range map[string]string{
				`{}`: "This field is required.", ``: "This field is required.",
				`{"username":""}`: "This field may not be blank.", `{"username":" \n"}`: "This field may not be blank.",
				`{"username":null}`: "This field may not be null.", `{"username":{"a":1}}`: "Not a valid string.", `{"username":true}`: "Not a valid string.",
			} {
				bob.call("PATCH", path, body).want(t, 400, `{"username":["`+complaint+`"]}`)
			}
			bob.call("PATCH", path, `{"username":"eve","title":"x"}`).wantStatus(t, 400)
		})
	})
	t.Run("C6 does not add who does not exist", func(t *testing.T) {
		s.unchanged(t, func() {
			for _, name := range []string{"nobody-at-all", "ADA", "' OR 1=1--", strings.Repeat("x", 5000)} {
				bob.call("PATCH", path, `{"username":"`+name+`"}`).want(t, 400, `{"username":["User not found."]}`)
			}
		})
	})
	t.Run("C8 answers every wrong uri alike", func(t *testing.T) {
		long := strings.Repeat("a", 3000)
		uris := []string{"0123456789abcde", strings.ToUpper(room), room[:14], room + "0", "%00", "..", "%2561", "a%2Fb", "%F0%9F%92%A9", "%", "%zz", "-", "null", long}
		s.unchanged(t, func() {
			for _, uri := range uris {
				for _, request := range []struct{ method, rest, body string }{
					{"GET", "", ""}, {"PATCH", "", `{"username":"ada"}`}, {"PATCH", "", `{"title":"x"}`}, {"GET", "messages/", ""},
					{"POST", "messages/", `{"message":"x"}`}, {"GET", "events/", ""}, {"DELETE", "members/bob/", ""},
				} {
					got := ada.raw(request.method, "/api/chats/"+uri+"/"+request.rest, request.body)
					got.want(t, 404, notFound)
				}
			}
			ada.raw("GET", "/api/chats/"+strings.Repeat("a", 5<<10)+"/", "").wantStatus(t, 431)
		})
	})
	t.Run("C9 says which methods there are", func(t *testing.T) {
		s.unchanged(t, func() {
			for p, allow := range map[string]string{
				"/api/chats/": "GET, POST, HEAD, OPTIONS", path: "GET, PATCH, DELETE, HEAD, OPTIONS",
				path + "messages/": "GET, POST, HEAD, OPTIONS", path + "members/bob/": "PATCH, DELETE, OPTIONS",
			} {
				for _, method := range []string{"PUT", "TRACE", "CONNECT"} {
					got := ada.raw(method, p, "")
					got.want(t, 405, `{"detail":"Method \"`+method+`\" not allowed."}`)
					if got.header.Get("Allow") != allow {
						t.Errorf("%s: Allow %q, want %q", p, got.header.Get("Allow"), allow)
					}
				}
				got := ada.call("OPTIONS", p, "")
				got.want(t, 204, "")
				if got.header.Get("Allow") != allow {
					t.Errorf("%s: Allow %q, want %q", p, got.header.Get("Allow"), allow)
				}
				ada.call("FOO", p, "").want(t, 501, `{"detail":"Method not known."}`)
			}
		})
	})
	t.Run("C10 can do without the last slash", func(t *testing.T) {
		with, without := ada.call("GET", path, ""), ada.call("GET", strings.TrimSuffix(path, "/"), "")
		without.want(t, 200, with.body)
		ada.call("POST", strings.TrimSuffix(path, "/")+"/messages", `{"message":"no slash"}`).wantStatus(t, 200)
		ada.call("POST", "/api/chats", "").wantStatus(t, 200)
		ada.call("GET", strings.ToUpper("/api")+"/chats/", "").want(t, 404, notFound)
	})
	t.Run("C12 shows others without their address", func(t *testing.T) {
		details := bob.call("GET", path, "")
		if strings.Contains(details.body, "ada@example.com") || !strings.Contains(details.body, `"email":"bob@example.com"`) {
			t.Errorf("details %s", details.body)
		}
		for _, p := range []string{path + "messages/", path + "events/", "/api/chats/"} {
			if got := bob.call("GET", p, ""); strings.Contains(got.body, "@example.com") {
				t.Errorf("%s shows an address: %s", p, got.body)
			}
		}
	})
	t.Run("C13 keeps its owner", func(t *testing.T) {
		s.unchanged(t, func() {
			bob.call("DELETE", path+"members/ada/", "").want(t, 403, `{"detail":"You do not have permission to perform this action."}`)
			ada.call("DELETE", path+"members/ada/", "").want(t, 409, `{"detail":"The owner cannot leave the session."}`)
			eve.call("DELETE", path+"members/bob/", "").want(t, 404, notFound)
			ada.call("DELETE", path+"members/eve/", "").want(t, 404, notFound)
			bob.call("PATCH", path, `{"title":"mine"}`).wantStatus(t, 403)
		})
	})
	t.Run("C11 is closed to whoever was removed", func(t *testing.T) {
		eve.join(room)
		eve.post(room, "here")
		ada.call("DELETE", path+"members/eve/", "").want(t, 204, "")
		s.unchanged(t, func() {
			eve.call("GET", path, "").want(t, 404, notFound)
			eve.call("GET", path+"messages/", "").want(t, 404, notFound)
			eve.call("GET", path+"events/", "").want(t, 404, notFound)
			eve.call("POST", path+"messages/", `{"message":"still here?"}`).want(t, 404, notFound)
			eve.call("PATCH", path, `{"username":"bob"}`).want(t, 404, notFound)
			eve.call("PATCH", path, `{"title":"x"}`).want(t, 404, notFound)
			eve.call("DELETE", path+"members/bob/", "").want(t, 404, notFound)
		})
		for _, got := range ada.call("GET", "/api/chats/", "").json(t)["sessions"].([]any) {
			if got.(map[string]any)["uri"] == room && got.(map[string]any)["last_message"].(map[string]any)["message"] != "here" {
				t.Errorf("the list shows %v", got)
			}
		}
		if list := eve.call("GET", "/api/chats/", ""); strings.Contains(list.body, room) {
			t.Error("the session is still in the list of who was removed")
		}
	})
	t.Run("can be left, and joined again by a name that needs escapes", func(t *testing.T) {
		odd := signUp(t, s, "Žofie+@дом")
		odd.join(room)
		odd.call("DELETE", path+"members/"+url.PathEscape(odd.name)+"/", "").want(t, 204, "")
		odd.call("GET", path, "").want(t, 404, notFound)
		odd.join(room)
		odd.call("GET", path, "").wantStatus(t, 200)
	})
	t.Run("have a title that is stored once", func(t *testing.T) {
		got := ada.call("PATCH", path, `{"title":" Plans for May "}`)
		if got.status != 200 || got.json(t)["title"] != "Plans for May" {
			t.Errorf("answer %d %s", got.status, got.body)
		}
		s.unchanged(t, func() {
			ada.call("PATCH", path, `{"title":"Plans for May"}`).want(t, 200, got.body)
			ada.call("PATCH", path, `{"title":"`+strings.Repeat("é", 101)+`"}`).wantStatus(t, 400)
			ada.call("PATCH", path, `{"title":"a\u0007b"}`).wantStatus(t, 400)
		})
		ada.call("PATCH", path, `{"title":""}`).wantStatus(t, 200)
	})
	t.Run("are opened once under one client_id", func(t *testing.T) {
		first := ada.call("POST", "/api/chats/", `{"client_id":"new-1"}`)
		first.wantStatus(t, 200)
		s.unchanged(t, func() {
			answers := parallel(20, func() string { return ada.call("POST", "/api/chats/", `{"client_id":"new-1"}`).body })
			if answers[first.body] != 20 {
				t.Errorf("answers %v", answers)
			}
			for _, bad := range []string{`""`, `"a b"`, `"` + strings.Repeat("x", 65) + `"`, `1`, `{}`} {
				got := ada.call("POST", "/api/chats/", `{"client_id":`+bad+`}`)
				got.wantStatus(t, 400)
				if got.json(t)["client_id"] == nil {
					t.Errorf("answer %s", got.body)
				}
			}
		})
		if other := bob.call("POST", "/api/chats/", `{"client_id":"new-1"}`); other.body == first.body {
			t.Error("somebody else's client_id names the same session")
		}
	})
	t.Run("of a deleted owner pass on", func(t *testing.T) {
		old := signUp(t, s, "old")
		uri := old.open()
		bob.join(uri)
		old.post(uri, "farewell")
		old.call("POST", "/auth/users/delete/", `{"current_password":"`+password+`"}`).want(t, 204, "")
		got := bob.call("GET", "/api/chats/"+uri+"/", "")
		if got.status != 200 || got.json(t)["role"] != "owner" {
			t.Errorf("answer %d %s", got.status, got.body)
		}
		history := bob.call("GET", "/api/chats/"+uri+"/messages/", "")
		if !strings.Contains(history.body, `"username":"","email":""`) || !strings.Contains(history.body, "farewell") {
			t.Errorf("history %s", history.body)
		}
	})
}

func TestSessionList(t *testing.T) {
	eachDatabase(t, nil, func(t *testing.T, s *server) {
		s.checked(t)
		ada := signUp(t, s, "ada")
		var opened []string
		for range 7 {
			opened = append(opened, ada.open())
		}
		bob := signUp(t, s, "bob")
		bob.join(opened[2])
		ada.post(opened[2], "the first")  // who posts has read what there is
		bob.post(opened[2], "the latest") // moves it to the front
		want := append([]string{opened[2]}, opened[6], opened[5], opened[4], opened[3], opened[1], opened[0])

		t.Run("comes in pages, latest activity first", func(t *testing.T) {
			var got []string
			query := "?limit=3"
			for range 10 {
				page := ada.call("GET", "/api/chats/"+query, "").json(t)
				for _, line := range page["sessions"].([]any) {
					got = append(got, line.(map[string]any)["uri"].(string))
				}
				if page["has_more"] == false {
					break
				}
				query = "?limit=3&cursor=" + page["cursor"].(string)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("listed %v\nwant   %v", got, want)
			}
		})
		t.Run("counts what is unread and shows what was said last", func(t *testing.T) {
			first := ada.call("GET", "/api/chats/?limit=1", "").json(t)["sessions"].([]any)[0].(map[string]any)
			last := first["last_message"].(map[string]any)
			if last["message"] != "the latest" || first["head"] != json.Number("4") || first["unread"] != json.Number("1") {
				t.Errorf("listed %v", first)
			}
			details := bob.call("GET", "/api/chats/"+opened[2]+"/", "").json(t)
			if details["unread"] != json.Number("0") {
				t.Errorf("bob has not read what he posted: %v", details)
			}
		})
		t.Run("refuses a bad place or size", func(t *testing.T) {
			for query, field := range map[string]string{
				"?cursor=x": "cursor", "?cursor=MQ": "cursor", "?cursor=..": "cursor", "?cursor=LTEuLTF4": "cursor",
				"?limit=0": "limit", "?limit=-1": "limit", "?limit=x": "limit", "?limit=9223372036854775808": "limit",
			} {
				got := ada.call("GET", "/api/chats/"+query, "")
				got.wantStatus(t, 400)
				if got.json(t)[field] == nil {
					t.Errorf("%s: answer %s", query, got.body)
				}
			}
			ada.call("GET", "/api/chats/?limit=1000000", "").wantStatus(t, 200)
		})
	})
}

func TestSessionLimits(t *testing.T) {
	s := serve(t, storetest.SQLite(t), settings{"CHATIRE_RATE_LIMIT": "on"})
	ada, bob := signUp(t, s, "ada"), signUp(t, s, "bob")
	room := ada.open()

	t.Run("C2 refuse the 61st session in a minute", func(t *testing.T) {
		for range 59 {
			ada.open()
		}
		s.unchanged(t, func() { ada.call("POST", "/api/chats/", "").wantThrottled(t) })
		bob.open()
	})
	t.Run("C6 refuse the 31st name that does not exist", func(t *testing.T) {
		path := "/api/chats/" + room + "/"
		for i := range 30 {
			ada.call("PATCH", path, fmt.Sprintf(`{"username":"nobody%d"}`, i)).wantStatus(t, 400)
		}
		ada.call("PATCH", path, `{"username":"nobody"}`).wantThrottled(t)
		ada.call("PATCH", path, `{"username":"bob"}`).wantThrottled(t)
	})
	t.Run("C8 refuse the 301st uri that is not found", func(t *testing.T) {
		own := bob.open()
		for i := range 300 {
			bob.call("GET", fmt.Sprintf("/api/chats/%015x/messages/", i), "").want(t, 404, notFound)
		}
		bob.call("GET", "/api/chats/000000000000000/messages/", "").wantThrottled(t)
		bob.call("GET", "/api/chats/"+own+"/messages/", "").wantThrottled(t) // or a hit would show
		ada.call("GET", "/api/chats/"+room+"/messages/", "").wantStatus(t, 200)
	})
}

// raw sends a path as it is, without an understanding of it.
func (u *user) raw(method, path, body string) answer {
	u.t.Helper()
	r, err := http.NewRequestWithContext(u.t.Context(), method, u.s.url, strings.NewReader(body))
	if err != nil {
		u.t.Fatal(err)
	}
	r.URL.Opaque = path
	r.Header = u.header()
	return do(u.t, r)
}
