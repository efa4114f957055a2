package extract

import (
	"cmp"
	"slices"
	"strings"
)

// pdfHole is room between two letters of a run, in which letters of another run may stand: programs take the letters that a font
// lacks, such as those of Vietnamese, from another one and write them behind the rest.
type pdfHole struct {
	at          int // in the run's text
	left, right float64
}

// pdfHoleSize is the least room, as a part of the biggest letter.
const pdfHoleSize = 0.2

// pdfJoin is how far apart two letters of a word in two fonts may be, as a part of the height of the lower: a blank is wider.
const pdfJoin = 0.25

// filled cuts the runs of a line where others stand in their holes, and orders all from left to right.
func filled(line []*pdfPiece) []*pdfPiece {
	byLeft := func(a, b *pdfPiece) int { return cmp.Compare(a.left, b.left) }
	slices.SortStableFunc(line, byLeft)
	var cuts map[*pdfPiece][]int // holes by number
	var wide *pdfPiece           // reaches furthest to the right so far
	for _, p := range line {
		if wide != nil && p.right < wide.right {
			if k := wide.holeFor(p); k >= 0 {
				if cuts == nil {
					cuts = map[*pdfPiece][]int{}
				}
				p.joins = true
				if had := cuts[wide]; len(had) == 0 || had[len(had)-1] < k {
					cuts[wide] = append(had, k)
				}
			}
			continue
		}
		wide = p
	}
	if cuts == nil {
		return line
	}
	out := make([]*pdfPiece, 0, 2*len(line))
	for _, p := range line {
		out = append(out, p.parts(cuts[p])...)
	}
	slices.SortStableFunc(out, byLeft)
	return out
}

// holeFor is the number of the hole that another run fills, -1 for none.
func (p *pdfPiece) holeFor(q *pdfPiece) int {
	middle := (q.left + q.right) / 2
	k, _ := slices.BinarySearchFunc(p.holes, middle, func(h pdfHole, x float64) int { return cmp.Compare(h.right, x) })
	if k < len(p.holes) && p.holes[k].left <= middle && q.right-q.left < 2*(p.holes[k].right-p.holes[k].left) {
		return k
	}
	return -1
}

// parts are a run cut at some of its holes, their numbers in order.
func (p *pdfPiece) parts(holes []int) []*pdfPiece {
	var out []*pdfPiece
	rest, from := *p, 0
	rest.joins = rest.joins || len(holes) > 0
	for _, k := range holes {
		h := p.holes[k]
		before := rest
		before.text, before.right = strings.TrimSpace(p.text[from:h.at]), h.left
		rest.left, from = h.right, h.at
		out = append(out, &before)
	}
	rest.text = strings.TrimSpace(p.text[from:])
	return append(out, &rest)
}
