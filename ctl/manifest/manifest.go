// Package manifest reads the documents that chatirectl apply takes: YAML or JSON, in the
// shape that Kubernetes gave such files.
package manifest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/chatire/chatire/pkg/chat"
)

// APIVersion is what documents of this form say.
const APIVersion = "chatire/v1"

// Source is where a document stands.
type Source struct {
	File string
	body ast.Node
}

// Documents are documents and where they stand.
type Documents struct {
	List    []chat.Document
	sources []Source
}

// Error is what is wrong at one place of a file.
type Error struct {
	File         string
	Line, Column int
	Why          string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Why) }

// reference is where a secret comes from: never from the document itself.
type reference struct {
	Env  string `yaml:"env"`
	File string `yaml:"file"`
}

// Header is what all documents begin with.
type Header struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
}

type userDocument struct {
	Header `yaml:",inline"`
	Spec   struct {
		Email    *string    `yaml:"email"`
		Admin    *bool      `yaml:"admin"`
		Disabled *bool      `yaml:"disabled"`
		Password *reference `yaml:"password"`
	} `yaml:"spec"`
}

type sessionDocument struct {
	Header `yaml:",inline"`
	Spec   struct {
		Owner   string       `yaml:"owner"`
		Title   *string      `yaml:"title"`
		Access  *chat.Access `yaml:"access"`
		Closed  *bool        `yaml:"closed"`
		Members []struct {
			User string    `yaml:"user"`
			Role chat.Role `yaml:"role"`
		} `yaml:"members"`
	} `yaml:"spec"`
}

type tokenDocument struct {
	Header `yaml:",inline"`
	Spec   struct {
		User   string     `yaml:"user"`
		Secret *reference `yaml:"secret"`
		TTL    string     `yaml:"ttl"`
	} `yaml:"spec"`
}

// Reader reads documents.
type Reader struct {
	Stdin   io.Reader
	Environ map[string]string
}

// maxFile bounds a file: what is larger cannot be sent.
const maxFile = 1 << 20

// Read adds the documents of a file, or for "-" of the input.
func (r Reader) Read(path string, into *Documents) error {
	text, err := r.text(path)
	if err != nil {
		return fmt.Errorf("read the documents: %w", err)
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return located(path, err)
	}
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		source := Source{path, doc.Body}
		d, err := r.document(source)
		if err != nil {
			return err
		}
		into.List, into.sources = append(into.List, d), append(into.sources, source)
	}
	return nil
}

func (r Reader) text(path string) ([]byte, error) {
	in := r.Stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return text, err
}

func (r Reader) document(s Source) (chat.Document, error) {
	if s.body.Type() != ast.MappingType && s.body.Type() != ast.MappingValueType {
		return chat.Document{}, s.complain("", "this is no document: apiVersion, kind, metadata and spec are expected")
	}
	var h Header
	if err := yaml.NodeToValue(s.body, &h); err != nil {
		return chat.Document{}, located(s.File, err)
	}
	switch {
	case h.APIVersion != APIVersion:
		return chat.Document{}, s.complain("apiVersion", fmt.Sprintf("apiVersion must be %s", APIVersion))
	case h.Metadata.Name == "":
		return chat.Document{}, s.complain("metadata", "metadata.name is missing")
	}
	d := chat.Document{Kind: chat.DocumentKind(h.Kind), Name: h.Metadata.Name}
	var err error
	switch d.Kind {
	case chat.KindUser:
		d.User, err = r.user(s)
	case chat.KindSession:
		d.Session, err = r.session(s)
	case chat.KindToken:
		d.Token, err = r.token(s)
	default:
		err = s.complain("kind", "kind must be User, Session or Token")
	}
	return d, err
}

func (r Reader) user(s Source) (*chat.UserSpec, error) {
	var in userDocument
	if err := s.strictly(&in); err != nil {
		return nil, err
	}
	spec := &chat.UserSpec{Email: in.Spec.Email, Admin: in.Spec.Admin, Disabled: in.Spec.Disabled}
	if in.Spec.Password != nil {
		password, err := r.secret(s, "spec.password", *in.Spec.Password)
		if err != nil {
			return nil, err
		}
		spec.Password = &password
	}
	return spec, nil
}

func (r Reader) session(s Source) (*chat.SessionSpec, error) {
	var in sessionDocument
	if err := s.strictly(&in); err != nil {
		return nil, err
	}
	if in.Spec.Owner == "" {
		return nil, s.complain("spec", "spec.owner is missing")
	}
	spec := &chat.SessionSpec{Owner: in.Spec.Owner, Title: in.Spec.Title, Access: in.Spec.Access, Closed: in.Spec.Closed}
	for _, m := range in.Spec.Members {
		if m.Role == "" {
			m.Role = chat.RoleMember
		}
		spec.Members = append(spec.Members, chat.MemberSpec{User: m.User, Role: m.Role})
	}
	return spec, nil
}

func (r Reader) token(s Source) (*chat.TokenSpec, error) {
	var in tokenDocument
	if err := s.strictly(&in); err != nil {
		return nil, err
	}
	switch {
	case in.Spec.User == "":
		return nil, s.complain("spec", "spec.user is missing")
	case in.Spec.Secret == nil:
		return nil, s.complain("spec", "spec.secret is missing")
	}
	spec := &chat.TokenSpec{User: in.Spec.User}
	var err error
	if spec.Secret, err = r.secret(s, "spec.secret", *in.Spec.Secret); err != nil {
		return nil, err
	}
	if in.Spec.TTL != "" {
		if spec.TTL, err = time.ParseDuration(in.Spec.TTL); err != nil || spec.TTL < time.Second {
			return nil, s.complain("spec.ttl", "this is not a time of a second or more, such as 720h")
		}
	}
	return spec, nil
}

// secret reads what a reference refers to. A file is looked for where the document is.
func (r Reader) secret(s Source, path string, ref reference) (chat.Secret, error) {
	switch {
	case (ref.Env == "") == (ref.File == ""):
		return "", s.complain(path, "say where the secret is: env: NAME or file: PATH")
	case ref.Env != "":
		secret := strings.TrimSpace(r.Environ[ref.Env])
		if secret == "" {
			return "", s.complain(path, fmt.Sprintf("the environment has no %s", ref.Env))
		}
		return chat.Secret(secret), nil
	}
	name := ref.File
	if !filepath.IsAbs(name) && s.File != "-" {
		name = filepath.Join(filepath.Dir(s.File), name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", s.complain(path, err.Error())
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if strings.TrimSpace(first) == "" {
		return "", s.complain(path, fmt.Sprintf("%s is empty", name))
	}
	return chat.Secret(strings.TrimSpace(first)), nil
}

// strictly decodes a document and refuses fields that it does not know.
func (s Source) strictly(into any) error {
	if err := yaml.NodeToValue(s.body, into, yaml.Strict()); err != nil {
		return located(s.File, err)
	}
	return nil
}

// complain says what is wrong at a path of the document, or at what is above it.
func (s Source) complain(path, why string) error {
	node := s.body
	for at := path; at != ""; {
		if p, err := yaml.PathString("$." + at); err == nil {
			if found, err := p.FilterNode(s.body); err == nil && found != nil {
				node = found
				break
			}
		}
		cut := strings.LastIndexAny(at, ".[")
		if cut < 0 {
			break
		}
		at = at[:cut]
	}
	token := node.GetToken()
	return &Error{s.File, token.Position.Line, token.Position.Column, why}
}

// located says where an error of the YAML library is.
func located(file string, err error) error {
	var wrong yaml.Error
	if errors.As(err, &wrong) && wrong.GetToken() != nil {
		at := wrong.GetToken().Position
		return &Error{file, at.Line, at.Column, wrong.GetMessage()}
	}
	return fmt.Errorf("%s: %w", file, err)
}

// Locate says where in the files a refusal of the server is: it counts documents.
func (d *Documents) Locate(err error) error {
	refused, ok := errors.AsType[*chat.Error](err)
	if !ok {
		return err
	}
	for name, complaints := range refused.Fields {
		rest, counted := strings.CutPrefix(name, "documents.")
		if !counted {
			continue
		}
		number, path, _ := strings.Cut(rest, ".")
		var i int
		if _, scanErr := fmt.Sscanf(number, "%d", &i); scanErr != nil || i < 0 || i >= len(d.sources) {
			continue
		}
		field := path
		if _, inside, found := strings.Cut(path, "spec."); found {
			field = inside
		}
		text := strings.Join(complaints, " ")
		if field != "" {
			text = field + ": " + text
		}
		located := d.sources[i].complain(indexed(path), text)
		return &chat.Error{Code: refused.Code, Detail: located.Error()}
	}
	return err
}

// indexed writes members.0.role as members[0].role.
func indexed(path string) string {
	parts := strings.Split(path, ".")
	out := ""
	for i, part := range parts {
		switch {
		case part != "" && strings.Trim(part, "0123456789") == "":
			out += "[" + part + "]"
		case i == 0:
			out = part
		default:
			out += "." + part
		}
	}
	return out
}
