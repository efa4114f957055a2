package marking

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// unit is one reading of a text while it is looked at. Lines are made when they are asked for.
type unit struct {
	d     *Detector
	work  *Work
	kind  Kind
	text  string
	spans []span // of the lines that are not empty
	gaps  []bool // empty lines stand before the line
	lines []*line
	first int // index of the first line that is not empty, -1 in a later window

	guide   int // 0 not asked, 1 no, 2 yes
	column  column
	portion int // portion marks seen
}

// span is a line's place in the text.
type span struct{ start, end int32 }

// line is a line in the form in which it is compared.
type line struct {
	raw        string // visible, in its own letters
	text       string // and look-alikes as Latin letters, spaced letters joined
	toks       []token
	cells      []span // in text
	marks      []candidate
	vietnamese bool // has letters that a text without diacritics has not
	gap        bool // empty lines stand before it

	crowded bool // has more levels than are looked at

	page, guide, loose, onPage known
	joined                     *joined
	labels                     []label
	labelsKnown                bool
}

// known is an answer that is worked out once.
type known uint8

func (k *known) is(answer func() bool) bool {
	if *k == 0 {
		*k = 1
		if answer() {
			*k = 2
		}
	}
	return *k == 2
}

// split finds the lines that are not empty.
func split(text string) (spans []span, gaps []bool) {
	gap := false
	for start := 0; start < len(text); {
		end, next := lineEnd(text, start)
		if blankLine(text[start:end]) {
			gap = true
		} else {
			spans = append(spans, span{int32(start), int32(end)})
			gaps = append(gaps, gap)
			gap = false
		}
		start = next
	}
	return spans, gaps
}

// lineEnd is where the line that begins at start ends and where the next begins. A line over MaxLine is cut at a
// blank, or else at a letter.
func lineEnd(text string, start int) (end, next int) {
	most := min(len(text), start+MaxLine)
	for i := start; i < most; i++ {
		switch c := text[i]; {
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n':
			return i, i + 2
		case c >= '\n' && c <= '\r':
			return i, i + 1
		case c == 0xE2 && strings.HasPrefix(text[i:], "\u2028"), c == 0xE2 && strings.HasPrefix(text[i:], "\u2029"):
			return i, i + 3
		case c == 0xC2 && strings.HasPrefix(text[i:], "\u0085"):
			return i, i + 2
		}
	}
	if most == len(text) {
		return most, most
	}
	if i := strings.LastIndexByte(text[start:most], ' '); i > 0 {
		return start + i, start + i + 1
	}
	for most > start+1 && !utf8.RuneStart(text[most]) {
		most--
	}
	return most, most
}

func blankLine(s string) bool {
	for _, r := range s {
		if r != ' ' && r != '\t' && r != '>' && r != 0xA0 && !ignorable(r) {
			return false
		}
	}
	return true
}

// line gives a line, nil when there is none.
func (u *unit) line(i int) *line {
	if i < 0 || i >= len(u.spans) {
		return nil
	}
	if u.lines[i] == nil {
		u.work.spend(lineCost + int(u.spans[i].end-u.spans[i].start))
		u.lines[i] = u.d.newLine(u.text[u.spans[i].start:u.spans[i].end])
		u.lines[i].gap = i < len(u.gaps) && u.gaps[i]
	}
	return u.lines[i]
}

// newLine brings a line into the form in which it is compared.
func (d *Detector) newLine(s string) *line {
	l := &line{raw: untagged(visible(unquoted(s)))}
	l.text = despaced(latinised(l.raw), d.names)
	for _, r := range l.text {
		if vietnamese(r) {
			l.vietnamese = true
			break
		}
	}
	l.toks = tokens(l.text)
	l.cells = cells(l.text)
	l.marks = d.candidates(l)
	return l
}

// unquoted takes the signs of quoted mail from a line's beginning.
func unquoted(s string) string {
	for {
		t := strings.TrimLeft(s, " ")
		if rest, ok := strings.CutPrefix(t, ">"); ok {
			s = rest
			continue
		}
		if rest, ok := strings.CutPrefix(t, "| "); ok && !strings.Contains(rest, "|") {
			s = rest
			continue
		}
		return s
	}
}

// leader is a row of dots between two boxes of a page.
const leader = "...."

// minGap is how many blanks divide cells.
const minGap = 3

// cells divides a text at tabs, bars and runs of blanks, at the signs of a list and behind a name in quotation marks
// ("title": "…"); without the blanks around, empty ones left out.
func cells(s string) []span {
	var out []span
	add := func(start, end int) {
		t := strings.TrimLeft(s[start:end], " ")
		start = end - len(t)
		t = strings.TrimRight(t, " ")
		if t != "" {
			out = append(out, span{int32(start), int32(start + len(t))})
		}
	}
	sign := listSign(s)
	start, blanks := 0, 0
	for i := range len(s) {
		switch {
		case s[i] == '\t' || s[i] == '|' || sign != 0 && s[i] == sign, s[i] == ':' && i > 0 && s[i-1] == '"', strings.HasPrefix(s[i:], leader):
			add(start, i)
			start, blanks = i+1, 0
		case s[i] == ' ':
			if blanks++; blanks == minGap {
				add(start, i)
			}
			if blanks >= minGap {
				start = i + 1
			}
		default:
			blanks = 0
		}
	}
	add(start, len(s))
	return out
}

// minSigns is how many signs a line has at least that divide the values of a list.
const minSigns = 2

// listSign is the sign that divides the values of a line of a list ("Mật,12/BC,Số liệu"), 0 for none: a comma or a
// semicolon with no blank behind it, anywhere in the line, and not always between digits.
func listSign(s string) byte {
next:
	for _, sign := range []byte{',', ';'} {
		if strings.IndexByte(s, sign) < 0 {
			continue
		}
		signs, decimals := 0, 0
		for i := range len(s) {
			switch {
			case s[i] != sign:
			case i+1 < len(s) && s[i+1] == ' ':
				continue next
			case decimal(s, i):
				decimals++
			default:
				signs++
			}
		}
		if signs > 0 && signs+decimals >= minSigns {
			return sign
		}
	}
	return 0
}

// decimal tells a sign between two digits.
func decimal(s string, i int) bool {
	return i > 0 && i+1 < len(s) && isNumber(s[i-1:i]) && isNumber(s[i+1:])
}

// cellOf is the index of the cell that holds the octet at.
func (l *line) cellOf(at int) int {
	i := sort.Search(len(l.cells), func(i int) bool { return int(l.cells[i].end) > at })
	if i < len(l.cells) && int(l.cells[i].start) <= at {
		return i
	}
	return -1
}

// gapBetween is what stands between two tokens, also before the first and after the last.
func (l *line) gapBetween(i, j int) string {
	start, end := 0, len(l.text)
	if i >= 0 {
		start = l.toks[i].end
	}
	if j < len(l.toks) {
		end = l.toks[j].start
	}
	return l.text[start:end]
}

// maxSpaced is how many single letters are joined at most: more than any level has.
const maxSpaced = 24

// despaced joins single letters with one to three signs between them when the whole run is a level.
func despaced(s string, names []name) string {
	if !lettersAlone(s) {
		return s
	}
	toks := tokens(s)
	var b strings.Builder
	done := 0
	for i := 0; i < len(toks); {
		j := i
		for j < len(toks) && singleLetter(s, toks[j]) && (j == i || spacing(s[toks[j-1].end:toks[j].start])) {
			j++
		}
		if j-i >= minSpaced && j-i <= maxSpaced {
			if joined := joinedName(s, toks[i:j], names); joined != "" {
				b.WriteString(s[done:toks[i].start])
				b.WriteString(joined)
				done = toks[j-1].end
			}
		}
		i = max(j, i+1)
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// minSpaced is how many single letters are joined at least.
const minSpaced = 3

// lettersAlone tells a text in which so many letters stand alone, without making its words.
func lettersAlone(s string) bool {
	alone, run := 0, 0 // letters of the word at hand
	for _, r := range s {
		switch wordKind(r) {
		case 1:
			if run++; run == 1 {
				alone++
			} else if run == 2 {
				alone--
			}
		case 0, 2:
			run = 0
		}
		if alone > minSpaced {
			return true
		}
	}
	return alone >= minSpaced
}

func singleLetter(s string, t token) bool {
	r, n := utf8.DecodeRuneInString(s[t.start:t.end])
	if wordKind(r) != 1 {
		return false
	}
	for _, m := range s[t.start+n : t.end] {
		if wordKind(m) != 3 {
			return false
		}
	}
	return true
}

// spacing tells what stands between spaced letters.
func spacing(gap string) bool {
	return gap != "" && len(gap) <= maxSpacing && !strings.Contains(gap, "\t")
}

// maxSpacing is how many octets stand between spaced letters at most.
const maxSpacing = 6

// usual tells the signs that stand between spaced letters as a habit.
func usual(s string, toks []token) bool {
	for i := 1; i < len(toks); i++ {
		if gap := s[toks[i-1].end:toks[i].start]; len(gap) > 4 || strings.Trim(gap, " .-_*") != "" {
			return false
		}
	}
	return true
}

// joinedName is the level that spaced letters spell, "" for none. With its diacritics it is in capitals: nobody spaces
// a word out that is not to be seen.
func joinedName(s string, toks []token, names []name) string {
	var letters strings.Builder
	for _, t := range toks {
		letters.WriteString(t.word)
	}
	for _, n := range names {
		if form := n.glued(letters.String()); form == exact || form != noForm && usual(s, toks) {
			var b strings.Builder
			k := 0
			for i, syllable := range n.syllables {
				if i > 0 {
					b.WriteByte(' ')
				}
				for range syllable.letters {
					if k < len(toks) {
						b.WriteString(s[toks[k].start:toks[k].end])
						k++
					}
				}
			}
			if form == exact {
				return strings.ToUpper(b.String())
			}
			return b.String()
		}
	}
	return ""
}
