package main

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMedianAndPercentile(t *testing.T) {
	for _, k := range []struct {
		v    []float64
		want float64
	}{{[]float64{5}, 5}, {[]float64{1, 2}, 1.5}, {[]float64{1, 2, 9}, 2}, {[]float64{1, 2, 4, 9}, 3}} {
		if got := median(k.v); got != k.want {
			t.Errorf("median of %v is %v", k.v, got)
		}
	}
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for _, k := range []struct {
		q    float64
		want int
	}{{0, 1}, {0.05, 5}, {0.5, 50}, {0.501, 51}, {0.99, 99}, {1, 100}} {
		if got := percentile(hundred, k.q); got != k.want {
			t.Errorf("percentile %v is %d", k.q, got)
		}
	}
	if got := percentile([]int{7}, 0.99); got != 7 {
		t.Errorf("of one value: %d", got)
	}
}

// The distribution of a resampled median of 1 to 9 is known: it is at most k when at least five of nine draws
// are, a binomial probability. At 2 it is 3.4 %, at 3 14.5 %, so the 5th percentile is 3; by symmetry the
// 95th is 7.
func TestIntervalOfKnownSamples(t *testing.T) {
	for seed := range uint64(5) {
		if low, high := interval([]float64{9, 1, 8, 2, 7, 3, 6, 4, 5}, seed); low != 3 || high != 7 {
			t.Errorf("seed %d: %v to %v", seed, low, high)
		}
	}
	// Of three: the median is the smallest in 7 of 27 draws, and the largest in 7 of 27.
	if low, high := interval([]float64{2, 1, 3}, 1); low != 1 || high != 3 {
		t.Errorf("of three: %v to %v", low, high)
	}
	if low, high := interval([]float64{4, 4, 4, 4}, 1); low != 4 || high != 4 {
		t.Errorf("of equal values: %v to %v", low, high)
	}
	if low, high := interval([]float64{4, 5}, 1); !math.IsNaN(low) || !math.IsNaN(high) {
		t.Errorf("of two: %v to %v", low, high)
	}
}

func TestSummary(t *testing.T) {
	values := []float64{4, 1, 3, 2}
	f := summary(values, 1)
	if f.median != 2.5 || f.min != 1 || f.max != 4 || f.rounds != 4 || f.low < 1 || f.high > 4 {
		t.Errorf("%+v", f)
	}
	if !slices.Equal(values, []float64{4, 1, 3, 2}) {
		t.Error("the rounds lost their order")
	}
	if again := summary(values, 1); again != f {
		t.Errorf("the same seed gives %+v, then %+v", f, again)
	}
}

func TestBetweenItsNeighbours(t *testing.T) {
	ratio, p50, p99 := between(
		sent{perSecond: 100, dotP50: 2 * time.Millisecond, dotP99: 10 * time.Millisecond},
		sent{perSecond: 60, dotP50: 4 * time.Millisecond, dotP99: 9 * time.Millisecond},
		sent{perSecond: 140, dotP50: 3 * time.Millisecond, dotP99: 14 * time.Millisecond})
	if ratio != 0.5 || p50 != 1.5 || p99 != -3 {
		t.Errorf("%v %v %v", ratio, p50, p99)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0.444: "0.44", 9.994: "9.99", 12.34: "12.3", 99.94: "99.9", 123.4: "123", 2655.2: "2655", -0.46: "-0.46", -40.34: "-40.3", 0: "0.00"} {
		if got := number(v); got != want {
			t.Errorf("%v is written %s", v, got)
		}
	}
}

// filled is a table of three rounds.
func filled() *table {
	t := newTable(1)
	for _, v := range []float64{3, 1, 2} {
		t.add(partMemory, keyMilterUnix, metricPeak, v*40)
		t.add(partSmall, keyRelay, metricCPU, v/10)
		t.add(partSmall, keyRelay, metricRatio, v/5)
		t.add(partSmall, keyHaraka, metricRatio, 0.05)
		t.timesHaraka(partSmall)
		t.add(partSmall, keyMilterTCP, metricRatio, 0.7+v/100)
		t.add(partSmall, keyMilterUnix, metricRatio, 0.5+v/10)
		t.add(partSmall, keyRspamd, metricRatio, 0.6+v/100)
		t.add(partPaced, keyRelay, metricCPU, v) // not shown: hardly any mails
	}
	return t
}

func TestTableIsMarkdown(t *testing.T) {
	var b bytes.Buffer
	filled().print(&b)
	got := b.String()
	for _, want := range []string{
		"\n| **Congthu**, relay | **0.20** (0.10 to 0.30; 0.10 to 0.30) | **0.40** (0.20 to 0.60; 0.20 to 0.60) | – | 3 |\n",
		"\n| 5kB | **Congthu**, relay | throughput, of Haraka's | at least 7.00 | **8.00** (4.00 to 12.0; 4.00 to 12.0) | pass |\n",
		"\n| 5kB | **Congthu**, relay | filter CPU, s for 1000 mails | at most 0.40 | **0.20** (0.10 to 0.30; 0.10 to 0.30) | pass |\n",
		"\n| memory | **Congthu**, milter, unix | peak memory (VmHWM), MiB | at most 64.0 | **80.0** (40.0 to 120; 40.0 to 120) | MISS |\n",
		"\n| 5kB | **Congthu**, milter, TCP | throughput, of the baseline | interval above rspamd's 0.63 | **0.72** (0.71 to 0.73; 0.71 to 0.73) | pass |\n",
		"\n| 5kB | **Congthu**, milter, unix | throughput, of the baseline | interval above rspamd's 0.63 | **0.70** (0.60 to 0.80; 0.60 to 0.80) | MISS |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no line %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, title(partPaced)) {
		t.Error("a table with nothing to show")
	}
	columns := 0
	for line := range strings.Lines(got) {
		n := strings.Count(line, "|")
		if n == 0 {
			columns = 0
		} else if columns != 0 && n != columns {
			t.Errorf("%d cells where there are %d: %s", n, columns, line)
		} else {
			columns = n
		}
	}
}

func TestTargets(t *testing.T) {
	most, least := target{limit: 5}, target{limit: 5, least: true}
	for _, k := range []struct {
		v           float64
		most, least bool
	}{{4.9, true, false}, {5, true, true}, {5.1, false, true}} {
		if most.met(k.v) != k.most || least.met(k.v) != k.least {
			t.Errorf("%v: at most %v, at least %v", k.v, most.met(k.v), least.met(k.v))
		}
	}
	keys := allKeys()
	for _, g := range targets() {
		if !slices.Contains(keys, g.key) || !slices.Contains(parts(), g.part) {
			t.Errorf("a target for what is never measured: %+v", g)
		}
	}
}
