package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chatire/chatire/pkg/store/storetest"
)

// ofASession is each operation on a Session, with a body that its owner could send.
var ofASession = map[string]string{
	"GET /api/chats/:uri/":                                   ``,
	"PATCH /api/chats/:uri/":                                 `{"username":"ada"}`,
	"DELETE /api/chats/:uri/":                                ``,
	"GET /api/chats/:uri/preview/":                           ``,
	"POST /api/chats/:uri/close/":                            ``,
	"GET /api/chats/:uri/messages/":                          ``,
	"POST /api/chats/:uri/messages/":                         `{"message":"mine"}`,
	"GET /api/chats/:uri/messages/:seq/":                     ``,
	"PATCH /api/chats/:uri/messages/:seq/":                   `{"message":"mine"}`,
	"DELETE /api/chats/:uri/messages/:seq/":                  ``,
	"PUT /api/chats/:uri/messages/:seq/reactions/:emoji/":    ``,
	"DELETE /api/chats/:uri/messages/:seq/reactions/:emoji/": ``,
	"GET /api/chats/:uri/events/":                            ``,
	"GET /api/chats/:uri/read/":                              ``,
	"PUT /api/chats/:uri/read/":                              `{"seq":3}`,
	"PUT /api/chats/:uri/notify/":                            `{"notify":"none"}`,
	"GET /api/chats/:uri/search/":                            ``,
	"PATCH /api/chats/:uri/members/:username/":               `{"role":"moderator"}`,
	"DELETE /api/chats/:uri/members/:username/":              ``,
	"GET /api/chats/:uri/bans/":                              ``,
	"PUT /api/chats/:uri/bans/:username/":                    ``,
	"DELETE /api/chats/:uri/bans/:username/":                 ``,
	"GET /api/chats/:uri/invites/":                           ``,
	"POST /api/chats/:uri/invites/":                          `{}`,
	"DELETE /api/chats/:uri/invites/:id/":                    ``,
}

// TestEverySessionRouteAsksWhoYouAre tries each route as nobody, as a stranger, as one
// who was removed, and as one who is banned, with what would work for the owner.
func TestEverySessionRouteAsksWhoYouAre(t *testing.T) {
	eachDatabase(t, nil, func(t *testing.T, s *server) {
		s.checked(t)
		ada, bob, removed, banned, eve := signUp(t, s, "ada"), signUp(t, s, "bob"), signUp(t, s, "removed"), signUp(t, s, "banned"), signUp(t, s, "eve")
		room := ada.open()
		for _, u := range []*user{bob, removed, banned} {
			u.join(room)
		}
		seq := fmt.Sprint(ada.call("POST", "/api/chats/"+room+"/messages/", `{"message":"hello"}`).json(t)["seq"])
		ada.call("PUT", "/api/chats/"+room+"/messages/"+seq+"/reactions/👍/", "").wantStatus(t, 204)
		invite := fmt.Sprint(ada.call("POST", "/api/chats/"+room+"/invites/", "{}").json(t)["id"])
		ada.call("DELETE", "/api/chats/"+room+"/members/removed/", "").wantStatus(t, 204)
		ada.call("PUT", "/api/chats/"+room+"/bans/banned/", "").wantStatus(t, 204)
		path := func(route, uri string) string {
			p := strings.NewReplacer(":uri", uri, ":seq", seq, ":emoji", "👍", ":username", "bob", ":id", invite).Replace(route)
			if strings.HasSuffix(p, "/search/") {
				p += "?q=hello"
			}
			return p
		}
		for _, op := range operations(loadSchema(t, s)) {
			method, route, _ := strings.Cut(op, " ")
			if !strings.Contains(route, ":uri") || strings.HasPrefix(route, "/api/admin/") { // see TestAdminIsForAdministrators
				continue
			}
			body, known := ofASession[op]
			if !known {
				t.Errorf("%s has no row in ofASession", op)
			}
			t.Run(op, func(t *testing.T) {
				s.unchanged(t, func() {
					(&user{t: t, s: s}).call(method, path(route, room), body).wantUnauthorized(t, noCredentials)
					ada.call(method, path(route, "000000000000000"), body).want(t, 404, notFound)
					ada.call(method, path(route, strings.ToUpper(room)), body).want(t, 404, notFound)
					for _, u := range []*user{eve, removed, banned} {
						got := u.call(method, path(route, room), body)
						switch {
						case !strings.HasSuffix(route, "/preview/"):
							got.want(t, 404, notFound)
						case u == banned:
							got.wantStatus(t, 403)
						default:
							got.wantStatus(t, 200) // they have the link
						}
					}
				})
			})
		}
	})
}

// TestNoRouteTrustsAPlace has numbers and names in a path that are none.
func TestNoRouteTrustsAPlace(t *testing.T) {
	eachDatabase(t, nil, func(t *testing.T, s *server) {
		s.checked(t)
		ada := signUp(t, s, "ada")
		room := ada.open()
		ada.post(room, "hello")
		path := "/api/chats/" + room + "/"
		s.unchanged(t, func() {
			for _, seq := range []string{"0", "-1", "x", "1", "999", "9223372036854775807", "9223372036854775808", "1.5", "0x2", "%00", "..%2f2", "+2", "02"} {
				ada.raw("GET", path+"messages/"+seq+"/", "").want(t, 404, notFound)
				ada.raw("PATCH", path+"messages/"+seq+"/", `{"message":"x"}`).want(t, 404, notFound)
				ada.raw("DELETE", path+"messages/"+seq+"/", "").want(t, 404, notFound)
				ada.raw("PUT", path+"messages/"+seq+"/reactions/%F0%9F%91%8D/", "").want(t, 404, notFound)
				ada.raw("DELETE", path+"invites/"+seq+"/", "").want(t, 404, notFound)
			}
			for _, emoji := range []string{"x", "%20", "%00", "%F0%9F%91%8D%F0%9F%91%8D", "%FF", "1", "%E2%80%8D", strings.Repeat("%F0%9F%91%8D", 300)} {
				if got := ada.raw("PUT", path+"messages/2/reactions/"+emoji+"/", ""); got.status != 400 && got.status != 404 {
					t.Errorf("%.40s: answer %d %s", emoji, got.status, got.body)
				}
			}
			for _, code := range []string{"x", "%00", "..", room, strings.Repeat("a", 3000)} {
				ada.raw("GET", "/api/invites/"+code+"/", "").want(t, 404, notFound)
				ada.raw("POST", "/api/invites/"+code+"/", "").want(t, 404, notFound)
			}
			for _, request := range []struct{ method, rest, body, field string }{
				{"PUT", "read/", `{"seq":-1}`, "seq"}, {"PUT", "read/", `{"seq":"x"}`, "seq"}, {"PUT", "read/", `{"seq":1.5}`, "seq"},
				{"PUT", "read/", `{}`, "seq"}, {"PUT", "read/", `{"seq":99999999999999999999}`, "seq"}, {"PUT", "read/", `{"seq":null}`, "seq"},
				{"PUT", "notify/", `{"notify":"loud"}`, "notify"}, {"PUT", "notify/", `{}`, "notify"}, {"PUT", "notify/", `{"notify":1}`, "notify"},
				{"POST", "invites/", `{"role":"owner"}`, "role"}, {"POST", "invites/", `{"role":"x"}`, "role"},
				{"POST", "invites/", `{"max_uses":-1}`, "max_uses"}, {"POST", "invites/", `{"expires_in":-1}`, "expires_in"},
				{"POST", "invites/", `{"expires_in":9223372036854775807}`, "expires_in"},
				{"POST", "messages/", `{"message":"x","reply_to":-1}`, "reply_to"}, {"POST", "messages/", `{"message":"x","reply_to":999}`, "reply_to"},
				{"POST", "messages/", `{"message":"x","reply_to":"1"}`, "reply_to"}, {"POST", "messages/", `{"message":"x","reply_to":1}`, "reply_to"},
				{"PATCH", "messages/2/", `{"message":""}`, "message"}, {"PATCH", "messages/2/", `{"message":{}}`, "message"}, {"PATCH", "messages/2/", `{}`, "message"},
				{"GET", "search/", "", "q"}, {"GET", "search/?q=%00", "", "q"}, {"GET", "search/?q=x&limit=0", "", "limit"}, {"GET", "search/?q=x&since=yesterday", "", "since"},
				{"GET", "search/?q=x&cursor=zz", "", "cursor"}, {"GET", "search/?q=" + strings.Repeat("x", 1000), "", "q"},
			} {
				got := ada.call(request.method, path+request.rest, request.body)
				got.wantStatus(t, 400)
				if got.status == 400 && got.json(t)[request.field] == nil {
					t.Errorf("%s %.60s %s: answer %s", request.method, request.rest, request.body, got.body)
				}
			}
		})
	})
}

func TestChangeLimits(t *testing.T) {
	s := serve(t, storetest.SQLite(t), settings{"CHATIRE_RATE_LIMIT": "on"})
	for _, limit := range []struct {
		name, method, rest, body string
		times                    int
	}{
		{"changes", "PUT", "notify/", `{"notify":"all"}`, 60},
		{"reads", "PUT", "read/", `{"seq":1}`, 120},
		{"searches", "GET", "search/?q=hello", ``, 60},
	} {
		t.Run(limit.name, func(t *testing.T) {
			ada, bob := signUp(t, s, "ada-"+limit.name), signUp(t, s, "bob-"+limit.name)
			mine, other := "/api/chats/"+ada.open()+"/", "/api/chats/"+ada.open()+"/"
			for range limit.times {
				if got := ada.call(limit.method, mine+limit.rest, limit.body); got.status >= 300 {
					t.Fatalf("answer %d %s", got.status, got.body)
				}
			}
			s.unchanged(t, func() {
				ada.call(limit.method, mine+limit.rest, limit.body).wantThrottled(t)
				ada.call(limit.method, other+limit.rest, limit.body).wantThrottled(t)
			})
			if got := bob.call(limit.method, "/api/chats/"+bob.open()+"/"+limit.rest, limit.body); got.status >= 300 {
				t.Errorf("somebody else: answer %d %s", got.status, got.body)
			}
			if !strings.Contains(s.operators(t, "/metrics").body, `chatire_rate_limited_total{limiter="`+limit.name+`"} 2`) {
				t.Error("the refusals are not counted")
			}
		})
	}
}

// TestDeletedTextIsGone looks for a text in all that the database has.
func TestDeletedTextIsGone(t *testing.T) {
	eachDatabase(t, nil, func(t *testing.T, s *server) {
		ada := signUp(t, s, "ada")
		path := "/api/chats/" + ada.open() + "/messages/"
		found := func(word string) (n int64) {
			err := s.db.QueryRowContext(t.Context(), `SELECT count(*) FROM events WHERE body LIKE '%`+word+`%' OR coalesce(client_id, '') LIKE '%`+word+`%'`).Scan(&n)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		seq := fmt.Sprint(ada.call("POST", path, `{"message":"first secret"}`).json(t)["seq"])
		ada.call("PATCH", path+seq+"/", `{"message":"second secret"}`).wantStatus(t, 200)
		if found("first") != 0 || found("second") != 1 {
			t.Errorf("after an edit the old text is there %d times, the new one %d times", found("first"), found("second"))
		}
		ada.call("DELETE", path+seq+"/", "").wantStatus(t, 204)
		if n := found("secret"); n != 0 {
			t.Errorf("a deleted text is there %d times", n)
		}
	})
}
