package marking

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Scores of file names.
const (
	nameLevel = 0.90 // "Tối mật - …", "[MẬT] …"
	nameNoun  = 0.85 // "công văn mật số 12"
	namePlain = 0.80 // the same without diacritics
	nameCaps  = 0.70 // the last word is MAT
)

// maxName is how many octets of a file name are looked at: more than any file system allows.
const maxName = 4096

// maxFolders is how many folders of a name are looked at, those nearest to the file.
const maxFolders = 8

// fileName finds a marking in a file name, or in the name of a folder that it is in.
func (d *Detector) fileName(w *Work, s string, v *evidence) {
	s = s[:min(len(s), maxName)]
	w.spend(len(s))
	s = visible(s)
	for range maxFolders + 1 {
		i := strings.LastIndexAny(strings.TrimRight(s, `/\`), `/\`)
		d.namePart(w, s[i+1:], v)
		if i <= 0 {
			return
		}
		s = s[:i]
	}
}

// namePart finds a marking in one part of a path, whose words may be joined in many ways.
func (d *Detector) namePart(w *Work, s string, v *evidence) {
	stem := d.stem(s)
	l := d.newLine(stem)
	u := &unit{d: d, work: w, kind: FileName, text: stem, spans: []span{{0, int32(len(stem))}}, lines: []*line{l}}
	u.banners(0, 0, v)
	d.foreignName(l, v)
	guided := d.guidanceNames.has(l.text, l.toks, true)
	for _, t := range l.toks {
		if level, ok := d.gluedNames[t.plain]; ok && !guided { // "tailieumat"
			v.add(Evidence{Class: Name, Level: level, Score: namePlain})
		}
	}
	for _, c := range l.marks {
		if c.vetoed || u.several(l, c) {
			continue
		}
		score := d.nameScore(u, l, c)
		if d.pressed(s, l, c) {
			score = 0
		}
		if guided && score < nameLevel {
			score = 0
		}
		v.add(Evidence{Class: Name, Level: c.level, Score: score, Offset: 0})
	}
}

// stem is a file name without its extensions, CamelCase taken apart.
func (d *Detector) stem(s string) string {
	s = strings.TrimRight(s, `/\`)
	for range 2 { // "x.pdf.zip"
		i := strings.LastIndexByte(s, '.')
		if i <= 0 || len(s)-i > 6 || strings.ContainsAny(s[i:], " ]") || !asciiWord(s[i+1:]) {
			break
		}
		s = s[:i]
	}
	var b strings.Builder
	var last, before rune
	for i, r := range s {
		next, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
		// "TuyetMat" and "MATSo": a capital behind a small letter, or before one and behind capitals
		if unicode.IsUpper(r) && (unicode.IsLower(last) || unicode.IsUpper(last) && unicode.IsUpper(before) && unicode.IsLower(next)) {
			b.WriteByte(' ')
		}
		if r == '_' || r == '+' {
			r = ' '
		}
		b.WriteRune(r)
		before, last = last, r
	}
	return b.String()
}

func asciiWord(s string) bool {
	for _, r := range s {
		if r >= utf8.RuneSelf || wordKind(r) == 0 {
			return false
		}
	}
	return s != ""
}

// nameScore is the score of a level in a file name by where it stands.
func (d *Detector) nameScore(u *unit, l *line, c candidate) float64 {
	before, after := strings.TrimRight(l.text[:c.start], " "), strings.TrimLeft(l.text[c.end:], " ")
	first, last := c.first == 0 && decoration(before), decoration(after) || copyMark(after)
	open, _ := utf8.DecodeLastRuneInString(before)
	bracketed := before != "" && strings.ContainsRune("[({【", open) && after != "" && strings.IndexAny(after, "])}】") == 0
	dashed := after != "" && (after[0] == '-' || strings.HasPrefix(after, "–"))
	ending := d.nouns.ending(l.text, l.toks, c.first, true)
	noun := ending > 0 && d.notNouns.ending(l.text, l.toks, c.first, true) <= ending || c.first > 0 && d.shortNoun(l, c.first-1) > 0
	numbered := d.numberBehind(l, c)
	switch {
	case c.form == plain && c.single && c.style != caps && first && last:
		return 0 // "mat.png"
	case first && last, bracketed:
		return nameLevel
	case c.style == title && strings.HasPrefix(l.text[c.end:], ",") && l.toks[c.last+1].style == title && d.nounBegins(l, c):
		return 0 // "Danh sách - Mật, Hùng, Lan"
	case c.form == exact && c.style == caps && dashed && c.first == 1 && isNumber(l.toks[0].word) && len(l.toks[0].word) < 4:
		return nameLevel // "1. MẬT - …"
	case c.form == exact && last && c.first == 1 && isNumber(l.toks[0].word) && l.gapBetween(0, 1) == "-":
		return nameCaps // "27-Mật", the number of a paper
	case u.labelled(l, c) > 0 || c.form != exact && u.plainLabel(l, c):
		return nameLevel
	case c.form == plain && c.style == caps && d.nounBegins(l, c) && l.gapBetween(c.first-1, c.first) == "-" && l.gapBetween(c.last, c.last+1) == "-":
		return namePlain // "CV45-MAT-SNN"
	case c.form == exact && d.nounBegins(l, c):
		return nameNoun
	case first && c.form == plain && c.single && c.style != caps && slug(l):
		return 0 // "mat-duong-quoc-lo-1": mặt, mất and mắt are far more frequent
	case first && (dashed || after != "" && after[0] == '.'):
		if c.form == plain && c.single && c.style == lower {
			return nameCaps
		}
		return nameLevel
	case c.form == exact && !c.single:
		return nameNoun
	case c.form != exact && !c.single:
		return d.plainLevelName(l, c, last, first)
	case noun && (last || numbered || c.style != caps && c.last+1 < len(l.toks) && l.toks[c.last+1].style == caps):
		if c.form == exact {
			return nameNoun
		}
		return namePlain
	case first && c.form == exact && (c.style == caps || strings.HasPrefix(l.text[c.end:], "  ")):
		return namePlain
	case first && c.style == caps && (c.form == exact || d.sounds(l, c)) && (numbered || len(l.toks) > c.last+1 && l.toks[c.last+1].style != caps):
		return nameCaps
	case first && c.style == title && numbered && symbolBehind(l, c), last && c.style == title && c.form == exact && numbersBefore(l, c):
		return nameCaps
	case last && c.form == exact && (strings.HasSuffix(before, " -") || strings.HasSuffix(before, " –")):
		return nameCaps
	case last && c.style == caps && c.first > 0 && (c.form == exact || u.smallBefore(l, c)):
		return nameCaps
	}
	return 0
}

// pressed tells a title of newspapers, books and films in the name of a file: "hồ sơ mật vụ án …", "giải mã hồ sơ mật …", or "hồ sơ
// mật …" of a film.
func (d *Detector) pressed(name string, l *line, c candidate) bool {
	n := d.pressNouns.ending(l.text, l.toks, c.first, true)
	if n == 0 || c.style == caps {
		return false
	}
	if tail, _ := d.pressTails.at(l.text, l.toks, c.last+1, true); tail > 0 {
		return true
	}
	return d.pressHeads.has(l.text, l.toks[:c.first-n], true) || film(name)
}

// film tells the name of moving pictures or sound.
func film(name string) bool {
	switch strings.ToLower(name[strings.LastIndexByte(name, '.')+1:]) {
	case "mp4", "mkv", "avi", "mov", "webm", "flv", "wmv", "mpg", "mpeg", "m4v", "ts", "mp3", "m4a", "aac", "ogg", "srt":
		return true
	}
	return false
}

// slug tells a name whose words are all joined by hyphens, none of them a number: no hyphen divides more than another.
func slug(l *line) bool {
	for k := 1; k < len(l.toks); k++ {
		if l.gapBetween(k-1, k) != "-" || isNumber(l.toks[k].word) {
			return false
		}
	}
	return len(l.toks) > 2
}

// nounBegins tells a name that begins with a word for a document, perhaps behind numbers, and its number or nothing
// before the level: "công văn MẬT của Bộ", "20260512 CV 557 mật BCĐ".
func (d *Detector) nounBegins(l *line, c candidate) bool {
	k := 0
	for k < c.first && isNumber(l.toks[k].word) {
		k++
	}
	n, _ := d.nouns.at(l.text, l.toks, k, true)
	if n == 0 {
		n = d.shortNoun(l, k)
	}
	for k += n; n > 0 && k < c.first; k++ {
		if tie, _ := d.ties.at(l.text, l.toks, k, true); tie > 0 && k+tie == c.first {
			return true
		}
		if !isNumber(l.toks[k].word) && l.toks[k].style != caps {
			return false
		}
	}
	return n > 0 && k == c.first
}

// shortNoun tells a word for a document as file names shorten it.
func (d *Detector) shortNoun(l *line, k int) int {
	n, _ := d.shortNouns.at(l.text, l.toks, k, true)
	return n
}

// plainLabel tells a level behind the label of a level field in a name: "DoMat-MAT".
func (u *unit) plainLabel(l *line, c candidate) bool {
	n := u.d.labels.ending(l.text, l.toks, c.first, true)
	return n > 0 && l.toks[c.first-1].plain != "" && strings.Trim(l.gapBetween(c.first-1, c.first), " -_=:") == "" && l.gapBetween(c.first-1, c.first) != " "
}

// symbolBehind tells a number with a symbol in capitals behind a level: "Mat_45-BC-TNN".
func symbolBehind(l *line, c candidate) bool {
	k := c.last + 2
	return k < len(l.toks) && isNumber(l.toks[k-1].word) && l.toks[k].style == caps && l.gapBetween(k-1, k) != ""
}

// numbersBefore tells a number with a symbol in capitals before a level that ends a name: "12_BC_TNN_2026_Mật".
func numbersBefore(l *line, c candidate) bool {
	for k := 1; k < c.first; k++ {
		if isNumber(l.toks[k-1].word) && l.toks[k].style == caps && !isNumber(l.toks[k].word) {
			return true
		}
	}
	return false
}

// plainLevelName is the score of TOI MAT and TUYET MAT without diacritics: "toi mat" is "tôi mất" as well, and only
// what cannot go on is a level.
func (d *Detector) plainLevelName(l *line, c candidate, last, first bool) float64 {
	tuyet := len(l.toks) > c.first && strings.HasPrefix(l.toks[c.first].word, "tu")
	switch {
	case tuyet, last && c.first > 0, c.style == caps && !first, c.style == caps && len(l.toks) > c.last+1 && l.toks[c.last+1].style != caps:
		return namePlain
	case d.nouns.ending(l.text, l.toks, c.first, true) > 0:
		return namePlain
	case first && c.first != c.last && c.style == title && l.toks[c.last].style == title:
		return nameCaps // "ToiMat_…"
	}
	return 0
}

// smallBefore tells a level in capitals behind words that are not.
func (u *unit) smallBefore(l *line, c candidate) bool {
	for _, t := range l.toks[:c.first] {
		if t.style == lower && !isNumber(t.word) {
			return true
		}
	}
	return false
}

// copyMark tells "(1)", "(copy)", "v2": what programs put behind a name.
func copyMark(s string) bool {
	for _, t := range tokens(s) {
		switch t.word {
		case "copy", "v", "ban", "bản", "in", "photo", "mềm", "cứng", "cuối", "gốc", "final", "scan", "signed", "ky", "ký":
		default:
			if !isNumber(t.word) || len(t.word) > 2 {
				return false
			}
		}
	}
	return strings.HasPrefix(strings.TrimLeft(s, " "), "(") || strings.HasPrefix(s, "v")
}

// numberBehind tells digits, "số" and digits, or a date behind a level.
func (d *Detector) numberBehind(l *line, c candidate) bool {
	k := c.last + 1
	if k >= len(l.toks) {
		return false
	}
	w := l.toks[k].plain
	return isNumber(w) || w == "so" && k+1 < len(l.toks) && isNumber(l.toks[k+1].word) || w == "ngay" || w == "no"
}

// foreignName finds a banner at a name's beginning, in capitals.
func (d *Detector) foreignName(l *line, v *evidence) {
	n, index := d.foreignWords.at(l.text, l.toks, 0, false)
	if n < 1 || !d.foreign[index].Begin || !decoration(l.text[:l.toks[0].start]) {
		return
	}
	if n == 1 && len(l.toks) > 1 && cased(l.toks[0].word) && l.toks[1].style == caps { // a name in capitals
		return
	}
	for _, t := range l.toks[:n] {
		if t.style != caps && cased(t.word) {
			return
		}
	}
	v.add(Evidence{Class: Banner, Level: Other, Score: bannerScore, Offset: 0, Hold: true})
}
