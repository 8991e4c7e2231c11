package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatire/chatire/pkg/chat"
)

// table is one of the schema, as PostgreSQL describes it.
type table struct {
	name    string
	columns []tableColumn
}

// tableColumn is one column.
type tableColumn struct {
	Name    string
	Type    string
	Key     int  // place in the primary key, from 0; -1 outside of it
	Counted bool // the database counts its values
}

// columnKinds are the types that the migrations may use.
var columnKinds = []string{"bigint", "boolean", "bytea", "text", "timestamp with time zone"}

func (t table) quoted() string { return identifier(t.name) }

// identifier is a name as both databases take it.
func identifier(name string) string { return pgx.Identifier{name}.Sanitize() }

func (t table) columnNames() (names []string) {
	for _, c := range t.columns {
		names = append(names, c.Name)
	}
	return names
}

// list is the columns, as they stand in a SELECT.
func (t table) list() string {
	var names []string
	for _, c := range t.columns {
		names = append(names, identifier(c.Name))
	}
	return strings.Join(names, ", ")
}

// key is the places of the columns of the key, in its order.
func (t table) key() (places []int) {
	for i, c := range t.columns {
		if c.Key >= 0 {
			places = append(places, i)
		}
	}
	slices.SortFunc(places, func(a, b int) int { return t.columns[a].Key - t.columns[b].Key })
	return places
}

// order is the key, as it stands in an ORDER BY. collation is that of texts.
func (t table) order(collation string) string {
	var names []string
	for _, i := range t.key() {
		name := identifier(t.columns[i].Name)
		if t.columns[i].Type == "text" {
			name += collation
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// nameOf names a row by its key, for people.
func (t table) nameOf(values []any) string {
	var parts []string
	for _, i := range t.key() {
		part := fmt.Sprintf("%s %v", t.columns[i].Name, values[i])
		if text, ok := values[i].(string); ok {
			part = fmt.Sprintf("%s %q", t.columns[i].Name, text)
		}
		parts = append(parts, part)
	}
	return fmt.Sprintf("the row of %s with %s", t.name, strings.Join(parts, ", "))
}

// adopt brings the values of a row into the form that both databases share, and refuses
// what PostgreSQL would not keep as it is.
func (t table) adopt(values []any) error {
	for i, c := range t.columns {
		v, complaint := adopted(c.Type, values[i])
		if complaint != "" {
			return chat.Errorf(chat.Conflict, "PostgreSQL cannot keep %s: its %s %s.", t.nameOf(values), c.Name, complaint)
		}
		values[i] = v
	}
	return nil
}

// adopted returns a value of a type in the form that is copied and compared: int64, bool,
// string, []byte, time.Time, or nil for NULL.
func adopted(kind string, value any) (any, string) {
	switch v := value.(type) {
	case nil:
		return nil, ""
	case int64:
		switch {
		case kind == "bigint":
			return v, ""
		case kind == "boolean" && (v == 0 || v == 1): // as SQLite keeps it
			return v == 1, ""
		}
	case bool:
		if kind == "boolean" {
			return v, ""
		}
	case string:
		if kind == "text" {
			if !isText(v) {
				return nil, "has a NUL, or is no UTF-8"
			}
			return v, ""
		}
	case []byte:
		if kind == "bytea" {
			return append([]byte{}, v...), "" // an empty one may come as nil
		}
	case time.Time:
		if kind == "timestamp with time zone" {
			if v.Nanosecond()%1000 != 0 {
				return nil, "is finer than a microsecond"
			}
			return v.UTC(), ""
		}
	}
	return nil, "is no " + kind
}

// encode appends the values of a row, so that different rows have different encodings.
func encode(b []byte, values []any) []byte {
	for _, value := range values {
		switch v := value.(type) {
		case nil:
			b = append(b, 'n')
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
		case bool:
			if v {
				b = append(b, 't')
			} else {
				b = append(b, 'f')
			}
		case string:
			b = append(binary.BigEndian.AppendUint64(append(b, 's'), uint64(len(v))), v...)
		case []byte:
			b = append(binary.BigEndian.AppendUint64(append(b, 'b'), uint64(len(v))), v...)
		case time.Time:
			b = binary.BigEndian.AppendUint64(append(b, 'm'), uint64(v.UnixMicro()))
		default:
			panic(fmt.Sprintf("a value of type %T was not adopted", value))
		}
	}
	return b
}
