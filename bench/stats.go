package main

import (
	"math"
	"math/rand/v2"
	"slices"
)

// resamples is how many times an interval draws its rounds anew.
const resamples = 10_000

// figure is what the rounds of one figure say.
type figure struct {
	median, min, max float64
	low, high        float64 // the median's 90 % interval; NaN below three rounds
	rounds           int
}

// summary condenses one value a round, of which there is at least one.
func summary(values []float64, seed uint64) figure {
	v := slices.Clone(values)
	slices.Sort(v)
	low, high := interval(v, seed)
	return figure{median: median(v), min: v[0], max: v[len(v)-1], low: low, high: high, rounds: len(v)}
}

// interval is the 90 % percentile bootstrap interval of the median: as many rounds as there are, drawn with
// replacement, resamples times; the 5th and the 95th percentile of their medians. The same values and
// seed give the same interval, whatever was computed before. Fewer than three rounds tell nothing: NaN.
func interval(values []float64, seed uint64) (low, high float64) {
	if len(values) < 3 {
		return math.NaN(), math.NaN()
	}
	rnd := rand.New(rand.NewPCG(seed, 0))
	medians := make([]float64, resamples)
	drawn := make([]float64, len(values))
	for i := range medians {
		for j := range drawn {
			drawn[j] = values[rnd.IntN(len(values))]
		}
		slices.Sort(drawn)
		medians[i] = median(drawn)
	}
	slices.Sort(medians)
	return percentile(medians, 0.05), percentile(medians, 0.95)
}

// median of sorted values, of which there is at least one.
func median(v []float64) float64 {
	n := len(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}

// percentile is the nearest rank: the smallest of the sorted values that at least the share q of all
// does not exceed.
func percentile[T any](sorted []T, q float64) T {
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// between compares a run with its two neighbours: how much of their mean rate it keeps, and how many
// milliseconds it adds to their mean latencies.
func between(before, run, after sent) (ratio, p50, p99 float64) {
	ratio = run.perSecond / ((before.perSecond + after.perSecond) / 2)
	p50 = ms(run.dotP50) - (ms(before.dotP50)+ms(after.dotP50))/2
	p99 = ms(run.dotP99) - (ms(before.dotP99)+ms(after.dotP99))/2
	return ratio, p50, p99
}
