package faults

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/chatire/chatire/pkg/history"
)

// WriteTable writes results as a Markdown table, with the notes below it.
func WriteTable(w io.Writer, results []Result) {
	rows := [][]string{{
		"case", "rounds", "faults", "acknowledged", "deliveries",
		"lost", "duplicated", "reordered", "leaked", "undelivered", "corrupted",
		"p99", "recovered", "allowed", "peak", "verdict",
	}}
	for _, r := range results {
		rows = append(rows, r.row())
	}
	rows = append(rows[:1], append([][]string{dashes(len(rows[0]))}, rows[1:]...)...)
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			fmt.Fprintf(w, "| %-*s ", widths[i], cell)
		}
		fmt.Fprintln(w, "|")
	}
	writeNotes(w, results)
}

func dashes(n int) []string {
	row := make([]string, n)
	for i := range row {
		row[i] = "---"
	}
	return row
}

func (r Result) row() []string {
	h := r.Report
	row := []string{r.Case, fmt.Sprint(r.Rounds), fmt.Sprint(h.Faults), fmt.Sprint(h.Accepted), fmt.Sprint(h.Deliveries)}
	for _, of := range []history.SumOf{
		history.Lost, history.Duplicated, history.Reordered, history.Leaked, history.NotReceived, history.Corrupted,
	} {
		row = append(row, fmt.Sprint(h.Sum(of)))
	}
	recovered, allowed := "-", "-"
	if r.Allowed > 0 {
		recovered, allowed = short(r.Recovered), short(r.Allowed)
	}
	return append(row, short(h.Latency.P99), recovered, allowed, fmt.Sprintf("%d MB", r.Peak>>20), r.verdict())
}

func (r Result) verdict() string {
	switch {
	case r.Holds():
		return "holds"
	case r.Err != nil:
		return "FAILED"
	case r.Report.Verdict == history.Pass && r.Peak > memoryBound:
		return "TOO MUCH MEMORY"
	case r.Report.Verdict == history.Pass:
		return "TOO LATE"
	}
	return string(r.Report.Verdict)
}

func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

func writeNotes(w io.Writer, results []Result) {
	for _, r := range results {
		lines := r.Notes
		if r.Err != nil {
			lines = append(lines, r.Err.Error())
		}
		for _, v := range r.Report.Found() {
			lines = append(lines, fmt.Sprintf("%s %d: %s", v, r.Report.Violations[v], strings.Join(r.Report.Examples[v], "; ")))
		}
		lines = append(lines, r.Report.Invalid...)
		if len(lines) > 0 {
			fmt.Fprintf(w, "\n%s:\n", r.Case)
		}
		for _, line := range lines {
			fmt.Fprintf(w, "- %s\n", line)
		}
	}
}
