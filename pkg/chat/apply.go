package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Document says how something is to be: a User, a Session or a Token. What its
// specification leaves out stays as it is. Name is that of the User, or what documents
// call the Session or the Token.
type Document struct {
	Kind    DocumentKind
	Name    string
	User    *UserSpec
	Session *SessionSpec
	Token   *TokenSpec
}

// DocumentKind is what a Document describes.
type DocumentKind string

const (
	KindUser    DocumentKind = "User"
	KindSession DocumentKind = "Session"
	KindToken   DocumentKind = "Token"
)

// UserSpec is how an account is to be. A new one needs a Password.
type UserSpec struct {
	Email    *string
	Admin    *bool
	Disabled *bool
	Password *Secret
}

// SessionSpec is how a Session is to be. Members are those whom the Document looks after:
// who joined otherwise stays, who was in an earlier Document and is no more goes.
type SessionSpec struct {
	Owner   string
	Title   *string
	Access  *Access
	Closed  *bool
	Members []MemberSpec
}

// MemberSpec is a Member of a Session.
type MemberSpec struct {
	User string
	Role Role
}

// TokenSpec is how a Token is to be. It is known by its Secret, which somebody else made.
type TokenSpec struct {
	User   string
	Secret Secret
	TTL    time.Duration // for a new one; 0: as one from a sign-in
}

// Applied is what a Document names in the database.
type Applied struct {
	Kind       DocumentKind
	Name       string
	Collection string
	Ref        string   // the username, the uri, or the id of the token
	Members    []string // whom the Document had in a Session
}

// AppliedStore keeps what was applied.
type AppliedStore interface {
	// Applied returns what was applied under a name.
	Applied(ctx context.Context, kind DocumentKind, name string) (Applied, error)

	// ListApplied returns what was applied as a part of a collection, by kind and name.
	ListApplied(ctx context.Context, collection string) ([]Applied, error)

	// SetApplied notes what was applied, in the place of what was noted before.
	SetApplied(ctx context.Context, a Applied) error

	ForgetApplied(ctx context.Context, kind DocumentKind, name string) error
}

// ApplyAction says what was done about a Document.
type ApplyAction string

const (
	ApplyCreated    ApplyAction = "created"
	ApplyConfigured ApplyAction = "configured"
	ApplyUnchanged  ApplyAction = "unchanged"
	ApplyPruned     ApplyAction = "pruned" // a user disabled, a session closed, a token ended
)

// FieldChange is one difference that a Document made. "" stands for nothing.
type FieldChange struct {
	Field  string
	Before string
	After  string
}

// ApplyResult says what was done about a Document.
type ApplyResult struct {
	Kind    DocumentKind
	Name    string
	Ref     string
	Action  ApplyAction
	Changes []FieldChange
}

// MaxDocuments bounds how many Documents are applied at once.
const MaxDocuments = 200

// Apply makes everything as the Documents say, in one transaction: all of it or nothing.
// They are a part of the named collection; with prune, what earlier Documents of it
// described and these do not is disabled, closed or ended. Applied again they change
// nothing. who is seen in Sessions as the one who changes them, or else their owner.
func (s *Service) Apply(ctx context.Context, who Identity, collection string, documents []Document, prune bool) ([]ApplyResult, error) {
	if err := checkDocuments(collection, documents); err != nil {
		return nil, err
	}
	prepared, err := s.prepareApply(ctx, documents)
	if err != nil {
		return nil, err
	}
	var a *application
	kept, err := s.administer(ctx, func(tx Store) error {
		a = &application{s: s, tx: tx, ctx: ctx, who: who, collection: collection, digests: prepared}
		return a.all(documents, prune)
	})
	if err != nil {
		return nil, err
	}
	if kept {
		for _, tell := range a.tell {
			tell()
		}
	}
	return a.results, nil
}

// application is Documents that are being applied, in one transaction.
type application struct {
	s          *Service
	tx         Store
	ctx        context.Context
	who        Identity
	collection string
	digests    map[string]Secret // of the passwords that are to be set, by username
	results    []ApplyResult
	tell       []func() // what to do once it is committed
}

// applyOrder is the order in which things need each other.
var applyOrder = []DocumentKind{KindUser, KindSession, KindToken}

func (a *application) all(documents []Document, prune bool) error {
	a.results = make([]ApplyResult, len(documents))
	for _, kind := range applyOrder {
		for i, d := range documents {
			if d.Kind != kind {
				continue
			}
			result, err := a.one(d)
			if err != nil {
				return inDocument(i, err)
			}
			result.Kind, result.Name = d.Kind, d.Name
			a.results[i] = result
		}
	}
	if !prune {
		return nil
	}
	return a.prune(documents)
}

func (a *application) one(d Document) (ApplyResult, error) {
	switch d.Kind {
	case KindUser:
		return a.user(d.Name, *d.User)
	case KindSession:
		return a.session(d.Name, *d.Session)
	default:
		return a.token(d.Name, *d.Token)
	}
}

// prune takes back what earlier Documents of the collection described and these do not,
// the last kind first.
func (a *application) prune(documents []Document) error {
	earlier, err := a.tx.ListApplied(a.ctx, a.collection)
	if err != nil {
		return fmt.Errorf("list what was applied: %w", err)
	}
	for _, kind := range slices.Backward(applyOrder) {
		for _, e := range earlier {
			if e.Kind != kind || slices.ContainsFunc(documents, func(d Document) bool { return d.Kind == e.Kind && d.Name == e.Name }) {
				continue
			}
			if err := a.takeBack(e); err != nil {
				return fmt.Errorf("prune %s %s: %w", e.Kind, e.Name, err)
			}
			a.results = append(a.results, ApplyResult{Kind: e.Kind, Name: e.Name, Ref: e.Ref, Action: ApplyPruned})
		}
	}
	return nil
}

// takeBack undoes what was applied, without destroying anything. What is gone already is
// only forgotten.
func (a *application) takeBack(e Applied) (err error) {
	switch e.Kind {
	case KindUser:
		err = a.pruneUser(e)
	case KindSession:
		err = a.pruneSession(e)
	case KindToken:
		err = a.pruneToken(e)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return a.tx.ForgetApplied(a.ctx, e.Kind, e.Name)
}

// note notes what a Document names.
func (a *application) note(kind DocumentKind, name, ref string, members []string) error {
	return a.tx.SetApplied(a.ctx, Applied{Kind: kind, Name: name, Collection: a.collection, Ref: ref, Members: members})
}

// inDocument says of an error in which Document it is.
func inDocument(i int, err error) error {
	refused, ok := errors.AsType[*Error](err)
	if !ok || refused.Code == Unavailable {
		return err
	}
	prefix := fmt.Sprintf("documents.%d", i)
	if len(refused.Fields) == 0 {
		return &Error{Code: refused.Code, Fields: map[string][]string{prefix: {refused.Detail}}}
	}
	fields := map[string][]string{}
	for name, complaints := range refused.Fields {
		fields[prefix+".spec."+name] = complaints
	}
	return &Error{Code: refused.Code, Fields: fields}
}

// maxDocumentName bounds the name of a Document in bytes.
const maxDocumentName = 4 * MaxUsername

func checkDocuments(collection string, documents []Document) error {
	if collection == "" || len(collection) > maxDocumentName || len(checkPassword(Secret(collection))) > 0 {
		return FieldError("collection", "This is no name for a collection.")
	}
	if len(documents) > MaxDocuments {
		return FieldError("documents", fmt.Sprintf("Send up to %d documents.", MaxDocuments))
	}
	type key struct {
		kind DocumentKind
		name string
	}
	seen := map[key]bool{}
	for i, d := range documents {
		k := key{d.Kind, d.Name}
		switch {
		case d.Name == "" || len(d.Name) > maxDocumentName || len(checkPassword(Secret(d.Name))) > 0:
			return inDocument(i, FieldError("name", "This is no name for a document."))
		case seen[k]:
			return inDocument(i, Errorf(Conflict, "There is another %s %s.", d.Kind, d.Name))
		}
		seen[k] = true
	}
	return nil
}

// differs adds a change if there is one.
func (r *ApplyResult) differs(field, before, after string) bool {
	if before == after {
		return false
	}
	r.Changes = append(r.Changes, FieldChange{field, before, after})
	if r.Action == "" {
		r.Action = ApplyConfigured
	}
	return true
}

// ended returns the result as it is when nothing more is done.
func (r ApplyResult) ended() ApplyResult {
	if r.Action == "" {
		r.Action = ApplyUnchanged
	}
	return r
}
