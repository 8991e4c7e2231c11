package api_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"testing"
)

// TestConformance replays what was recorded at the original. Every case runs, in
// the settings it was recorded in, on each database; and every answer is one that
// the schema describes.
func TestConformance(t *testing.T) {
	cases := readGolden(t)
	variants := map[string]settings{
		"default":        {"CHATIRE_CORS_ORIGINS": "*"},
		"djoser122":      {"CHATIRE_CORS_ORIGINS": "*"},
		"cors-whitelist": {"CHATIRE_CORS_ORIGINS": "http://localhost:8080,https://hostname.example.com"},
	}
	for variant, differ := range variants {
		t.Run(variant, func(t *testing.T) {
			eachDatabase(t, differ, func(t *testing.T, s *server) {
				s.checked(t)
				b := newBindings(s.url)
				for _, c := range cases {
					if c.Group == "setup" || c.Variant == variant {
						t.Run(c.Group+"/"+c.Name, func(t *testing.T) { s.replay(t, b, c) })
					}
				}
			})
		})
	}
}

func readGolden(t *testing.T) (cases []goldenCase) {
	t.Helper()
	f, err := os.Open("testdata/golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		c := goldenCase{Variant: "default"}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return cases
}

// replay plays a story step by step. An answer counts if it is one of those that
// are accepted.
func (s *server) replay(t *testing.T, b *bindings, c goldenCase) {
	for i, step := range c.Steps {
		if step.Admin != nil {
			s.administrate(t, step.Admin[0], b.fill(t, step.Admin[1]))
			continue
		}
		got := s.golden(t, b, step.Request)
		accepted := append(step.Sane, step.Alt...)
		if step.Sane == nil {
			accepted = append(oneOrMany{step.Response}, accepted...)
		}
		var nearest *match
		for _, want := range accepted {
			if m := b.compare(want, got); nearest == nil || len(m.errors) < len(nearest.errors) {
				nearest = m
			}
		}
		if len(nearest.errors) > 0 {
			t.Errorf("step %d, %s %s: %s\nanswer %d %s", i+1, step.Request.Method, step.Request.Path,
				strings.Join(nearest.errors, "; "), got.status, got.body)
		}
		for key, value := range nearest.fresh {
			b.vars[key] = value
		}
	}
}

func (s *server) administrate(t *testing.T, action, username string) {
	t.Helper()
	err := error(nil)
	switch action {
	case "deactivate":
		err = s.kit.Chat.DisableUser(t.Context(), username)
	case "activate":
		err = s.kit.Chat.EnableUser(t.Context(), username)
	default:
		t.Fatalf("no such step: %s", action)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (s *server) golden(t *testing.T, b *bindings, r *goldenRequest) answer {
	t.Helper()
	header := http.Header{}
	for name, value := range r.Headers {
		header.Set(name, b.fill(t, value))
	}
	if r.ContentType != "" {
		header.Set("Content-Type", r.ContentType)
	}
	var body string
	switch {
	case r.BodyB64 != nil:
		raw, err := base64.StdEncoding.DecodeString(*r.BodyB64)
		if err != nil {
			t.Fatal(err)
		}
		body = string(raw)
	case r.Body != nil:
		body = b.fill(t, *r.Body)
	}
	return s.send(t, r.Method, b.fill(t, r.Path), header, body)
}

func canonical(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }
