package marking

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// triggers are the words that make a line worth looking at, by the first eight letters of their folded form.
type triggers struct {
	filter [256]bool // by hash, so that most words are told apart with one look
	words  map[uint64]triggerKind
}

type triggerKind uint8

const (
	levelWord  triggerKind = 1 << iota // the last word of a level's name
	bigWord                            // counts only in capitals: a word of a stamp or of a banner
	markedWord                         // counts always
)

// maxKey is how many letters a key has.
const maxKey = 8

// hash spreads keys over the filter.
func hash(key uint64) byte { return byte(key * 0x9E3779B97F4A7C15 >> 56) }

func (t *triggers) add(word string, f *folds, kind triggerKind) {
	key, n := uint64(0), 0
	for _, r := range word {
		if c := f.of(r); c != foldSkip && n < maxKey {
			key, n = key<<8|uint64(c), n+1
		}
	}
	t.filter[hash(key)] = true
	t.words[key] |= kind
}

// newTriggers collects the words: of each name, stamp and banner the one that is rarest, which is its last, and of the labels of
// level fields those that are one word, "domat".
func (d *Detector) newTriggers(labels []string) triggers {
	t := triggers{words: map[uint64]triggerKind{}}
	for _, n := range d.names {
		all := ""
		for _, s := range n.syllables {
			all += s.exact
		}
		t.add(n.syllables[len(n.syllables)-1].exact, d.folds, levelWord)
		if len(n.syllables) > 1 {
			t.add(all, d.folds, markedWord)
		}
		if last := n.syllables[len(n.syllables)-1]; len(last.plain) > 1 && last.plain[len(last.plain)-1] == 'i' {
			t.add(last.plain[:len(last.plain)-1]+"l", d.folds, levelWord)
		}
	}
	for _, s := range d.stamps {
		if p := newPhrase(s.Text, 0); len(p.exact) > 0 {
			t.add(p.exact[len(p.exact)-1], d.folds, bigWord)
		}
	}
	for _, f := range d.foreign {
		if p := newPhrase(f.Text, 0); len(p.exact) > 0 {
			t.add(p.exact[len(p.exact)-1], d.folds, bigWord)
		}
	}
	for _, label := range labels {
		if p := newPhrase(label, 0); len(p.exact) == 1 {
			t.add(p.exact[0], d.folds, markedWord)
		}
	}
	for _, w := range []string{"s", "ts"} { // portion marks, behind a bracket
		t.add(w, d.folds, 0)
	}
	return t
}

// scanner goes once over a text.
type scanner struct {
	d      *Detector
	text   string
	hits   []int
	key    uint64 // of the word at hand
	n      int    // its letters
	start  int    // where it begins
	spaced uint64 // the last letters that stood alone
	before string // the word before, "" at the beginning
	gap    int    // where it ended
}

// hits are the octets at which words that may matter begin, in order. always adds the text's beginning: a subject is
// short and is always looked at.
func (d *Detector) hits(text string, always bool) []int {
	s := scanner{d: d, text: text}
	if always && text != "" {
		s.hits = append(s.hits, 0)
	}
	fold := d.folds
	for i := 0; i < len(text); {
		var c byte
		n := 1
		if b := text[i]; b < utf8.RuneSelf {
			c = fold[b]
		} else {
			var r rune
			r, n = utf8.DecodeRuneInString(text[i:])
			c = fold.of(r)
			if c == foldOther && r >= 0x3400 && r <= 0x9FFF && (r == '密' || r == '秘') {
				s.hits = append(s.hits, i)
			}
		}
		switch {
		case c > foldDigit || c == foldOther:
			if s.n == 0 {
				s.start = i
			}
			if s.n < maxKey {
				s.key = s.key<<8 | uint64(c)
			}
			s.n++
		case c == foldSkip:
		default:
			if s.n > 0 {
				s.word(i)
			}
		}
		i += n
	}
	if s.n > 0 {
		s.word(len(text))
	}
	return s.hits
}

// word judges the word that ends before end.
func (s *scanner) word(end int) {
	key, n := s.key, s.n
	s.key, s.n = 0, 0
	t := &s.d.trigger
	before := s.before
	if s.gap != s.start-1 {
		before = ""
	}
	s.before, s.gap = s.text[s.start:end], end
	if n == 1 {
		s.spaced = s.spaced<<8 | key
		if t.filter[hash(s.spaced&0xffffff)] && t.words[s.spaced&0xffffff]&levelWord != 0 {
			s.hits = append(s.hits, s.start)
			return
		}
		if key != 's' {
			return
		}
	} else {
		s.spaced = 0
	}
	if !t.filter[hash(key)] {
		return
	}
	kind, ok := t.words[key]
	if !ok {
		return
	}
	switch {
	case kind&markedWord != 0:
	case kind&levelWord != 0 && s.d.mayEndLevel(s.text[s.start:end]) && !s.plainCompound(before, end):
	case kind&bigWord != 0 && (capital(s.text[s.start:end]) || cyrillic(s.text[s.start:])):
	case kind == 0 && s.start > 0 && s.text[s.start-1] == '(' && capital(s.text[s.start:end]):
	default:
		return
	}
	s.hits = append(s.hits, s.start)
}

// plainCompound tells the words that ordinary mail is full of, mật khẩu and bảo mật, by one blank and the word beside it.
// Where a sign follows that a field could have, the line is looked at all the same.
func (s *scanner) plainCompound(before string, end int) bool {
	rest := s.text[end:]
	if len(rest) > 1 && rest[0] == ' ' {
		n := 1
		for n < len(rest) && n < 4*maxKey {
			r, size := utf8.DecodeRuneInString(rest[n:])
			if !unicode.IsLetter(r) {
				break
			}
			n += size
		}
		if s.d.afterWords[same(rest[1:n])] && s.d.prevNot(before) {
			return true
		}
		if n == 1 {
			return false
		}
	} else if rest != "" && (rest[0] >= utf8.RuneSelf || !unicode.IsPunct(rune(rest[0])) && rest[0] != '\r' && rest[0] != '\n' || rest[0] == ':' || rest[0] == '(') {
		return false
	}
	return before != "" && s.d.beforeWords[same(before)]
}

// prevNot tells that a word is not the first of a level's name: "tối mật thư" is looked at.
func (d *Detector) prevNot(before string) bool {
	for _, n := range d.names {
		if len(n.syllables) > 1 && before != "" && n.syllables[0].match(same(before)) != noForm {
			return false
		}
	}
	return true
}

// wordsOf are the phrases of a list that are one word, with its diacritics.
func wordsOf(list []string) map[string]bool {
	out := map[string]bool{}
	for _, s := range list {
		if p := newPhrase(s, 0); len(p.exact) == 1 {
			out[p.exact[0]] = true
		}
	}
	return out
}

// same is a word as lists have it.
func same(w string) string { return spelling(strings.ToLower(w)) }

// mayEndLevel tells a word that is the last of a level's name in some form: "mật", "mât", "mat", not "mặt".
func (d *Detector) mayEndLevel(w string) bool {
	if len(w) > 4*maxKey*utf8.UTFMax {
		return true // full of what cannot be seen: looked at closely
	}
	w = asToken(w)
	for _, n := range d.names {
		if n.syllables[len(n.syllables)-1].match(w) != noForm {
			return true
		}
	}
	return false
}

// asToken is a word as tokens have it.
func asToken(w string) string {
	if !strings.ContainsFunc(w, dressed) {
		return same(w)
	}
	for _, t := range tokens(latinised(visible(w))) {
		return t.word
	}
	return ""
}

// capital tells a word in capitals, or in a script without them.
func capital(w string) bool {
	if r, _ := utf8.DecodeRuneInString(w); unicode.IsLower(r) {
		return false
	}
	return styleOf(visible(w)) == caps || !cased(w)
}
