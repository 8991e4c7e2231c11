package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
)

// takeTime lifts the bounds that keep a statement from holding up others.
func (s *Store) takeTime(ctx context.Context) error {
	return errors.Join(
		s.step(ctx, `SET LOCAL statement_timeout = 0`),
		s.step(ctx, `SET LOCAL idle_in_transaction_session_timeout = '1h'`),
	)
}

// raw hands the connection of this transaction over as pgx has it. Meanwhile the
// transaction itself cannot be used.
func (s *Store) raw(fn func(conn *pgx.Conn) error) error {
	conn, ok := s.write.(bun.Conn)
	if !ok {
		return errors.New("a connection is needed, and this is a pool")
	}
	return conn.Raw(func(driver any) error { return s.dialect.meaning(fn(driver.(*stdlib.Conn).Conn())) })
}

// tables returns the tables of the schema without what extensions have made, those that
// others refer to first.
func (s *Store) tables(ctx context.Context) ([]table, error) {
	var columns []struct {
		Relation string
		tableColumn
	}
	err := s.all(ctx, opSchema, &columns,
		`SELECT r.relname AS relation, a.attname AS name, format_type(a.atttypid, NULL) AS type, a.attidentity <> '' AS counted,
		        coalesce(array_position(i.indkey::int2[], a.attnum), -1) AS key
		   FROM pg_class r
		   JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
		   LEFT JOIN pg_index i ON i.indrelid = r.oid AND i.indisprimary
		  WHERE r.relnamespace = current_schema()::regnamespace AND r.relkind IN ('r', 'p')
		    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e')
		  ORDER BY r.relname, a.attnum`)
	if err != nil {
		return nil, err
	}
	var tables []table
	for _, c := range columns {
		if len(tables) == 0 || tables[len(tables)-1].name != c.Relation {
			tables = append(tables, table{name: c.Relation})
		}
		last := &tables[len(tables)-1]
		last.columns = append(last.columns, c.tableColumn)
	}
	return s.parentsFirst(ctx, tables)
}

// parentsFirst orders tables so that the rows that a foreign key wants are there.
func (s *Store) parentsFirst(ctx context.Context, tables []table) ([]table, error) {
	var references []struct{ Child, Parent string }
	err := s.all(ctx, opSchema, &references,
		`SELECT child.relname AS child, parent.relname AS parent FROM pg_constraint f
		   JOIN pg_class child ON child.oid = f.conrelid JOIN pg_class parent ON parent.oid = f.confrelid
		  WHERE f.contype = 'f' AND f.conrelid <> f.confrelid AND f.connamespace = current_schema()::regnamespace`)
	if err != nil {
		return nil, err
	}
	var ordered []table
	for len(tables) > 0 {
		next := slices.IndexFunc(tables, func(t table) bool {
			for _, r := range references {
				if r.Child == t.name && slices.ContainsFunc(tables, func(t table) bool { return t.name == r.Parent }) {
					return false
				}
			}
			return true
		})
		if next < 0 {
			return nil, fmt.Errorf("%s and others refer to each other", tables[0].name)
		}
		ordered = append(ordered, tables[next])
		tables = slices.Delete(tables, next, next+1)
	}
	return ordered, nil
}

// lockTables keeps others from writing until the transaction ends. They can read.
func (s *Store) lockTables(ctx context.Context, tables []table) error {
	var names []string
	for _, t := range tables {
		for _, c := range t.columns {
			if !slices.Contains(columnKinds, c.Type) {
				return fmt.Errorf("%s.%s is a %s: nobody knows how to copy that", t.name, c.Name, c.Type)
			}
		}
		if len(t.key()) == 0 {
			return fmt.Errorf("%s has no primary key: its rows cannot be compared", t.name)
		}
		names = append(names, t.quoted())
	}
	return s.step(ctx, `LOCK TABLE `+strings.Join(names, ", ")+` IN EXCLUSIVE MODE`)
}

// fill stores rows and returns how many.
func (s *Store) fill(ctx context.Context, t table, rows pgx.CopyFromSource) (n int64, err error) {
	err = s.raw(func(conn *pgx.Conn) error {
		n, err = conn.CopyFrom(ctx, pgx.Identifier{t.name}, t.columnNames(), rows)
		return err
	})
	return n, err
}

// setNextID says which id a table gives next. Unlike setval it is taken back with the
// transaction.
func (s *Store) setNextID(ctx context.Context, t table, c tableColumn, id int64) error {
	var sequence string
	if err := s.one(ctx, opSchema, &sequence, `SELECT pg_get_serial_sequence(?, ?)`, t.quoted(), c.Name); err != nil {
		return err
	}
	return s.step(ctx, fmt.Sprintf(`ALTER SEQUENCE %s RESTART WITH %d`, sequence, id))
}

// targetRows are rows of a table as they are in PostgreSQL.
type targetRows struct {
	rows   pgx.Rows
	table  table
	values []any // of the row at hand
	failed error
}

// readPostgres reads a table in the order of its key. SQLite compares texts as bytes.
func readPostgres(ctx context.Context, conn *pgx.Conn, t table) (*targetRows, error) {
	rows, err := conn.Query(ctx, `SELECT `+t.list()+` FROM `+t.quoted()+` ORDER BY `+t.order(` COLLATE "C"`))
	return &targetRows{rows: rows, table: t}, err
}

func (r *targetRows) next() bool {
	if r.failed != nil || !r.rows.Next() {
		return false
	}
	if r.values, r.failed = r.rows.Values(); r.failed == nil {
		r.failed = r.table.adopt(r.values)
	}
	return r.failed == nil
}

func (r *targetRows) err() error { return errors.Join(r.failed, r.rows.Err()) }
