package policy

import (
	"slices"
	"strings"
)

// maxKey is the longest unknown key that a neighbour is looked for, in octets: a longer one is no slip of the hand.
const maxKey = 64

// unknown says what is wrong with a key that is none of right, and which of them was probably meant.
func unknown(key string, right []string) string {
	s := "unknown key"
	if n := nearest(key, right); n != "" {
		s += ", did you mean " + n + "?"
	}
	return s + "; the keys here are " + strings.Join(right, ", ")
}

// nearest is the key of right that key is a slip of: one of two more or fewer, other or swapped letters, and no more than a
// third of its length; "" when there is none. The first of several that are equally near is taken.
func nearest(key string, right []string) string {
	if len(key) > maxKey {
		return ""
	}
	key = strings.ReplaceAll(strings.ToLower(key), "_", "-")
	best, least := "", 3
	for _, r := range right {
		d := distance(key, strings.ReplaceAll(strings.ToLower(r), "_", "-"))
		if d < least && d*3 <= max(len(key), len(r)) {
			best, least = r, d
		}
	}
	return best
}

// distance counts the octets that have to be put in, taken out, changed or swapped with their neighbour to make b of a
// (optimal string alignment). Its time is the product of the two lengths.
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, slices.Repeat([]int{i}, len(b)+1)
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// keysAt are the right keys of the mapping at path, whose type has the keys all: those of one rule are fewer than those that
// some rule has.
func keysAt(path string, all []string) []string {
	rule, ok := strings.CutPrefix(path, "rules.")
	if !ok || strings.ContainsAny(rule, ".[") {
		return all
	}
	return ruleKeys(rule)
}
