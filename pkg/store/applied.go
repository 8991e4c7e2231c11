package store

import (
	"context"
	"strings"

	"github.com/chatire/chatire/pkg/chat"
)

// appliedRow is a row of applied.
type appliedRow struct {
	Kind       string
	Name       string
	Collection string
	Ref        string
	Members    string
}

func (r *appliedRow) applied() chat.Applied {
	return chat.Applied{
		Kind:       chat.DocumentKind(r.Kind),
		Name:       r.Name,
		Collection: r.Collection,
		Ref:        r.Ref,
		Members:    strings.Fields(r.Members), // a name has no spaces
	}
}

// Applied implements [chat.AppliedStore].
func (s *Store) Applied(ctx context.Context, kind chat.DocumentKind, name string) (chat.Applied, error) {
	var row appliedRow
	err := s.one(ctx, opApplied, &row,
		`SELECT kind, name, collection, ref, members FROM applied WHERE kind = ? AND name = ?`, string(kind), name)
	return row.applied(), err
}

// ListApplied implements [chat.AppliedStore].
func (s *Store) ListApplied(ctx context.Context, collection string) ([]chat.Applied, error) {
	var rows []appliedRow
	err := s.all(ctx, opApplied, &rows,
		`SELECT kind, name, collection, ref, members FROM applied WHERE collection = ? ORDER BY kind, name`, collection)
	all := make([]chat.Applied, len(rows))
	for i := range rows {
		all[i] = rows[i].applied()
	}
	return all, err
}

// SetApplied implements [chat.AppliedStore].
func (s *Store) SetApplied(ctx context.Context, a chat.Applied) error {
	_, err := s.change(ctx, opApplied,
		`INSERT INTO applied (kind, name, collection, ref, members) VALUES (?, ?, ?, ?, ?)
		 ON CONFLICT (kind, name) DO UPDATE SET collection = excluded.collection, ref = excluded.ref, members = excluded.members`,
		string(a.Kind), a.Name, a.Collection, a.Ref, strings.Join(a.Members, " "))
	return err
}

// ForgetApplied implements [chat.AppliedStore].
func (s *Store) ForgetApplied(ctx context.Context, kind chat.DocumentKind, name string) error {
	_, err := s.change(ctx, opApplied, `DELETE FROM applied WHERE kind = ? AND name = ?`, string(kind), name)
	return err
}
