package ctl

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/chatire/chatire/pkg/history"
)

// workerRow is what the devices at one worker received.
type workerRow struct {
	Worker     string            `json:"worker"`
	Devices    int               `json:"devices"`
	Opens      int               `json:"connections"`
	Deliveries int               `json:"deliveries"`
	Latency    history.Quantiles `json:"latency"` // from the first try of a post to its frame
}

// apiRow is what one API took.
type apiRow struct {
	API     string            `json:"api"`
	Posts   int               `json:"posts"`
	Took    int               `json:"accepted"`
	Latency history.Quantiles `json:"latency"` // until the answer
}

func (v *verification) apiRows() (rows []apiRow) {
	if v == nil {
		return nil
	}
	for _, r := range v.routes {
		rows = append(rows, apiRow{r.URL, r.Posts, r.Accepted, history.QuantilesOf(r.took)})
	}
	return rows
}

func (v *verification) workerRows() (rows []workerRow) {
	if v == nil {
		return nil
	}
	workerOf, place := map[string]int{}, map[string]int{}
	for _, d := range v.devices {
		i, known := place[d.worker]
		if !known {
			i = len(rows)
			place[d.worker] = i
			rows = append(rows, workerRow{Worker: cmp.Or(d.worker, "/ws/ of "+v.apis[0])})
		}
		workerOf[d.name] = i
		rows[i].Devices++
		rows[i].Opens += d.opens
	}
	sent := map[string]int64{}
	took := make([][]time.Duration, len(rows))
	for _, l := range v.book.Lines() {
		switch {
		case l.Kind == history.Send && sent[*l.ClientID] == 0:
			sent[*l.ClientID] = l.Time
		case l.Kind == history.Received:
			i := workerOf[l.Device]
			rows[i].Deliveries++
			if l.ClientID != nil && sent[*l.ClientID] != 0 {
				took[i] = append(took[i], time.Duration(l.Time-sent[*l.ClientID]))
			}
		}
	}
	for i := range rows {
		rows[i].Latency = history.QuantilesOf(took[i])
	}
	return rows
}

func (v *verification) printRows() {
	w := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "API\tPOSTS\tACCEPTED\tP50\tP95\tP99\tMAX")
	for _, r := range v.apiRows() {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", printable(r.API), r.Posts, r.Took, quantileCells(r.Latency))
	}
	fmt.Fprintln(w, "\nWORKER\tDEVICES\tDELIVERIES\tP50\tP95\tP99\tMAX")
	for _, r := range v.workerRows() {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", printable(r.Worker), r.Devices, r.Deliveries, quantileCells(r.Latency))
	}
	fmt.Fprintln(w)
	w.Flush()
}

func quantileCells(q history.Quantiles) string {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1fms", float64(d)/float64(time.Millisecond)) }
	return ms(q.P50) + "\t" + ms(q.P95) + "\t" + ms(q.P99) + "\t" + ms(q.Max)
}

// printVerdict prints the counts and one sentence.
func printVerdict(out io.Writer, r history.Report) {
	fmt.Fprintf(out, "%d messages accepted, %d events stored, %d frames on %d connections of %d devices, %d faults\n",
		r.Accepted, r.Stored, r.Deliveries, r.Connections, r.Devices, r.Faults)
	for _, of := range []history.SumOf{
		history.Lost, history.Duplicated, history.Reordered, history.Leaked, history.NotReceived, history.Corrupted,
	} {
		fmt.Fprintf(out, "%s %d  ", of, r.Sum(of))
	}
	fmt.Fprintln(out)
	for _, v := range r.Found() {
		for _, example := range r.Examples[v] {
			fmt.Fprintf(out, "  %s: %s\n", v, printable(example))
		}
	}
	for _, why := range r.Invalid {
		fmt.Fprintf(out, "  %s\n", printable(why))
	}
	switch r.Verdict {
	case history.Pass:
		fmt.Fprintln(out, "The promise holds.")
	case history.Fail:
		fmt.Fprintln(out, "The promise is broken.")
	default:
		fmt.Fprintln(out, "This run proves nothing.")
	}
}
