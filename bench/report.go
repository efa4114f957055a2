package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// What is measured.
const (
	metricCPU   = "filter CPU, s for 1000 mails"
	metricAdded = "added p50 after the final dot, ms"
	metricRatio = "throughput, of the baseline"
	metricRate  = "mails a second"
	metricDot   = "p50 after the final dot, ms"
	metricPeak  = "peak memory (VmHWM), MiB"
	metricFiles = "messages in memory files (machine's Shmem), MiB"
)

// row names one line of the table.
type row struct{ part, door, metric string }

// table keeps one figure a round for each row, in the order in which rows first came.
type table struct {
	order   []row
	figures map[row][]float64
}

func newTable() *table { return &table{figures: map[row][]float64{}} }

func (t *table) add(part, door, metric string, v float64) {
	r := row{part, door, metric}
	if _, ok := t.figures[r]; !ok {
		t.order = append(t.order, r)
	}
	t.figures[r] = append(t.figures[r], v)
}

// target is what a row's median must not exceed; ok is false where nothing is asked.
func target(r row) (limit float64, ok bool) {
	switch {
	case r.metric == metricPeak:
		return 96, true
	case r.part == partSmall && r.metric == metricCPU && r.door == doorRelay:
		return 0.6, true
	case r.part == partSmall && r.metric == metricCPU:
		return 0.9, true
	case r.part == partLarge && r.metric == metricCPU:
		return 80, true
	case r.part == partPaced && r.metric == metricAdded && r.door != doorRelay:
		return 1.5, true
	}
	return 0, false
}

// shown tells the rows worth a line: unloaded latency only where the load is offered slowly.
func shown(r row) bool {
	slow := r.part == partPaced
	switch r.metric {
	case metricAdded, metricDot:
		return slow
	case metricRatio, metricRate:
		return !slow
	case metricCPU:
		return !slow
	}
	return true
}

func (t *table) print(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "load\tthrough\twhat\tminimum\tmedian\tmaximum\trounds\tat most\t")
	for _, r := range t.order {
		v := slices.Clone(t.figures[r])
		if !shown(r) {
			continue
		}
		slices.Sort(v)
		mid := median(v)
		verdict := ""
		if limit, ok := target(r); ok {
			verdict = fmt.Sprintf("%.3g\tpass", limit)
			if mid > limit {
				verdict = fmt.Sprintf("%.3g\tMISS", limit)
			}
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%.3g\t%.3g\t%.3g\t%d\t%s\n", r.part, r.door, r.metric, v[0], mid, v[len(v)-1], len(v), verdict)
	}
	tw.Flush()
}

// median of sorted values.
func median(v []float64) float64 {
	n := len(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}
