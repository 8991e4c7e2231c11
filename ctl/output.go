package ctl

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

// apiVersion marks the JSON that commands print. What it has stays; more may come.
const apiVersion = "chatire/v1"

// Formats of the output.
const (
	formatTable = "table"
	formatWide  = "wide"
	formatJSON  = "json"
	formatJSONL = "jsonl"
	formatYAML  = "yaml"
	formatCSV   = "csv"
	formatName  = "name"
)

var formats = []string{formatTable, formatWide, formatJSON, formatYAML, formatName, formatJSONL, formatCSV}

// output prints what a command found.
type output struct {
	format    string
	noHeaders bool
	sortBy    string
	color     bool // headers stand out
}

// bind adds the flags of the output to a command.
func (o *output) bind(cmd *cobra.Command) {
	o.format = formatTable
	cmd.Flags().VarP(choice(&o.format, formats...), "output", "o", "how to print: "+strings.Join(formats, ", "))
	cmd.Flags().BoolVar(&o.noHeaders, "no-headers", false, "leave the first line of a table or of CSV out")
	cmd.Flags().StringVar(&o.sortBy, "sort-by", "", "order a list by this `column`; with a - before it the other way round")
	// The only error is that the flag is missing.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// column is one column of a table.
type column[T any] struct {
	header string
	value  func(T) string
}

// kind is how things of one sort are printed.
type kind[T any] struct {
	name    string // in JSON, such as User
	columns []column[T]
	wide    []column[T]    // what -o wide has more
	id      func(T) string // what -o name prints
	json    func(T) any    // a struct
}

// one prints a thing that a command found, in colours where there are any.
func (k kind[T]) one(t *terminal, o output, item T) error {
	o.color = t.color
	return k.printOne(t.out, o, item)
}

// list is one for several things.
func (k kind[T]) list(t *terminal, o output, items []T) error {
	o.color = t.color
	return k.printList(t.out, o, items)
}

// printOne prints a thing.
func (k kind[T]) printOne(w io.Writer, o output, item T) error {
	switch o.format {
	case formatJSON:
		document, err := k.document(item)
		if err != nil {
			return err
		}
		return writeJSON(w, document)
	case formatYAML:
		document, err := k.document(item)
		if err != nil {
			return err
		}
		return writeYAML(w, document)
	}
	return k.printList(w, o, []T{item})
}

// document is a thing with what says what it is.
func (k kind[T]) document(item T) (json.RawMessage, error) {
	fields, err := json.Marshal(k.json(item))
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", k.name, err)
	}
	return json.RawMessage(fmt.Sprintf(`{"apiVersion":%q,"kind":%q,`, apiVersion, k.name) + string(fields[1:])), nil
}

// printList prints things. An empty table has its headers only.
func (k kind[T]) printList(w io.Writer, o output, items []T) error {
	if err := k.sort(o.sortBy, items); err != nil {
		return err
	}
	switch o.format {
	case formatJSON, formatYAML:
		list := struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Items      []any  `json:"items"`
		}{apiVersion, k.name + "List", []any{}}
		for _, item := range items {
			list.Items = append(list.Items, k.json(item))
		}
		if o.format == formatYAML {
			return writeYAML(w, list)
		}
		return writeJSON(w, list)
	case formatJSONL:
		for _, item := range items {
			line, err := k.document(item)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
				return err
			}
		}
		return nil
	case formatCSV:
		return k.printCSV(w, o, items)
	case formatName:
		for _, item := range items {
			if _, err := fmt.Fprintln(w, printable(k.id(item))); err != nil {
				return err
			}
		}
		return nil
	}
	return k.printTable(w, o, items)
}

func (k kind[T]) printTable(w io.Writer, o output, items []T) error {
	if o.color && !o.noHeaders {
		var plainly bytes.Buffer
		o.color = false
		if err := k.printTable(&plainly, o, items); err != nil {
			return err
		}
		header, rows, _ := strings.Cut(plainly.String(), "\n")
		_, err := fmt.Fprintf(w, "%s%s%s\n%s", bold, header, plain, rows)
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	columns := k.columns
	if o.format == formatWide {
		columns = slices.Concat(k.columns, k.wide)
	}
	if !o.noHeaders {
		fmt.Fprintln(table, strings.Join(headers(columns), "\t"))
	}
	for _, item := range items {
		var cells []string
		for _, c := range columns {
			cells = append(cells, cell(c.value(item)))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

func headers[T any](columns []column[T]) (all []string) {
	for _, c := range columns {
		all = append(all, c.header)
	}
	return all
}

// printCSV prints all columns as RFC 4180 has them. What a spreadsheet would take for a
// formula has a quote before it.
func (k kind[T]) printCSV(w io.Writer, o output, items []T) error {
	out := csv.NewWriter(w)
	columns := slices.Concat(k.columns, k.wide)
	if !o.noHeaders {
		_ = out.Write(headers(columns)) // Error tells
	}
	for _, item := range items {
		var cells []string
		for _, c := range columns {
			value := c.value(item)
			if strings.HasPrefix(strings.TrimLeft(value, " "), "=") || strings.IndexAny(value, "+-@\t\r") == 0 {
				value = "'" + value
			}
			cells = append(cells, value)
		}
		_ = out.Write(cells)
	}
	out.Flush()
	return out.Error()
}

// sort orders items by a column, numbers by their value.
func (k kind[T]) sort(by string, items []T) error {
	if by == "" {
		return nil
	}
	name, descending := strings.CutPrefix(by, "-")
	columns := slices.Concat(k.columns, k.wide)
	at := slices.IndexFunc(columns, func(c column[T]) bool { return strings.EqualFold(c.header, name) })
	if at < 0 {
		return usageErrorf("there is no column %q: there are %s", name, strings.Join(headers(columns), ", "))
	}
	slices.SortStableFunc(items, func(a, b T) int {
		order := compareCells(columns[at].value(a), columns[at].value(b))
		if descending {
			return -order
		}
		return order
	})
	return nil
}

func compareCells(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}

// writeYAML writes what writeJSON would, as YAML.
func writeYAML(w io.Writer, v any) error {
	encoded, err := json.Marshal(v)
	if err != nil {
		return err
	}
	text, err := yaml.JSONToYAML(encoded)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// cell returns a value as it stands in a table; an empty one must be visible to
// whoever counts columns.
func cell(value string) string {
	if value == "" {
		return "-"
	}
	return printable(value)
}

// printable returns text with all that a terminal might obey escaped.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// printableLines is printable for a text of several lines.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

// moment returns a time as tables show it; "" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// moments are times as JSON has them: null for none.
func jsonMoment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
