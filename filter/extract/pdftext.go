package extract

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/klippa-app/go-pdfium/responses"
)

// pdfPiece is a run of text in one font at one place of a page.
type pdfPiece struct {
	text                     string
	left, right, bottom, top float64 // points, from the lower left corner
	font                     string
}

func (p *pdfPiece) middle() float64 { return (p.top + p.bottom) / 2 }
func (p *pdfPiece) height() float64 { return max(p.top-p.bottom, 1) }

// pdfPieces takes the runs of text that show something.
func pdfPieces(rects []*responses.GetPageTextStructuredRect) []pdfPiece {
	pieces := make([]pdfPiece, 0, len(rects))
	for _, r := range rects {
		text := strings.Map(func(c rune) rune {
			switch {
			case c == '\u0002', c == '\ufffe': // stands where a line's last hyphen was
				return '-'
			case c < ' ':
				return ' '
			}
			return c
		}, r.Text)
		if strings.TrimSpace(text) == "" {
			continue
		}
		p := pdfPiece{text: text, left: r.PointPosition.Left, right: r.PointPosition.Right, bottom: r.PointPosition.Bottom, top: r.PointPosition.Top}
		if math.IsNaN(p.left+p.right+p.bottom+p.top) || math.IsInf(p.left+p.right+p.bottom+p.top, 0) {
			p.left, p.right, p.bottom, p.top = 0, 0, 0, 0
		}
		if r.FontInformation != nil {
			p.font = r.FontInformation.Name
		}
		pieces = append(pieces, p)
	}
	return pieces
}

// writePDFText writes a page's runs as lines from top to bottom, each from left to right, parted where the eye sees
// a gap: the order in which they stand in the file says nothing. It returns the number of letters.
func writePDFText(w *writer, pieces []pdfPiece) (letters int) {
	for _, line := range pdfLines(pieces) {
		slices.SortStableFunc(line, func(a, b *pdfPiece) int { return cmp.Compare(a.left, b.left) })
		w.line()
		for i, p := range line {
			if i > 0 {
				before := line[i-1]
				gap := p.left - before.right
				switch em := min(p.height(), before.height()); {
				case gap > 1.2*em:
					w.cell()
				case gap > 0.12*em || strings.HasSuffix(before.text, " ") || strings.HasPrefix(p.text, " "):
					w.text(" ")
				}
			}
			w.style(pdfFont(p.font))
			text := strings.TrimSpace(p.text)
			w.text(text)
			letters += len(text)
		}
		w.style(font{})
		w.line()
	}
	return letters
}

// pdfLines groups runs into lines, the uppermost first. Two stand on one line when the middle of each is within the
// other's height and none is far bigger: a mark across a page is no part of the lines that it crosses.
func pdfLines(pieces []pdfPiece) [][]*pdfPiece {
	order := make([]*pdfPiece, len(pieces))
	for i := range pieces {
		order[i] = &pieces[i]
	}
	slices.SortStableFunc(order, func(a, b *pdfPiece) int { return cmp.Compare(b.middle(), a.middle()) })
	var lines [][]*pdfPiece
	for _, p := range order {
		at := -1
		for i := len(lines) - 1; i >= 0 && i >= len(lines)-maxOpenLines; i-- {
			if first := lines[i][0]; sameLine(first, p) {
				at = i
				break
			}
		}
		if at < 0 {
			lines = append(lines, nil)
			at = len(lines) - 1
		}
		lines[at] = append(lines[at], p)
	}
	return lines
}

// maxOpenLines is how many lines above are compared with a run.
const maxOpenLines = 4

func sameLine(a, b *pdfPiece) bool {
	low, high := min(a.height(), b.height()), max(a.height(), b.height())
	return high < 2.5*low && math.Abs(a.middle()-b.middle()) < 0.5*low
}

// pdfFont tells an old font by its name, before which stands the mark of a subset (PDF 1.7 section 9.6.4).
func pdfFont(name string) font {
	if i := strings.IndexByte(name, '+'); i == 6 {
		name = name[i+1:]
	}
	return fontOf(name)
}
