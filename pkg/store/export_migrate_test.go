package store

import (
	"context"

	"github.com/chatire/chatire/migrations"
)

// Apply takes one step of the schema.
func Apply(ctx context.Context, s *Store, m migrations.Migration) (applied bool, err error) {
	return s.apply(ctx, m)
}

// Statements splits a migration.
var Statements = statements
