package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// What is measured; the texts are the tables' heads.
const (
	metricCPU     = "filter CPU, s for 1000 mails"
	metricAdded50 = "added p50 after the final dot, ms"
	metricAdded99 = "added p99, ms"
	metricRatio   = "throughput, of the baseline"
	metricRate    = "mails a second"
	metricDot50   = "p50 after the final dot, ms"
	metricDot99   = "p99, ms"
	metricPeak    = "peak memory (VmHWM), MiB"
	metricFiles   = "messages in memory files (machine's Shmem), MiB"
	metricHaraka  = "throughput, of Haraka's"
)

// columns are the figures worth showing of a part: CPU and throughput under load, latency without, memory.
func columns(part string) []string {
	switch part {
	case partPaced:
		return []string{metricAdded50, metricAdded99, metricDot50, metricDot99}
	case partMemory:
		return []string{metricPeak, metricFiles}
	}
	return []string{metricCPU, metricRatio, metricRate}
}

// title says what a part's load is.
func title(part string) string {
	switch part {
	case partSmall:
		return "5 kB, 20 sessions"
	case partPaced:
		return "5 kB, 20 a second: latency without a queue"
	case partMix:
		return "The mix: 80 % 5 kB, 15 % 200 kB, 5 % 5 MB; 20 sessions"
	case partLarge:
		return "14 MB attached, 4 sessions"
	}
	return "Many mails with 14 MB attached at once"
}

// row names one figure: of a candidate or a baseline, in a part.
type row struct{ part, key, metric string }

// table keeps one value a round for each figure.
type table struct {
	seed    uint64
	figures map[row][]float64
}

func newTable(seed uint64) *table { return &table{seed: seed, figures: map[row][]float64{}} }

func (t *table) add(part, key, metric string, v float64) {
	r := row{part, key, metric}
	t.figures[r] = append(t.figures[r], v)
}

// timesHaraka adds how many times Haraka's throughput the relay's is in this round, both taken of their own
// neighbours.
func (t *table) timesHaraka(part string) {
	relay, haraka := t.figures[row{part, keyRelay, metricRatio}], t.figures[row{part, keyHaraka, metricRatio}]
	if len(relay) > 0 && len(haraka) > 0 {
		t.add(part, keyRelay, metricHaraka, relay[len(relay)-1]/haraka[len(haraka)-1])
	}
}

// figure condenses a row; ok is false when it was not measured.
func (t *table) figure(r row) (f figure, ok bool) {
	v := t.figures[r]
	if len(v) == 0 {
		return f, false
	}
	return summary(v, t.seed), true
}

// print writes Markdown: a table for each part that was measured, then what was to be reached.
func (t *table) print(w io.Writer) {
	for _, part := range parts() {
		t.printPart(w, part)
	}
	t.printTargets(w)
}

func (t *table) printPart(w io.Writer, part string) {
	var shown []string
	for _, key := range append([]string{basePostfix, baseDirect}, allKeys()...) {
		if slices.ContainsFunc(columns(part), func(m string) bool { return len(t.figures[row{part, key, m}]) > 0 }) {
			shown = append(shown, key)
		}
	}
	if len(shown) == 0 {
		return
	}
	fmt.Fprintf(w, "\n### %s\n\n| through | %s | values |\n|---|%s---|\n", title(part), strings.Join(columns(part), " | "), strings.Repeat("---|", len(columns(part))))
	for _, key := range shown {
		cells, rounds := []string{label(key)}, math.MaxInt
		for _, m := range columns(part) {
			f, ok := t.figure(row{part, key, m})
			if !ok {
				cells = append(cells, "–")
				continue
			}
			rounds = min(rounds, f.rounds)
			cells = append(cells, f.String())
		}
		fmt.Fprintf(w, "| %s | %d |\n", strings.Join(cells, " | "), rounds)
	}
}

// String is "**median** (low to high; min to max)".
func (f figure) String() string {
	if math.IsNaN(f.low) {
		return fmt.Sprintf("**%s** (%s to %s)", number(f.median), number(f.min), number(f.max))
	}
	return fmt.Sprintf("**%s** (%s to %s; %s to %s)", number(f.median), number(f.low), number(f.high), number(f.min), number(f.max))
}

// number has three digits that say something, and no exponent.
func number(v float64) string {
	digits := 2
	for x := math.Abs(v); x >= 10 && digits > 0; x /= 10 {
		digits--
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// target is what the median of a figure is to reach.
type target struct {
	row
	limit float64
	least bool // limit is the least, not the most
}

func targets() []target {
	return []target{
		{row: row{partSmall, keyMilterUnix, metricCPU}, limit: 0.7},
		{row: row{partSmall, keyMilterTCP, metricCPU}, limit: 0.7},
		{row: row{partPaced, keyMilterUnix, metricAdded50}, limit: 0.8},
		{row: row{partPaced, keyMilterTCP, metricAdded50}, limit: 0.8},
		{row: row{partLarge, keyMilterTCP, metricCPU}, limit: 45},
		{row: row{partSmall, keyRelay, metricCPU}, limit: 0.4},
		{row: row{partSmall, keyRelay, metricRatio}, limit: 0.40, least: true},
		{row: row{partSmall, keyRelay, metricHaraka}, limit: 7, least: true},
		{row: row{partLarge, keyRelay, metricCPU}, limit: 50},
		{row: row{partLarge, keyRelay, metricRate}, limit: 25, least: true},
		{row: row{partMemory, keyMilterUnix, metricPeak}, limit: 64},
		{row: row{partMemory, keyMilterTCP, metricPeak}, limit: 64},
		{row: row{partMemory, keyProxyFilter, metricPeak}, limit: 64},
		{row: row{partMemory, keyRelay, metricPeak}, limit: 64},
	}
}

// met tells that a median reaches the target.
func (g target) met(median float64) bool {
	if g.least {
		return median >= g.limit
	}
	return median <= g.limit
}

func (t *table) printTargets(w io.Writer) {
	head := "\n### Targets\n\n| load | through | figure | wanted | measured | |\n|---|---|---|---|---|---|\n"
	line := func(r row, wanted string, measured string, ok bool) {
		verdict := "pass"
		if !ok {
			verdict = "MISS"
		}
		fmt.Fprintf(w, "%s| %s | %s | %s | %s | %s | %s |\n", head, r.part, label(r.key), r.metric, wanted, measured, verdict)
		head = ""
	}
	for _, g := range targets() {
		if f, ok := t.figure(g.row); ok {
			wanted := "at most "
			if g.least {
				wanted = "at least "
			}
			line(g.row, wanted+number(g.limit), f.String(), g.met(f.median))
		}
	}
	// The whole interval above rspamd's, in the same run.
	rspamd, ok := t.figure(row{partSmall, keyRspamd, metricRatio})
	for _, key := range []string{keyMilterUnix, keyMilterTCP} {
		r := row{partSmall, key, metricRatio}
		if f, have := t.figure(r); have && ok && f.rounds >= 3 {
			line(r, "interval above rspamd's "+number(rspamd.high), f.String(), f.low > rspamd.high)
		}
	}
}
