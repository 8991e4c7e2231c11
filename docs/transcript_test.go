package docs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/api"
	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/worker"
)

// address is where the README has Chatire running.
const address = "http://127.0.0.1:8000"

// TestTranscript does what the README tells its readers to do, one command after the
// other, and compares the answers with those it shows.
func TestTranscript(t *testing.T) {
	r := &reader{site: startSite(t, api.New, worker.New), vars: map[string]string{}}
	done := 0
	for _, b := range read(t, "README.md").blocks {
		if b.language != "console" {
			continue
		}
		for _, step := range strings.Split("\n"+strings.TrimSpace(b.text), "\n$ ")[1:] {
			command, shown, _ := strings.Cut(step, "\n")
			r.do(t, command, shown)
			done++
		}
	}
	if done == 0 {
		t.Error("it tells nothing to do")
	}
}

// reader is a stranger with the README.
type reader struct {
	*site
	vars map[string]string
	last string // the last answer
}

var assignment = regexp.MustCompile(`^([A-Z]+)=([0-9a-f]+)$`)

// do runs a command as a shell would, for the few kinds that are shown.
func (r *reader) do(t *testing.T, command, shown string) {
	t.Helper()
	if match := assignment.FindStringSubmatch(command); match != nil {
		r.keep(t, match[1])
		return
	}
	words := split(command)
	if words[0] != "curl" {
		t.Errorf("the test cannot do %q", command)
		return
	}
	for i := range words {
		words[i] = os.Expand(words[i], func(name string) string { return r.vars[name] })
	}
	r.last = r.curl(t, words[1:])
	if got, want := faceless(r.last), faceless(shown); got != want {
		t.Errorf("%s\nshould answer %s\nand answers   %s", command, want, got)
	}
}

// keep puts what the last answer says into a variable, as readers do who paste their
// own.
func (r *reader) keep(t *testing.T, name string) {
	t.Helper()
	field := map[string]string{"TOKEN": "auth_token", "URI": "uri"}[name]
	var answer map[string]any
	if err := json.Unmarshal([]byte(r.last), &answer); err != nil {
		t.Fatal(err)
	}
	value, ok := answer[field].(string)
	if !ok {
		t.Fatalf("nothing to put into %s", name)
	}
	r.vars[name] = value
}

// split returns the words of a command; double quotes hold words together.
func split(command string) (words []string) {
	for i, part := range strings.Split(command, `"`) {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// curl sends what curl would send.
func (r *reader) curl(t *testing.T, args []string) string {
	t.Helper()
	method, url, header := "", "", http.Header{}
	var data []string
	for len(args) > 0 {
		switch args[0] {
		case "-X":
			method, args = args[1], args[2:]
		case "-d":
			data, args = append(data, args[1]), args[2:]
		case "-H":
			name, value, _ := strings.Cut(args[1], ": ")
			header.Set(name, value)
			args = args[2:]
		default:
			url, args = args[0], args[1:]
		}
	}
	if len(data) > 0 {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		if method == "" {
			method = http.MethodPost
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), method, strings.Replace(url, address, r.url, 1), strings.NewReader(strings.Join(data, "&")))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// faceless takes out of an answer what is another one each time.
func faceless(answer string) string {
	for _, each := range []struct{ pattern, instead string }{
		{`"[0-9a-f]{40}"`, `"TOKEN"`},
		{`"[0-9a-f]{15}"`, `"URI"`},
		{`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"`, `"DATE"`},
	} {
		answer = regexp.MustCompile(each.pattern).ReplaceAllString(answer, each.instead)
	}
	return answer
}

// TestHello compares the first frame of a worker with the one that is shown.
func TestHello(t *testing.T) {
	s := startSite(t, api.New, worker.New)
	nobody, err := client.New(s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()
	if _, err := nobody.SignUp(t.Context(), "ada", "correct-horse-9", ""); err != nil {
		t.Fatal(err)
	}
	token, err := nobody.SignIn(t.Context(), "ada", "correct-horse-9", "")
	if err != nil {
		t.Fatal(err)
	}
	hello := make(chan string, 1)
	device := nobody.As(token).Device(client.DeviceOptions{Hooks: client.Hooks{OnFrame: func(f client.Frame) {
		if f.Type == "hello" {
			select {
			case hello <- string(f.Text):
			default:
			}
		}
	}}})
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { gone <- device.Run(ctx) }()
	var text string
	select {
	case text = <-hello:
	case <-time.After(20 * time.Second):
		t.Error("nothing is said")
	}
	leave()
	if err := <-gone; err != nil || t.Failed() {
		t.Fatal(err)
	}
	type frame struct {
		Type       string         `json:"type"`
		Connection string         `json:"connection"`
		Epoch      string         `json:"epoch"`
		Heartbeat  int            `json:"heartbeat"`
		Limits     map[string]int `json:"limits"`
	}
	var got, shown frame
	strictly(t, text, &got)
	for _, example := range examples(t, read(t, "docs/PROTOCOL.md"), fromServer) {
		if strings.Contains(example, `"hello"`) {
			strictly(t, example, &shown)
		}
	}
	if len(got.Connection) != len(shown.Connection) || len(got.Epoch) != len(shown.Epoch) {
		t.Errorf("connection %s and epoch %s look otherwise", got.Connection, got.Epoch)
	}
	got.Connection, got.Epoch = shown.Connection, shown.Epoch
	if fmt.Sprint(got) != fmt.Sprint(shown) {
		t.Errorf("a worker says %v, the document %v", got, shown)
	}
}
