package content

import (
	"cmp"
	"slices"
)

// maxDense is how many of the states next to the root have a table row of their own. Ordinary text hardly ever leaves
// them.
const maxDense = 2048

// automaton finds all of many strings in one pass (Aho and Corasick, 1975). Its states are numbered by their depth. Deep
// states keep only the edges that they have, so that 50 000 entries take a few megabytes and not hundreds.
type automaton struct {
	class [256]uint8 // of each octet; 0 is in no string
	width int        // classes
	dense []int32    // rows of the first states
	rows  int32      // their number

	first []int32 // of each state's edges; one more than states
	keys  []uint8 // classes of edges
	to    []int32
	fail  []int32 // the longest other state that the text is in too
	out   []int32 // the string that ends in a state, -1 for none
	link  []int32 // the next state on the way of fail in which a string ends, 0 for none
}

// found is a string that an automaton has, in the list that it was made of.
type found struct {
	text string
	hits []hit
}

// newAutomaton makes an automaton of strings, and the list that out counts in: each string once.
func newAutomaton(list []found) (*automaton, []found) {
	a := &automaton{}
	for _, f := range list {
		for i := range len(f.text) {
			a.class[joined(f.text[i])] = 1
		}
	}
	for c, used := range a.class {
		if used != 0 {
			a.width++
			a.class[c] = uint8(min(a.width, 255)) // UTF-8 has fewer octets
		}
	}
	a.width++
	for c := range a.class {
		a.class[c] = a.class[joined(byte(c))]
	}
	list = a.merged(list)
	a.edges(list)
	a.failures()
	a.table()
	return a, list
}

// joined reads what joins the syllables of a word like the blank between them.
func joined(c byte) byte {
	if c == '-' || c == '_' {
		return ' '
	}
	return c
}

// merged orders strings by their classes and puts equal ones together.
func (a *automaton) merged(list []found) []found {
	list = slices.Clone(list)
	order := func(x, y found) int {
		for i := range min(len(x.text), len(y.text)) {
			if d := cmp.Compare(a.class[x.text[i]], a.class[y.text[i]]); d != 0 {
				return d
			}
		}
		return cmp.Compare(len(x.text), len(y.text))
	}
	slices.SortStableFunc(list, order)
	out := list[:0]
	for _, f := range list {
		if n := len(out); n > 0 && order(out[n-1], f) == 0 {
			out[n-1].hits = slices.Concat(out[n-1].hits, f.hits)
			continue
		}
		out = append(out, f)
	}
	return out
}

// edges makes the states: each is a range of strings that begin alike.
func (a *automaton) edges(list []found) {
	type state struct{ lo, hi, depth int }
	states := []state{{0, len(list), 0}}
	for i := 0; i < len(states); i++ {
		s := states[i]
		a.first, a.out = append(a.first, int32(len(a.keys))), append(a.out, -1)
		if s.lo < s.hi && len(list[s.lo].text) == s.depth {
			a.out[i] = int32(s.lo)
			s.lo++
		}
		for s.lo < s.hi {
			c, k := a.class[list[s.lo].text[s.depth]], s.lo
			for k < s.hi && a.class[list[k].text[s.depth]] == c {
				k++
			}
			a.keys, a.to = append(a.keys, c), append(a.to, int32(len(states)))
			states = append(states, state{s.lo, k, s.depth + 1})
			s.lo = k
		}
	}
	a.first = append(a.first, int32(len(a.keys)))
}

// failures goes through the states from the root on, so that what is asked is known.
func (a *automaton) failures() {
	a.fail, a.link = make([]int32, len(a.out)), make([]int32, len(a.out))
	for s := range int32(len(a.out)) {
		for e := a.first[s]; e < a.first[s+1]; e++ {
			child := a.to[e]
			if s != 0 {
				a.fail[child] = a.next(a.fail[s], a.keys[e])
			}
			if f := a.fail[child]; a.out[f] >= 0 {
				a.link[child] = f
			} else {
				a.link[child] = a.link[f]
			}
		}
	}
}

// table fills the rows of the first states.
func (a *automaton) table() {
	n := min(len(a.out), maxDense)
	dense := make([]int32, n*a.width)
	for s := range int32(n) {
		for c := 1; c < a.width; c++ {
			dense[int(s)*a.width+c] = a.next(s, uint8(c))
		}
	}
	a.dense, a.rows = dense, int32(n)
}

// next is the state after one more octet, given by its class.
func (a *automaton) next(s int32, c uint8) int32 {
	for {
		if s < a.rows {
			return a.dense[int(s)*a.width+int(c)]
		}
		for e := a.first[s]; e < a.first[s+1]; e++ {
			if a.keys[e] == c {
				return a.to[e]
			}
		}
		if s == 0 {
			return 0
		}
		s = a.fail[s]
	}
}

// step goes on with one octet.
func (a *automaton) step(s int32, b byte) int32 { return a.next(s, a.class[b]) }
