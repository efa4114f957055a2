package marking

import (
	"strings"
	"unicode/utf8"
)

// Scores of fields.
const (
	fieldScore   = 0.95
	fieldLetter  = 0.85 // "Độ mật: A"
	fieldOpen    = 0.90 // "Mức độ: Tối mật"
	fieldNext    = 0.90 // the level is on the line below
	columnScore  = 0.95
	columnGuided = 0.40 // in a text about secrecy
	columnOpen   = 0.75 // below "Phân loại"
	numberScore  = 0.90
	numberBare   = 0.75 // "12/MẬT" without "Số"
)

// maxColumn is how many lines below its head a column reaches.
const maxColumn = 1000

// field finds a level that is the value of a level field: behind its label, in a column with that head, or below a
// label that ends the line above.
func (u *unit) field(i int, c candidate) (Class, float64) {
	l := u.line(i)
	if c.form == plain && !u.loose(i) {
		return Field, 0
	}
	if score := u.labelled(l, c); score > 0 {
		return Field, score
	}
	if u.inColumn(i, c) {
		if u.guiding(i) { // which level what kind of paper gets
			return Field, columnGuided
		}
		return Field, columnScore
	}
	if u.inOpenColumn(i, c) {
		return Field, columnOpen
	}
	if u.belowLabel(i, c) {
		return Field, fieldNext
	}
	return Field, 0
}

// label is the label of a level field in a line.
type label struct {
	first, last int  // tokens
	full        bool // it speaks of secrecy
	value       int  // where its value begins
	ok          bool // a sign of a field stands before the value
}

// labelsOf are the labels in a line, found once.
func (u *unit) labelsOf(l *line) []label {
	if l.labelsKnown {
		return l.labels
	}
	l.labelsKnown = true
	for k := range l.toks {
		if n, full := u.labelAt(l, k); n > 0 {
			f := label{first: k, last: k + n - 1, full: full}
			f.value, f.ok = u.valueAt(l, f.first, f.last)
			l.labels = append(l.labels, f)
		}
	}
	return l.labels
}

// labelled is the score of a level behind a label in its line.
func (u *unit) labelled(l *line, c candidate) float64 {
	score := 0.0
	for _, f := range u.labelsOf(l) {
		if f.last >= c.first {
			break
		}
		if f.value != c.start && f.value != u.valueFrom(l, f, c) && !(f.full && u.besideLabel(l, f, c)) || u.d.instructions.ending(l.text, l.toks, f.first, !l.vietnamese) > 0 {
			continue
		}
		if !f.ok && !u.besideLabel(l, f, c) {
			continue
		}
		if u.choice(l, c) {
			return 0
		}
		score = fieldOpen
		if f.full {
			return fieldScore
		}
	}
	return score
}

// valueFrom is where the value begins that ends in a level: with the level, with what ties it, "là Mật", "độ Mật", or with
// its code, "2 - Mật".
func (u *unit) valueFrom(l *line, f label, c candidate) int {
	k := c.first - 1
	if k <= f.last {
		return c.start
	}
	if n := u.d.ties.ending(l.text, l.toks, c.first, !l.vietnamese); n > 0 {
		return l.toks[c.first-n].start
	}
	if l.toks[k].word == "là" || isNumber(l.toks[k].word) && strings.Trim(l.gapBetween(k, c.first), " -–.:)") == "" {
		return l.toks[k].start
	}
	return c.start
}

// besideLabel tells a level that a dash, an arrow or nothing divides from its label, and that ends there: "Độ mật - Mật;".
func (u *unit) besideLabel(l *line, f label, c candidate) bool {
	if !f.full || c.first != f.last+1 || c.style == lower || c.form != exact || l.toks[f.last].style == caps && c.style != caps || !u.ends(l, c.last) && !strings.HasPrefix(l.text[c.end:], ":") {
		return false
	}
	gap := l.gapBetween(f.last, c.first)
	sign := strings.TrimSpace(gap)
	return gap != "" && (sign == "" && (!c.single || c.style == caps) || sign == "-" || sign == "–" || symbol(sign))
}

// labelAt is how many tokens at k are the label of a level field; full, that it speaks of secrecy.
func (u *unit) labelAt(l *line, k int) (n int, full bool) {
	loose := !l.vietnamese
	n, _ = u.d.labels.at(l.text, l.toks, k, loose)
	if n == 0 {
		n = u.identifier(l, k)
	}
	if open, _ := u.d.openLabels.at(l.text, l.toks, k, loose); open > n {
		return open, false
	}
	return n, n > 0
}

// identifier is how many tokens at k are a label as programs write it: "do_mat", in a text that has its diacritics.
func (u *unit) identifier(l *line, k int) int {
	n, _ := u.d.labels.at(l.text, l.toks, k, true)
	for i := k; i < k+n-1; i++ {
		if l.gapBetween(i, i+1) != "_" {
			return 0
		}
	}
	return n
}

// maxRemark is how many octets a remark in brackets behind a label may have: "Độ mật (nếu có): …".
const maxRemark = 60

// valueAt is where the value of a label begins that ends with token k; ok is false where no sign of a field follows.
func (u *unit) valueAt(l *line, first, k int) (at int, ok bool) {
	at = l.toks[k].end
	for remark := false; at < len(l.text); {
		switch c := l.text[at]; {
		case c == ' ':
			if strings.HasPrefix(l.text[at:], "   ") {
				ok = true
			}
			at++
		case !ok && (strings.HasPrefix(l.text[at:], "==") || strings.HasPrefix(l.text[at:], "!=")):
			return 0, false // a comparison in a program
		case c == ':' || c == '=' || c == '\t' || c == '|', strings.HasPrefix(l.text[at:], ".."), strings.HasPrefix(l.text[at:], "__"), strings.HasPrefix(l.text[at:], "…"):
			ok = true
			at++
		case c == '(' && !remark && !ok:
			end := strings.IndexByte(l.text[at:min(len(l.text), at+maxRemark)], ')')
			if end < 0 {
				return 0, false
			}
			at += end + 1
			remark = true
		case !ok && (c == '>' || c == ']' || c == '*' || c == '"'): // "<Độ mật>: …"
			ok = c == '>' && strings.HasSuffix(l.text[:l.toks[first].start], "<") // "<DoMat>Mật</DoMat>"
			at++
		default:
			r, n := utf8.DecodeRuneInString(l.text[at:])
			if wordKind(r) != 0 && !ok && !remark {
				if at = u.ofWhat(l, at); at > 0 { // "Cấp bảo mật của tài liệu: …"
					remark = true
					continue
				}
				return 0, false
			}
			if !ok || wordKind(r) != 0 {
				return at, ok
			}
			at += n
		}
	}
	return at, ok
}

// maxOf is how many words may stand between a label and its colon.
const maxOf = 6

// ofWhat is where the colon is behind the words that say of what a label is, at the octet at; 0 for none.
func (u *unit) ofWhat(l *line, at int) int {
	k := tokenAt(l, at)
	if k < 0 {
		return 0
	}
	if n, _ := u.d.nouns.at(l.text, l.toks, k, !l.vietnamese); n == 0 {
		switch l.toks[k].plain {
		case "cua", "of", "for":
		default:
			return 0
		}
	}
	for n := k; n < len(l.toks) && n < k+maxOf; n++ {
		switch gap := l.gapBetween(n, n+1); {
		case strings.HasPrefix(strings.TrimLeft(gap, " "), ":"):
			return l.toks[n].end
		case !blank(gap):
			return 0
		}
	}
	return 0
}

// choice tells a value that is a list to choose from: several levels, or one beside a word for none.
func (u *unit) choice(l *line, c candidate) bool {
	for _, m := range l.marks {
		if m.level != c.level && m.first > c.last {
			return true
		}
	}
	next := c.last + 1
	if next >= len(l.toks) {
		return false
	}
	gap := strings.TrimSpace(l.gapBetween(c.last, next))
	n, _ := u.d.noLevel.at(l.text, l.toks, next, !l.vietnamese)
	if end := next + n; gap == "," && n > 0 && end < len(l.toks) && blank(l.gapBetween(end-1, end)) {
		return false // "Mật, không chuyển tiếp"
	}
	return n > 0 && (gap == "/" || gap == "|" || gap == ",")
}

// letters finds "Độ mật: A": the level by the letter on its envelope.
func (u *unit) letters(i, at int, v *evidence) {
	l := u.line(i)
	for _, f := range u.labelsOf(l) {
		if !f.ok || !f.full {
			continue
		}
		t := tokenAt(l, f.value)
		if t < 0 || l.toks[t].style != caps || !u.ends(l, t) {
			continue
		}
		for _, name := range u.d.names {
			if name.called(l.toks[t].word) {
				v.add(Evidence{Class: Field, Level: name.level, Score: fieldLetter, Offset: int64(at)})
			}
		}
	}
}

// ends tells that the value ends with token t: the line ends there, or a sign or a wide gap follows.
func (u *unit) ends(l *line, t int) bool {
	rest := l.text[l.toks[t].end:]
	if strings.TrimSpace(rest) == "" || strings.HasPrefix(rest, "   ") {
		return true
	}
	rest = strings.TrimLeft(rest, " ")
	if rest[0] == '/' || rest[0] == ',' { // A/B/C: a choice
		return t+1 >= len(l.toks) || len(l.toks[t+1].word) > 1
	}
	return strings.IndexByte(".;|\t)]-", rest[0]) >= 0
}

// belowLabel tells a level that is alone in its line, below a line that ends with a label.
func (u *unit) belowLabel(i int, c candidate) bool {
	l, prev := u.line(i), u.line(i-1)
	if prev == nil || len(prev.toks) == 0 || len(prev.cells) == 0 || c.first > 0 {
		return false
	}
	if k := l.cellOf(c.start); k < 0 {
		return false
	} else if alone, _ := u.alone(l, l.cells[k], c); !alone {
		return false
	}
	cell := prev.cells[len(prev.cells)-1]
	t := tokenAt(prev, int(cell.start))
	if t < 0 || len(prev.cells) > 1 && !strings.Contains(prev.text, ":") {
		return false
	}
	n, full := u.labelAt(prev, t)
	if n == 0 || !full || strings.Trim(prev.text[prev.toks[t+n-1].end:], " :=*.") != "" {
		return false
	}
	next := u.line(i + 1)
	if next == nil {
		return true
	}
	for _, m := range next.marks {
		if m.first == 0 && m.level != c.level {
			return false
		}
	}
	return true
}

// number finds a level in a document's number: "Số: 12/Mật-VKTTV", "SỐ 12/MẬT", "Số 05/BC (MẬT)".
func (u *unit) number(i int, c candidate) (Class, float64) {
	l := u.line(i)
	k := l.cellOf(c.start)
	if k < 0 || c.form == plain && (!u.loose(i) || c.style != caps) || c.form == near && !u.onPage(i) {
		return Number, 0
	}
	before := l.text[l.cells[k].start:c.start]
	trimmed := strings.TrimRight(before, " ")
	if n := u.d.ties.ending(l.text, l.toks, c.first, !l.vietnamese); n > 0 && l.toks[c.first-n].start > int(l.cells[k].start) { // "12/BC (độ Mật)"
		if tied := strings.TrimRight(l.text[l.cells[k].start:l.toks[c.first-n].start], " "); strings.HasSuffix(tied, "(") {
			trimmed = tied
		}
	}
	if trimmed == "" || strings.IndexByte("/-(", trimmed[len(trimmed)-1]) < 0 || trimmed[len(trimmed)-1] != '(' && trimmed != before {
		return Number, 0
	}
	if c.form == plain && (!numberAround(l, c) || !u.d.sounds(l, c)) {
		return Number, 0
	}
	digits := false
search:
	for j := c.first - 1; j >= 0 && l.toks[j].start >= int(l.cells[k].start) && c.start-l.toks[j].start <= maxNumber; j-- {
		t := l.toks[j]
		w := t.plain
		switch {
		case isNumber(t.word):
			digits = true
		case (w == "so" || w == "no") && (digits || strings.Contains(l.gapBetween(j, j+1), "..") || strings.Contains(l.gapBetween(j, j+1), "…")):
			if t.word != w || t.style != lower {
				return Number, numberScore
			}
		case strings.ContainsAny(l.gapBetween(j, j+1), " ") && trimmed[len(trimmed)-1] != '(':
			break search
		}
	}
	if digits && c.style == caps && trimmed[len(trimmed)-1] == '/' && isNumber(l.toks[c.first-1].word) {
		return Number, numberBare
	}
	return Number, 0
}

// numberAround tells that what stands around a level without diacritics can be a document's number: letters, digits
// and the signs of one up to the next blanks, with no digit behind the level, which octets in ASCII have.
func numberAround(l *line, c candidate) bool {
	from := strings.LastIndexByte(l.text[:c.start], ' ') + 1
	to := len(l.text)
	if i := strings.IndexAny(l.text[c.end:], " \t,;)"); i >= 0 {
		to = c.end + i
	}
	return strings.IndexFunc(l.text[from:to], func(r rune) bool {
		return wordKind(r) == 0 && !strings.ContainsRune("/-.:()[]*–|\t", r)
	}) < 0 && !strings.ContainsAny(l.text[c.end:to], "0123456789") && (from == 0 || isNumber(l.text[from:]) || l.text[from] == '(' || strings.HasPrefix(strings.ToLower(l.text[from:]), "so:"))
}

// maxNumber is how many octets a document's number has at most.
const maxNumber = 60
