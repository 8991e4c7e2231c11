package api_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/chatire/chatire/pkg/store/storetest"
)

// TestSchema compares the description that is served with what answers.
func TestSchema(t *testing.T) {
	s := serve(t, storetest.SQLite(t), nil)
	doc := loadSchema(t, s)

	t.Run("is one that programs can read", func(t *testing.T) {
		if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.IsOpenAPI31OrLater()); err != nil {
			t.Error(err)
		}
	})
	t.Run("explains every operation", func(t *testing.T) {
		for path, item := range doc.Paths.Map() {
			for method, op := range item.Operations() {
				if op.Summary == "" || !strings.HasSuffix(strings.TrimSpace(op.Description), ".") || op.OperationID == "" {
					t.Errorf("%s %s: needs an id, a summary and a description of whole sentences", method, path)
				}
			}
		}
	})
	t.Run("lists the routes that there are, and no others", func(t *testing.T) {
		described, there := operations(doc), s.routes(t)
		for _, op := range described {
			if !slices.Contains(there, op) {
				t.Errorf("%s is described and is no route", op)
			}
		}
		for _, op := range there {
			if !slices.Contains(described, op) {
				t.Errorf("%s is a route that is not described", op)
			}
		}
	})
}

func loadSchema(t *testing.T, s *server) *openapi3.T {
	t.Helper()
	got := s.send(t, "GET", "/api/schema/", nil, "")
	if got.status != 200 || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("the schema is not served: %d %s", got.status, got.body)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(got.body))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// operations returns what the schema describes as "METHOD /path/:param/".
func operations(doc *openapi3.T) (ops []string) {
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			ops = append(ops, method+" "+strings.NewReplacer("{", ":", "}", "").Replace(path))
		}
	}
	return ops
}

// routes returns what the server answers, by asking each path for its methods.
func (s *server) routes(t *testing.T) (ops []string) {
	t.Helper()
	ada := signUp(t, s, "ada")
	for _, path := range s.paths() {
		got := ada.call("OPTIONS", strings.NewReplacer(":uri", "000000000000000", ":username", "ada", ":id", "1", ":seq", "1").Replace(path), "")
		for _, method := range list(got.header.Get("Allow")) {
			if method != "head" && method != "options" {
				ops = append(ops, strings.ToUpper(method)+" "+path)
			}
		}
	}
	return ops
}

// checked makes every answer that a test gets be compared with the schema.
func (s *server) checked(t *testing.T) {
	t.Helper()
	router, err := gorillamux.NewRouter(loadSchema(t, s))
	if err != nil {
		t.Fatal(err)
	}
	s.check = func(t *testing.T, r *http.Request, got answer) {
		t.Helper()
		plain := r.Clone(r.Context())
		plain.URL = &url.URL{Path: strings.TrimSuffix(r.URL.Path, "/") + "/"}
		route, params, err := router.FindRoute(plain)
		if err != nil {
			return // not described, as methods that are not allowed
		}
		checkAnswer(t, plain, route, params, got)
	}
}

func checkAnswer(t *testing.T, r *http.Request, route *routers.Route, params map[string]string, got answer) {
	t.Helper()
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 got.status,
		Header:                 got.header,
		Body:                   io.NopCloser(bytes.NewBufferString(got.body)),
	}
	if err := openapi3filter.ValidateResponse(t.Context(), input); err != nil {
		t.Errorf("%s %s is not answered as described: %v\nanswer %d %s", r.Method, r.URL.Path, err, got.status, got.body)
	}
}
