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
	holes                    []pdfHole // from left to right
	joins                    bool      // it fills a hole of another, or stands beside one that is filled
}

func (p *pdfPiece) middle() float64 { return (p.top + p.bottom) / 2 }
func (p *pdfPiece) height() float64 { return max(p.top-p.bottom, 1) }

// pdfPieces makes runs of a page's letters, which come in the order of the file: a run ends where the next letter is not
// beside the last one.
func pdfPieces(chars []*responses.GetPageTextStructuredChar) []pdfPiece {
	r := pdfRuns{}
	for _, c := range chars {
		r.add(c)
	}
	r.end()
	return r.pieces
}

// pdfRuns gathers letters into runs.
type pdfRuns struct {
	pieces []pdfPiece
	now    pdfPiece
	text   strings.Builder
	last   responses.CharPosition
	size   float64 // of the biggest letter in the run, its height or its width, points
	space  bool    // before the next letter
}

func (r *pdfRuns) add(c *responses.GetPageTextStructuredChar) {
	text := c.Text
	switch {
	case text == "", text == "\r", text == "\n":
		r.end()
		return
	case text == "\u0002", text == "\ufffe": // stands where a line's last hyphen was
		text = "-"
	case text <= " ", text == "\u00a0":
		r.space = true
		return
	}
	at := c.PointPosition
	if sum := at.Left + at.Right + at.Bottom + at.Top; math.IsNaN(sum) || math.IsInf(sum, 0) {
		at = r.last
	}
	if r.text.Len() > 0 && !r.continues(at) {
		r.end()
	}
	if r.text.Len() == 0 {
		r.now = pdfPiece{left: at.Left, right: at.Right, bottom: at.Bottom, top: at.Top}
		if c.FontInformation != nil {
			r.now.font = c.FontInformation.Name
		}
	} else {
		if at.Left-r.last.Right > pdfHoleSize*r.size {
			r.now.holes = append(r.now.holes, pdfHole{r.text.Len(), r.last.Right, at.Left})
		}
		if r.space {
			r.text.WriteByte(' ')
		}
	}
	r.space = false
	r.text.WriteString(text)
	r.now.left, r.now.right = min(r.now.left, at.Left), max(r.now.right, at.Right)
	r.now.bottom, r.now.top = min(r.now.bottom, at.Bottom), max(r.now.top, at.Top)
	r.size, r.last = max(r.size, at.Top-at.Bottom, at.Right-at.Left, 1), at
}

// continues tells a place that is beside the last letter, with room for a space between, and not far higher or lower.
func (r *pdfRuns) continues(at responses.CharPosition) bool {
	gap := at.Left - r.last.Right
	apart := max(at.Bottom-r.last.Top, r.last.Bottom-at.Top) // negative where one is beside the other
	return gap < 1.2*r.size && gap > -0.5*r.size && apart < 0.6*r.size &&
		at.Bottom > r.now.bottom-r.size && at.Top < r.now.top+3*r.size || gap <= 0.3*r.size && gap > -0.5*r.size && apart < 0.3*r.size
}

func (r *pdfRuns) end() {
	if r.text.Len() > 0 {
		r.now.text = r.text.String()
		r.pieces = append(r.pieces, r.now)
	}
	r.text.Reset()
	r.size, r.space = 0, false
}

// writePDFText writes a page's runs as lines from top to bottom, each from left to right, parted where the eye sees
// a gap: the order in which they stand in the file says nothing. It returns the number of letters.
func writePDFText(w *writer, pieces []pdfPiece) (letters int) {
	for _, line := range pdfLines(pieces) {
		line = filled(line)
		w.line()
		for i, p := range line {
			if i > 0 {
				before := line[i-1]
				gap := p.left - before.right
				switch em := min(p.height(), before.height()); {
				case gap > 1.2*em:
					w.cell()
				case p.joins && before.joins && gap <= pdfJoin*em:
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
