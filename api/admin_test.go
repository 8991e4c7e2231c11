package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// adminPath fills a path of the admin API with things that there are.
func adminPath(path, uri string) string {
	return strings.NewReplacer(":username", "bob", ":uri", uri, ":id", "1", ":seq", "2").Replace(path)
}

// root returns somebody who administers, as after chatirectl admin bootstrap.
func root(t *testing.T, s *server) *user {
	t.Helper()
	signUp(t, s, "root")
	if _, err := s.db.ExecContext(t.Context(), "UPDATE users SET admin = true WHERE username = 'root'"); err != nil {
		t.Fatal(err)
	}
	return signIn(t, s, "root") // who holds an older token may be known as they were, for a moment
}

// TestAdminIsForAdministrators asks all there is to be asked without a token, and with
// that of somebody who administers nothing: nothing changes.
func TestAdminIsForAdministrators(t *testing.T) {
	s := serve(t, storetest.SQLite(t), nil)
	s.checked(t)
	ada := signUp(t, s, "ada")
	signUp(t, s, "bob")
	uri := ada.open()
	ada.post(uri, "hello")
	before := s.rows(t)
	asked := 0
	for _, path := range s.paths() {
		if !strings.HasPrefix(path, "/api/admin/") {
			continue
		}
		path = adminPath(path, uri)
		allowed := list(ada.call("OPTIONS", path, "").header.Get("Allow"))
		for _, method := range allowed {
			method = strings.ToUpper(method)
			if method == http.MethodOptions || method == http.MethodHead {
				continue
			}
			asked++
			if got := s.send(t, method, path, nil, ""); got.status != 401 {
				t.Errorf("%s %s without a token: %d %s", method, path, got.status, got.body)
			}
			for _, body := range []string{"", "{}", `{"admin":true}`} {
				if got := ada.call(method, path, body); got.status != 403 {
					t.Errorf("%s %s of no administrator: %d %s", method, path, got.status, got.body)
				}
			}
		}
	}
	if asked < 29 {
		t.Errorf("only %d things were asked", asked)
	}
	if after := s.rows(t); after != before {
		t.Errorf("something changed: %s, then %s", before, after)
	}
}

// rows returns how much there is of everything.
func (s *server) rows(t *testing.T) string {
	t.Helper()
	var counts []string
	for _, table := range []string{"users", "tokens", "sessions", "members", "events", "audit", "applied"} {
		var n int
		if err := s.db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		counts = append(counts, fmt.Sprintf("%s %d", table, n))
	}
	var admins int
	if err := s.db.QueryRowContext(t.Context(), "SELECT count(*) FROM users WHERE admin OR disabled").Scan(&admins); err != nil {
		t.Fatal(err)
	}
	return strings.Join(append(counts, fmt.Sprint(admins)), ", ")
}

// TestAdminDryRun does all there is to be done as a dry run: it is answered as the change
// is, and nothing changes.
func TestAdminDryRun(t *testing.T) {
	eachDatabase(t, nil, func(t *testing.T, s *server) {
		s.checked(t)
		root := root(t, s)
		ada := signUp(t, s, "ada")
		signUp(t, s, "bob")
		uri := ada.open()
		ada.post(uri, "hello")
		ada.call("PATCH", "/api/chats/"+uri+"/", `{"username":"bob"}`)
		before := s.rows(t)
		changes := []struct {
			method, path, body string
			status             int
		}{
			{"POST", "users/", `{"username":"carol","password":"correct-horse-9"}`, 201},
			{"PATCH", "users/bob/", `{"username":"robert","email":"b@example.com","admin":true}`, 200},
			{"POST", "users/bob/disable/", "", 204},
			{"POST", "users/bob/enable/", "", 204},
			{"PUT", "users/bob/password/", `{"password":"correct-horse-8"}`, 204},
			{"POST", "users/bob/tokens/", `{"label":"robot","ttl":60}`, 201},
			{"DELETE", "users/bob/tokens/", "", 204},
			{"DELETE", "users/bob/", "", 204},
			{"POST", "import/users/", `{"users":[{"username":"dave"},{"username":"bob"}]}`, 200},
			{"PUT", "sessions/" + uri + "/owner/", `{"username":"bob"}`, 204},
			{"DELETE", "sessions/" + uri + "/messages/2/", "", 204},
			{"POST", "sessions/" + uri + "/close/", "", 204},
			{"DELETE", "sessions/" + uri + "/", "", 204},
			{"POST", "apply/", `{"collection":"a","documents":[{"kind":"Session","name":"s","session":{"owner":"bob","title":"t"}}]}`, 200},
		}
		for _, c := range changes {
			if got := root.call(c.method, "/api/admin/"+c.path+"?dry_run=true", c.body); got.status != c.status {
				t.Errorf("%s %s: %d %s, want %d", c.method, c.path, got.status, got.body, c.status)
			}
			if after := s.rows(t); after != before {
				t.Fatalf("%s %s changed something: %s, then %s", c.method, c.path, before, after)
			}
			if got := root.call(c.method, "/api/admin/"+c.path+"?dry_run=maybe", c.body); got.status != 400 {
				t.Errorf("%s %s, maybe: %d %s", c.method, c.path, got.status, got.body)
			}
		}
		if got := ada.call("GET", "/auth/me/", ""); got.status != 200 {
			t.Errorf("a dry run ended a token: %d", got.status)
		}
		// Without it, each of them does something.
		for _, c := range changes {
			if c.path == "users/bob/" && c.method == "PATCH" || c.method == "DELETE" && strings.HasPrefix(c.path, "users/bob/") && !strings.Contains(c.path, "tokens") {
				continue // the others are about bob
			}
			if got := root.call(c.method, "/api/admin/"+c.path, c.body); got.status != c.status {
				t.Errorf("%s %s: %d %s, want %d", c.method, c.path, got.status, got.body, c.status)
			}
			after := s.rows(t)
			if after == before {
				t.Errorf("%s %s changed nothing", c.method, c.path)
			}
			before = after
		}
	})
}

// TestAdminBodies are strict.
func TestAdminBodies(t *testing.T) {
	s := serve(t, storetest.SQLite(t), nil)
	s.checked(t)
	root := root(t, s)
	for _, test := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "users/", `{}`, 400, `{"username":["This field is required."]}`},
		{"POST", "users/", `{"username":"a"}`, 400, `{"password":["This field is required."]}`},
		{"POST", "users/", `{"username":"a","password":"x","colour":1}`, 400, `unknown field \"colour\"`},
		{"POST", "users/", `{"username":1}`, 400, `{"username":["Expected a string, but got a number."]}`},
		{"POST", "users/", `{"username":"a","username":"b"}`, 400, `a name is given twice`},
		{"POST", "users/", `[]`, 400, `Expected a dictionary`},
		{"POST", "users/", `{"username":"root","password":"correct-horse-9"}`, 400, `A user with that username already exists.`},
		{"PATCH", "users/nobody/", `{"admin":true}`, 404, `Not found.`},
		{"PATCH", "users/root/", `{"admin":false}`, 409, `This is the last administrator`},
		{"POST", "users/root/tokens/", `{"ttl":-1}`, 400, `ttl`},
		{"POST", "users/root/tokens/999/rotate/", "", 404, `This user has no such token.`},
		{"POST", "users/root/tokens/01/rotate/", "", 404, `Not found.`},
		{"POST", "import/users/", `{"users":[]}`, 400, `Send from 1 to 500 users.`},
		{"POST", "import/users/", `{"users":[{"username":"a","created_date":"now"}]}`, 400, `created_date: This is not a time`},
		{"POST", "import/users/", `{"users":[{"username":"x y"}]}`, 200, `"outcome":"invalid"`},
		{"POST", "apply/", `{"collection":"","documents":[]}`, 400, `collection`},
		{"POST", "apply/", `{"collection":"a","documents":[{"kind":"User","name":"x"}]}`, 400, `documents.0`},
		{"POST", "apply/", `{"collection":"a","documents":[{"kind":"User","name":"x","user":{}}]}`, 400, `documents.0.spec.password`},
		{"POST", "apply/", `{"collection":"a","documents":[{"kind":"Token","name":"x","token":{"user":"root","secret":"short"}}]}`, 400, `documents.0.spec.secret`},
		{"PUT", "sessions/0/owner/", `{}`, 400, `username`},
		{"GET", "users/?limit=0", "", 400, `limit`},
		{"GET", "sessions/000000000000000/", "", 404, `Not found.`},
		{"GET", "trace/000000000000000/1/", "", 404, `Not found.`},
	} {
		got := root.call(test.method, "/api/admin/"+test.path, test.body)
		if got.status != test.status || !strings.Contains(got.body, test.says) {
			t.Errorf("%s %s %s: %d %s, want %d %s", test.method, test.path, test.body, got.status, got.body, test.status, test.says)
		}
	}
	got := s.send(t, "POST", "/api/admin/users/", http.Header{"Authorization": {"Token " + root.token}, "Content-Type": {"application/x-www-form-urlencoded"}}, "username=a")
	if got.status != 415 {
		t.Errorf("a form: %d %s", got.status, got.body)
	}
}

// TestAdminIsLimited and counted, and noted with address and request.
func TestAdminIsLimited(t *testing.T) {
	s := serve(t, storetest.SQLite(t), settings{"CHATIRE_RATE_LIMIT": "admin=3/1m"})
	s.checked(t)
	root := root(t, s)
	for range 2 {
		if got := root.call("GET", "/api/admin/users/", ""); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	made := root.call("POST", "/api/admin/users/", `{"username":"bob","password":"correct-horse-9"}`)
	if made.status != 201 {
		t.Fatalf("%d %s", made.status, made.body)
	}
	if got := root.call("GET", "/api/admin/users/", ""); got.status != 429 || got.header.Get("Retry-After") == "" {
		t.Errorf("the fourth: %d %s", got.status, got.body)
	}
	entries, err := s.kit.Chat.Audit(t.Context(), 0, 10)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v %v", entries, err)
	}
	want := chat.AuditEntry{Actor: "user:root", Origin: "127.0.0.1", Operation: "user.create", Target: "user/bob", RequestID: made.header.Get("X-Request-ID")}
	if e := entries[0]; e.Actor != want.Actor || e.Origin != want.Origin || e.Operation != want.Operation || e.Target != want.Target || e.RequestID != want.RequestID || e.RequestID == "" {
		t.Errorf("noted %+v, want %+v", e, want)
	}
	metrics := s.operators(t, "/metrics").body
	for _, line := range []string{
		`chatire_admin_operations_total{operation="user.list",result="done"} 2`,
		`chatire_admin_operations_total{operation="user.list",result="refused"} 1`,
		`chatire_admin_operations_total{operation="user.create",result="done"} 1`,
		`chatire_admin_operations_total{operation="user.delete",result="failed"} 0`,
		`chatire_rate_limited_total{limiter="admin"} 1`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics have no %s", line)
		}
	}
}

// TestAdminPages reads lists in pages.
func TestAdminPages(t *testing.T) {
	s := serve(t, storetest.SQLite(t), nil)
	s.checked(t)
	root := root(t, s)
	for _, name := range []string{"ada", "bob", "carol"} {
		signUp(t, s, name)
	}
	var names []string
	after, more := int64(0), true
	for more {
		got := root.call("GET", fmt.Sprintf("/api/admin/users/?after=%d&limit=2", after), "")
		var page struct {
			Users []struct {
				ID       int64
				Username string
			}
			HasMore bool `json:"has_more"`
		}
		if err := json.Unmarshal([]byte(got.body), &page); err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Users {
			names, after = append(names, u.Username), u.ID
		}
		more = page.HasMore
	}
	if fmt.Sprint(names) != "[root ada bob carol]" {
		t.Errorf("the pages have %v", names)
	}
}
