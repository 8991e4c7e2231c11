package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatire/chatire/migrations"
	"github.com/chatire/chatire/pkg/chat"
)

// copyTimeout bounds a copy; its context ends it before.
const copyTimeout = 24 * time.Hour

// versionsTable is the one table that is not copied: each database notes in it what
// was done to its own schema.
const versionsTable = "schema_version"

// seededTables have a row as soon as there is a schema. It gives way to that of the
// source.
var seededTables = []string{"audit_head", "installation"}

// CopyOptions say how to copy.
type CopyOptions struct {
	// DryRun takes everything back at its end.
	DryRun bool

	// Began is told of each pass over all rows, such as "rows copied", and of how many
	// there are, and Passed of each row. A pass may begin anew. Both may be nil.
	Began  func(done string, rows int64)
	Passed func()
}

// Copied is what there is of one table on both sides.
type Copied struct {
	Table string
	Rows  int64
	Sum   string // SHA-256 of all values, in the order of the table's key
}

// CopyFrom fills a PostgreSQL that has no data, or not even a schema, with everything
// that the source has: the log stays the same log, under its epoch. All of it is one
// transaction, in which both sides are compared row by row; whatever happens before its
// end, the database stays as it was.
func (s *Store) CopyFrom(ctx context.Context, source *Source, o CopyOptions) (copied []Copied, err error) {
	if s.dialect != &postgres {
		return nil, errors.New("only a PostgreSQL can be copied to")
	}
	err = s.alone(ctx, copyTimeout, func(tx *Store) error {
		c := &copying{source: source, target: tx, CopyOptions: o}
		if copied, err = c.run(ctx); err == nil && o.DryRun {
			return errTakenBack
		}
		return err
	})
	if errors.Is(err, errTakenBack) {
		return copied, nil
	}
	return copied, err
}

// errTakenBack ends the transaction of a dry run.
var errTakenBack = errors.New("a dry run is taken back")

// copying is one copy.
type copying struct {
	CopyOptions
	source *Source
	target *Store // the transaction
	tables []table
	rows   map[string]int64 // of each table, in the source
}

func (c *copying) run(ctx context.Context) ([]Copied, error) {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"prepare the target", c.prepare},
		{"compare the schemas", c.compareSchemas},
		{"count rows", c.count},
		{"copy", c.fill},
		{"set the next ids", c.setIDs},
	} {
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	copied, err := c.compare(ctx)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	if err := c.checkHeads(ctx); err != nil {
		return nil, fmt.Errorf("check the heads: %w", err)
	}
	return copied, c.analyze(ctx)
}

// prepare brings the target's schema to the version of this build, keeps others from
// writing to it, and refuses one that has data.
func (c *copying) prepare(ctx context.Context) (err error) {
	if err := c.target.takeTime(ctx); err != nil {
		return err
	}
	if c.tables, err = c.target.tables(ctx); err != nil {
		return err
	}
	isVersions := func(t table) bool { return t.name == versionsTable }
	if len(c.tables) > 0 && !slices.ContainsFunc(c.tables, isVersions) {
		return chat.Errorf(chat.Conflict, "The target has tables that are not Chatire's, such as %s: name an empty database.", c.tables[0].name)
	}
	if err := c.migrate(ctx); err != nil {
		return err
	}
	if c.tables, err = c.target.tables(ctx); err != nil {
		return err
	}
	c.tables = slices.DeleteFunc(c.tables, isVersions)
	if err := c.target.lockTables(ctx, c.tables); err != nil {
		return err
	}
	return c.makeRoom(ctx)
}

// migrate does as Migrate, within the one transaction.
func (c *copying) migrate(ctx context.Context) error {
	all, err := migrations.All(c.target.dialect.words)
	if err != nil {
		return err
	}
	if err := c.target.createVersionsHere(ctx); err != nil {
		return err
	}
	for _, m := range all {
		if _, err := c.target.applyHere(ctx, m); err != nil {
			return fmt.Errorf("apply migration %d %s: %w", m.Version, m.Name, err)
		}
	}
	return c.target.ExactSchema(ctx)
}

// makeRoom takes the rows away that come with a schema, and refuses all others.
func (c *copying) makeRoom(ctx context.Context) error {
	for _, t := range c.tables {
		if slices.Contains(seededTables, t.name) {
			if err := c.target.step(ctx, `DELETE FROM `+t.quoted()); err != nil {
				return err
			}
			continue
		}
		var filled bool
		if err := c.target.one(ctx, opSchema, &filled, `SELECT EXISTS (SELECT 1 FROM `+t.quoted()+`)`); err != nil {
			return err
		}
		if filled {
			return chat.Errorf(chat.Conflict, "The target has data already, in %s: only an empty database can be copied to.", t.name)
		}
	}
	return nil
}

// compareSchemas refuses what has a place in one of the databases only: it would be
// forgotten.
func (c *copying) compareSchemas(ctx context.Context) error {
	there, err := c.source.columns(ctx)
	if err != nil {
		return err
	}
	var here []string
	for _, t := range c.tables {
		for _, name := range t.columnNames() {
			here = append(here, t.name+"."+name)
		}
	}
	for _, name := range there {
		if !slices.Contains(here, name) {
			return chat.Errorf(chat.Conflict, "The source has %s and the target has no place for it.", name)
		}
	}
	for _, name := range here {
		if !slices.Contains(there, name) {
			return chat.Errorf(chat.Conflict, "The target has %s, and the source has nothing for it.", name)
		}
	}
	return nil
}

func (c *copying) count(ctx context.Context) error {
	c.rows = map[string]int64{}
	for _, t := range c.tables {
		n, err := c.source.count(ctx, t)
		if err != nil {
			return err
		}
		c.rows[t.name] = n
	}
	return nil
}

// began begins a pass over all rows.
func (c *copying) began(done string) {
	if c.Began == nil {
		return
	}
	all := int64(0)
	for _, n := range c.rows {
		all += n
	}
	c.Began(done, all)
}

func (c *copying) passed() {
	if c.Passed != nil {
		c.Passed()
	}
}

// fill copies the rows of all tables. A handful of them is in memory at a time.
func (c *copying) fill(ctx context.Context) error {
	c.began("rows copied")
	for _, t := range c.tables {
		rows, err := c.source.read(ctx, t, c.passed)
		if err != nil {
			return err
		}
		n, err := c.target.fill(ctx, t, rows)
		if err := errors.Join(rows.err, rows.close()); err != nil {
			return err // the target knows only that there is no more
		}
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		if n != c.rows[t.name] {
			return fmt.Errorf("%s: %d of %d rows were copied", t.name, n, c.rows[t.name])
		}
	}
	return nil
}

// setIDs makes each table go on behind the greatest id that the source ever gave, so
// that a deleted one is not given again.
func (c *copying) setIDs(ctx context.Context) error {
	for _, t := range c.tables {
		for _, column := range t.columns {
			if !column.Counted {
				continue
			}
			last, err := c.source.lastID(ctx, t, column)
			if err != nil {
				return err
			}
			if err := c.target.setNextID(ctx, t, column, last+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *copying) compare(ctx context.Context) ([]Copied, error) {
	c.began("rows compared")
	var all []Copied
	for _, t := range c.tables {
		copied, err := c.compareTable(ctx, t)
		if err != nil {
			return nil, err
		}
		if copied.Rows != c.rows[t.name] {
			return nil, fmt.Errorf("%s: %d of %d rows were compared", t.name, copied.Rows, c.rows[t.name])
		}
		all = append(all, copied)
	}
	slices.SortFunc(all, func(a, b Copied) int { return cmp.Compare(a.Table, b.Table) })
	return all, nil
}

// compareTable reads a table on both sides in the order of its key and compares row by
// row, in the one form that values of both have.
func (c *copying) compareTable(ctx context.Context, t table) (copied Copied, err error) {
	there, err := c.source.read(ctx, t, c.passed)
	if err != nil {
		return Copied{}, err
	}
	defer func() { err = errors.Join(err, there.close()) }()
	sum := sha256.New()
	copied.Table = t.name
	var a, b []byte
	err = c.target.raw(func(conn *pgx.Conn) error {
		here, err := readPostgres(ctx, conn, t)
		if err != nil {
			return err
		}
		defer here.rows.Close()
		for there.Next() {
			if !here.next() {
				return errors.Join(here.err(), fmt.Errorf("%s is missing in the target", t.nameOf(there.values)))
			}
			a, b = encode(a[:0], there.values), encode(b[:0], here.values)
			if !bytes.Equal(a, b) {
				return fmt.Errorf("%s and %s differ", t.nameOf(there.values), t.nameOf(here.values))
			}
			sum.Write(a)
			copied.Rows++
		}
		if there.err == nil && here.next() {
			return fmt.Errorf("%s is in the target only", t.nameOf(here.values))
		}
		return errors.Join(there.err, here.err())
	})
	copied.Sum = hex.EncodeToString(sum.Sum(nil))
	return copied, err
}

// checkHeads wants each log to be whole: as many Events as its head says. A deleted
// session's may have gone. Reading all logs may take longer than a statement may.
func (c *copying) checkHeads(ctx context.Context) error {
	var broken []struct{ URI string }
	err := c.target.read.NewRaw(
		`SELECT s.uri FROM sessions s
		   LEFT JOIN (SELECT session_id, count(*) AS n, max(seq) AS head FROM events GROUP BY session_id) e ON e.session_id = s.id
		  WHERE s.deleted_at IS NULL AND (coalesce(e.n, 0) <> s.last_seq OR coalesce(e.head, 0) <> s.last_seq) ORDER BY s.id LIMIT 1`).Scan(ctx, &broken)
	if err != nil {
		return c.target.dialect.meaning(err)
	}
	if len(broken) > 0 {
		return chat.Errorf(chat.Conflict, "The log of session %s does not end where its head is: the source is damaged.", broken[0].URI)
	}
	return nil
}

// analyze has the database plan for what is there now, and not for empty tables.
func (c *copying) analyze(ctx context.Context) error {
	for _, t := range c.tables {
		if err := c.target.step(ctx, `ANALYZE `+t.quoted()); err != nil {
			return fmt.Errorf("analyze %s: %w", t.name, err)
		}
	}
	return nil
}
