package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// answers is a server that gives its answers one after the other, and the requests
// that it got, in words.
type answers struct {
	t        *testing.T
	client   *Client
	requests chan string
}

// newAnswers takes answers such as "200 {}" with headers after a second space, or
// "cut" for none at all.
func newAnswers(t *testing.T, answer ...string) *answers {
	a := &answers{t: t, requests: make(chan string, 4096)}
	next := make(chan string, len(answer))
	for _, text := range answer {
		next <- text
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.requests <- strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, body))
		select {
		case text := <-next:
			give(w, text)
		default:
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	var err error
	if a.client, err = New(server.URL+"/", WithToken("secret")); err != nil {
		t.Fatal(err)
	}
	a.client.retry = backoff{base: time.Millisecond, cap: time.Millisecond}
	t.Cleanup(a.client.Close)
	return a
}

func give(w http.ResponseWriter, text string) {
	status, body, _ := strings.Cut(text, " ")
	code := 0
	if _, err := fmt.Sscan(status, &code); err != nil {
		panic(http.ErrAbortHandler)
	}
	if after, ok := strings.CutPrefix(body, "after "); ok {
		w.Header().Set("Retry-After", after)
		body = `{"detail":"Later."}`
	}
	w.WriteHeader(code)
	io.WriteString(w, body)
}

// want takes the next request that the server got.
func (a *answers) want(request string) {
	a.t.Helper()
	select {
	case got := <-a.requests:
		if got != request {
			a.t.Errorf("the client asked %s, want %s", got, request)
		}
	default:
		a.t.Errorf("the client did not ask %s", request)
	}
}

func TestRequests(t *testing.T) {
	ctx := t.Context()
	seq := func(n int64) *int64 { return &n }
	for request, ask := range map[string]func(c *Client) error{
		`POST /auth/users/create/ {"email":"a@b.c","password":"p","username":"ada"}`: func(c *Client) error { _, err := c.SignUp(ctx, "ada", "p", "a@b.c"); return err },
		`POST /auth/token/create/ {"label":"phone","password":"p","username":"ada"}`: func(c *Client) error { _, err := c.SignIn(ctx, "ada", "p", "phone"); return err },
		`POST /auth/token/destroy/`:         func(c *Client) error { return c.SignOut(ctx) },
		`GET /auth/me/`:                     func(c *Client) error { _, err := c.Me(ctx); return err },
		`PATCH /auth/me/ {"email":"a@b.c"}`: func(c *Client) error { _, err := c.SetEmail(ctx, "a@b.c"); return err },
		`POST /auth/password/ {"current_password":"p","new_password":"q"}`:   func(c *Client) error { return c.SetPassword(ctx, "p", "q") },
		`POST /auth/username/ {"current_password":"p","new_username":"eve"}`: func(c *Client) error { return c.SetUsername(ctx, "p", "eve") },
		`POST /auth/users/delete/ {"current_password":"p"}`:                  func(c *Client) error { return c.DeleteAccount(ctx, "p") },
		`POST /auth/password/reset/ {"email":"a@b.c"}`:                       func(c *Client) error { return c.AskReset(ctx, "a@b.c") },
		`POST /auth/password/reset/confirm/ {"new_password":"q","token":"t","uid":"u"}`: func(c *Client) error {
			return c.ConfirmReset(ctx, "u", "t", "q")
		},
		`GET /auth/tokens/`:                            func(c *Client) error { _, err := c.Tokens(ctx); return err },
		`DELETE /auth/tokens/5/`:                       func(c *Client) error { return c.RevokeToken(ctx, 5) },
		`POST /api/chats/ {"client_id":"x"}`:           func(c *Client) error { _, err := c.CreateSession(ctx, "x"); return err },
		`GET /api/chats/u/`:                            func(c *Client) error { _, err := c.Session(ctx, "u"); return err },
		`GET /api/chats/?cursor=c%2B&limit=5`:          func(c *Client) error { _, err := c.Sessions(ctx, "c+", 5); return err },
		`PATCH /api/chats/u/ {"title":"T"}`:            func(c *Client) error { _, err := c.SetTitle(ctx, "u", "T"); return err },
		`PATCH /api/chats/u/ {"username":"bob"}`:       func(c *Client) error { _, err := c.Add(ctx, "u", "bob"); return err },
		`DELETE /api/chats/u/members/a%2Fb@c+d%3F/`:    func(c *Client) error { return c.Remove(ctx, "u", "a/b@c+d?") },
		`POST /api/chats/u/messages/ {"message":"hi"}`: func(c *Client) error { _, err := c.Post(ctx, "u", "hi", ""); return err },
		`GET /api/chats/u/messages/?before=9&limit=5`: func(c *Client) error {
			_, err := c.History(ctx, "u", chat.HistoryPage{Before: seq(9), Limit: 5})
			return err
		},
		`GET /api/chats/u/messages/?after=0`: func(c *Client) error {
			_, err := c.History(ctx, "u", chat.HistoryPage{After: seq(0)})
			return err
		},
		`GET /api/chats/u/events/?after=7&limit=5`: func(c *Client) error { _, err := c.Events(ctx, "u", 7, 5); return err },
	} {
		t.Run(request, func(t *testing.T) {
			a := newAnswers(t, "200 {}")
			if err := ask(a.client); err != nil {
				t.Error(err)
			}
			a.want(request)
		})
	}
}

func TestAnswers(t *testing.T) {
	t.Run("fills in what a Session is", func(t *testing.T) {
		a := newAnswers(t, `200 {"id":3,"uri":"u","title":"T","role":"owner","head":9,"unread":2,
			"created_date":"2030-01-02T03:04:05.000006Z","members":[{"user":{"id":7,"username":"ada"},"role":"owner"}],"member_count":1}`)
		s, err := a.client.Session(t.Context(), "u")
		if err != nil {
			t.Fatal(err)
		}
		if s.Head != 9 || s.Unread.Messages != 2 || s.Members[0].User.Username != "ada" || s.CreatedDate.Nanosecond() != 6000 {
			t.Errorf("got %+v", s)
		}
	})

	t.Run("reads a Log page by page", func(t *testing.T) {
		a := newAnswers(t, `200 {"events":[{"seq":1,"event":"joined"},{"seq":2,"event":"message","message":"hi"}],"has_more":true}`,
			`200 {"events":[{"seq":3,"event":"message","message":"ho"}],"has_more":false}`)
		events, err := a.client.AllEvents(t.Context(), "u")
		if err != nil || len(events) != 3 || events[2].Message != "ho" || events[2].URI != "u" {
			t.Errorf("got %v, %v", events, err)
		}
		a.want("GET /api/chats/u/events/?after=0&limit=200")
		a.want("GET /api/chats/u/events/?after=2&limit=200")
	})

	t.Run("tells a refusal in full", func(t *testing.T) {
		a := newAnswers(t, `400 {"message":["Too long."],"client_id":["Odd.","Taken."]}`, "503 after 7",
			`410 {"detail":"Gone.","oldest":900}`, "502 <html>", "301 ")
		wantError(t, a.client, 400, "400: client_id: Odd. Taken.; message: Too long.", chat.Invalid)
		if e := wantError(t, a.client, 503, "503: Later.", chat.Unavailable); e.RetryAfter != 7*time.Second {
			t.Errorf("RetryAfter is %v", e.RetryAfter)
		}
		if e := wantError(t, a.client, 410, "410: Gone.", ""); e.Oldest != 900 {
			t.Errorf("Oldest is %d", e.Oldest)
		}
		wantError(t, a.client, 502, "502: Bad Gateway", "")
		wantError(t, a.client, 301, "301: Moved Permanently", "")
	})

	t.Run("never shows the token", func(t *testing.T) {
		a := newAnswers(t)
		if shown := fmt.Sprintf("%+v", a.client); strings.Contains(shown, "secret") {
			t.Errorf("it shows %s", shown)
		}
	})
}

func wantError(t *testing.T, c *Client, status int, text string, code chat.Code) *Error {
	t.Helper()
	_, err := c.Me(t.Context())
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	if e.Status != status || e.Error() != text || chat.CodeOf(err) != code {
		t.Errorf("got %d, %q, %q", e.Status, e.Error(), chat.CodeOf(err))
	}
	return e
}

func TestNew(t *testing.T) {
	for _, address := range []string{"", "chat.example.com", "ftp://chat.example.com", "http://", "http://a b"} {
		if _, err := New(address); err == nil {
			t.Errorf("it takes %q", address)
		}
	}
	c, err := New("https://chat.example.com/sub/")
	if err != nil {
		t.Fatal(err)
	}
	if c.sockets[0] != "wss://chat.example.com/sub/ws/" {
		t.Errorf("the websocket is expected at %s", c.sockets[0])
	}
}

func TestPostReliably(t *testing.T) {
	const stored = `200 {"seq":5,"id":5,"rev":5,"message":"hi","client_id":"x"}`

	t.Run("sends again under the same id until it knows", func(t *testing.T) {
		a := newAnswers(t, "cut", "503 after 0", "404 {}", "401 {}", "429 after 0", stored)
		m, err := a.client.PostReliably(t.Context(), "u", "hi", "x")
		if err != nil || m.Seq != 5 {
			t.Errorf("got %+v, %v", m, err)
		}
		for range 6 {
			a.want(`POST /api/chats/u/messages/ {"client_id":"x","message":"hi"}`)
		}
	})

	t.Run("makes an id if there is none", func(t *testing.T) {
		a := newAnswers(t, "503 after 0", stored)
		if _, err := a.client.PostReliably(t.Context(), "u", "hi", ""); err != nil {
			t.Fatal(err)
		}
		first, second := clientIDOf(t, <-a.requests), clientIDOf(t, <-a.requests)
		if len(first) < 20 || first != second {
			t.Errorf("the ids are %q and %q", first, second)
		}
	})

	t.Run("waits as long as the server asks", func(t *testing.T) {
		a := newAnswers(t, "429 after 1", stored)
		began := time.Now()
		if _, err := a.client.PostReliably(t.Context(), "u", "hi", "x"); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited < time.Second {
			t.Errorf("it waited %v", waited)
		}
	})

	for _, refusal := range []int{400, 409, 413, 415} {
		t.Run(fmt.Sprintf("believes a %d at any time", refusal), func(t *testing.T) {
			a := newAnswers(t, "cut", fmt.Sprintf("%d {}", refusal), stored)
			_, err := a.client.PostReliably(t.Context(), "u", "hi", "x")
			if status(err) != refusal {
				t.Errorf("got %v", err)
			}
		})
	}

	for _, refusal := range []int{401, 403, 404} {
		t.Run(fmt.Sprintf("believes a %d to the first try", refusal), func(t *testing.T) {
			a := newAnswers(t, fmt.Sprintf("%d {}", refusal), stored)
			_, err := a.client.PostReliably(t.Context(), "u", "hi", "x")
			if status(err) != refusal || errors.Is(err, ErrUnknownOutcome) {
				t.Errorf("got %v", err)
			}
		})
	}

	t.Run("says when it does not know", func(t *testing.T) {
		a := newAnswers(t, "cut", "404 {}")
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := a.client.PostReliably(ctx, "u", "hi", "x"); !errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("got %v", err)
		}
	})

	t.Run("knows that throttled tries stored nothing", func(t *testing.T) {
		a := newAnswers(t, "429 after 60")
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := a.client.PostReliably(ctx, "u", "hi", "x")
		if status(err) != 429 || errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("got %v", err)
		}
	})
}

func clientIDOf(t *testing.T, request string) string {
	t.Helper()
	var in struct {
		ClientID string `json:"client_id"`
	}
	if err := json.Unmarshal([]byte(request[strings.Index(request, "{"):]), &in); err != nil {
		t.Fatal(err)
	}
	return in.ClientID
}
