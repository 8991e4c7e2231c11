package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// user is somebody who is signed in.
type user struct {
	t     *testing.T
	s     *server
	name  string
	token string
}

const password = "correct-horse-9"

// signUp creates an account and signs in.
func signUp(t *testing.T, s *server, name string) *user {
	t.Helper()
	u := &user{t: t, s: s, name: name}
	mailbox := strings.TrimFunc(name, func(r rune) bool { return r > 'z' || r == '@' })
	body := `{"username":"` + name + `","password":"` + password + `","email":"` + mailbox + `@example.com"}`
	if got := u.call("POST", "/auth/users/create/", body); got.status != 201 {
		t.Fatalf("sign up %s: %d %s", name, got.status, got.body)
	}
	return signIn(t, s, name)
}

// signIn signs in once more, as on another device.
func signIn(t *testing.T, s *server, name string) *user {
	t.Helper()
	u := &user{t: t, s: s, name: name}
	got := u.call("POST", "/auth/token/create/", `{"username":"`+name+`","password":"`+password+`"}`)
	if got.status != 200 {
		t.Fatalf("sign in %s: %d %s", name, got.status, got.body)
	}
	u.token = got.json(t)["auth_token"].(string)
	return u
}

// call sends JSON with the user's token.
func (u *user) call(method, path, body string) answer {
	u.t.Helper()
	return u.s.send(u.t, method, path, u.header(), body)
}

func (u *user) header() http.Header {
	header := http.Header{"Content-Type": {"application/json"}}
	if u.token != "" {
		header.Set("Authorization", "Token "+u.token)
	}
	return header
}

// open creates a session and returns its uri.
func (u *user) open() string {
	u.t.Helper()
	got := u.call("POST", "/api/chats/", "")
	if got.status != 200 {
		u.t.Fatalf("open a session: %d %s", got.status, got.body)
	}
	return got.json(u.t)["uri"].(string)
}

// join makes the user a member of a session.
func (u *user) join(uri string) {
	u.t.Helper()
	if got := u.call("PATCH", "/api/chats/"+uri+"/", `{"username":"`+u.name+`"}`); got.status != 200 {
		u.t.Fatalf("join: %d %s", got.status, got.body)
	}
}

// post posts a message and returns its seq.
func (u *user) post(uri, text string) int64 {
	u.t.Helper()
	body, err := json.Marshal(map[string]string{"message": text})
	if err != nil {
		u.t.Fatal(err)
	}
	got := u.call("POST", "/api/chats/"+uri+"/messages/", string(body))
	if got.status != 200 {
		u.t.Fatalf("post: %d %s", got.status, got.body)
	}
	seq, _ := got.json(u.t)["seq"].(json.Number).Int64()
	return seq
}

// json returns the object that an answer is.
func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	v, err := decodeJSON(a.body)
	object, ok := v.(map[string]any)
	if err != nil || !ok {
		t.Fatalf("the answer is no JSON object: %d %s", a.status, a.body)
	}
	return object
}
