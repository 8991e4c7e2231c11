package migrations_test

import (
	"strings"
	"testing"

	"github.com/chatire/chatire/migrations"
)

func TestMigrations(t *testing.T) {
	for name, words := range map[string]migrations.Words{"postgres": migrations.Postgres, "sqlite": migrations.SQLite} {
		t.Run(name, func(t *testing.T) {
			all, err := migrations.All(words)
			if err != nil {
				t.Fatal(err)
			}
			if len(all) != migrations.Latest() {
				t.Errorf("%d steps lead to version %d", len(all), migrations.Latest())
			}
			oldest := 1
			for i, m := range all {
				if m.Version != i+1 || m.Name == "" {
					t.Errorf("step %d is %d %q", i+1, m.Version, m.Name)
				}
				if m.Oldest < oldest {
					t.Errorf("step %d lets builds of version %d come back", m.Version, m.Oldest)
				}
				oldest = m.Oldest
				if strings.Contains(m.SQL, "{{") || strings.Contains(m.SQL, "<no value>") {
					t.Errorf("step %d has words that were not spelled out", m.Version)
				}
			}
		})
	}
}
