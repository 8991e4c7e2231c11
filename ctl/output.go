package ctl

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// apiVersion marks the JSON that commands print. What it has stays; more may come.
const apiVersion = "chatire/v1"

// Formats of the output.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatName  = "name"
)

// output prints what a command found.
type output struct {
	format    format
	noHeaders bool
}

// format is a flag's value: one of the formats.
type format string

func (f *format) String() string { return string(*f) }

func (f *format) Type() string { return "format" }

func (f *format) Set(value string) error {
	if !slices.Contains([]string{formatTable, formatJSON, formatName}, value) {
		return fmt.Errorf("there are table, json and name")
	}
	*f = format(value)
	return nil
}

// bind adds the flags of the output to a command.
func (o *output) bind(cmd *cobra.Command) {
	o.format = formatTable
	cmd.Flags().VarP(&o.format, "output", "o", "how to print: table, json or name")
	cmd.Flags().BoolVar(&o.noHeaders, "no-headers", false, "leave the first line of a table out")
	// The only error is that the flag is missing.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{formatTable, formatJSON, formatName}, cobra.ShellCompDirectiveNoFileComp))
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
	id      func(T) string // what -o name prints
	json    func(T) any    // a struct
}

// printOne prints a thing.
func (k kind[T]) printOne(w io.Writer, o output, item T) error {
	if o.format != formatJSON {
		return k.printList(w, o, []T{item})
	}
	fields, err := json.Marshal(k.json(item))
	if err != nil {
		return fmt.Errorf("encode %s: %w", k.name, err)
	}
	head := fmt.Sprintf(`{"apiVersion":%q,"kind":%q,`, apiVersion, k.name)
	return writeJSON(w, json.RawMessage(head+string(fields[1:])))
}

// printList prints things. An empty table has its headers only.
func (k kind[T]) printList(w io.Writer, o output, items []T) error {
	switch o.format {
	case formatJSON:
		list := struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Items      []any  `json:"items"`
		}{apiVersion, k.name + "List", []any{}}
		for _, item := range items {
			list.Items = append(list.Items, k.json(item))
		}
		return writeJSON(w, list)
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
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var headers []string
	for _, c := range k.columns {
		headers = append(headers, c.header)
	}
	if !o.noHeaders {
		fmt.Fprintln(table, strings.Join(headers, "\t"))
	}
	for _, item := range items {
		var cells []string
		for _, c := range k.columns {
			cells = append(cells, cell(c.value(item)))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
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
