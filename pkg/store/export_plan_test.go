package store

import (
	"context"
	"maps"

	"github.com/uptrace/bun"
)

// Statements of the PostgreSQL appender, and the settings that they run under.
const (
	LockSessions = lockSessions
	AppendMany   = appendMany
	BumpSession  = bumpSession
	AppendOne    = appendOne
)

// Settings returns those of connections, and AppendSettings those of the appender's.
func Settings() map[string]string       { return maps.Clone(settings) }
func AppendSettings() map[string]string { return maps.Clone(appendSettings) }

// Recorded returns a Store like s and the statements that it will have run, with
// their values.
func Recorded(s *Store) (*Store, *[]string) {
	r := &recorder{}
	recorded := *s
	recorded.read = s.pools[len(s.pools)-1].WithQueryHook(r)
	recorded.write = s.pools[0].WithQueryHook(r)
	return &recorded, &r.queries
}

type recorder struct{ queries []string }

// BeforeQuery implements bun.QueryHook.
func (r *recorder) BeforeQuery(ctx context.Context, e *bun.QueryEvent) context.Context {
	r.queries = append(r.queries, e.Query)
	return ctx
}

// AfterQuery implements bun.QueryHook.
func (*recorder) AfterQuery(context.Context, *bun.QueryEvent) {}
