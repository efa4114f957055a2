package content

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"congthu/rules/marking"
)

// Work is what looking for patterns may still cost in one message.
type Work struct {
	left int64 // steps
	cut  bool
}

// messageSteps are those of a message: a second or two of patterns on a slow machine. A string that is found takes one, an
// octet that a pattern looks at as many as the pattern costs.
const messageSteps = 16 << 20

// NewWork is the work of one message.
func NewWork() *Work { return &Work{left: messageSteps} }

// spend tells whether there is still so much work.
func (w *Work) spend(n int) bool {
	w.left -= int64(n)
	w.cut = w.cut || w.left < 0
	return w.left >= 0
}

// Cut tells that not all of a message was looked at.
func (w *Work) Cut() bool { return w.cut }

// Counts is how often entries were found, by their number.
type Counts map[int32]int

// chunk is how many octets are gathered before they are looked at.
const chunk = 64 << 10

// Scan looks for the entries of a lexicon in one text that comes in pieces. It counts into a Counts.
type Scan struct {
	lexicon *Lexicon
	ctx     context.Context // of the message: the pieces come through methods that carry none
	work    *Work
	counts  Counts
	raw     []byte // gathered
	marked  *search
	plain   *search
}

// Scan begins to look at a text. It stops early when counts has MaxPoints, when work is spent and when ctx ends.
func (l *Lexicon) Scan(ctx context.Context, work *Work, counts Counts) *Scan {
	s := &Scan{lexicon: l, ctx: ctx, work: work, counts: counts, marked: &search{searcher: l.marked}}
	if l.plain != nil {
		s.plain = &search{searcher: l.plain}
	}
	return s
}

// Points is what counts add up to, at most MaxPoints.
func (l *Lexicon) Points(c Counts) int {
	sum := 0
	for id, n := range c {
		sum += l.entries[id].weight * min(n, l.entries[id].max)
	}
	return min(sum, MaxPoints)
}

// Write takes the next piece of the text, in UTF-8.
func (s *Scan) Write(piece string) {
	for len(piece) > 0 {
		n := min(len(piece), chunk-len(s.raw))
		s.raw = append(s.raw, piece[:n]...)
		if piece = piece[n:]; len(s.raw) == chunk {
			s.look(s.cut())
		}
	}
}

// cut is where the gathered text is divided: between words where there is a blank.
func (s *Scan) cut() int {
	if i := bytes.LastIndexAny(s.raw[len(s.raw)-chunk/8:], " \n\t"); i >= 0 {
		return len(s.raw) - chunk/8 + i + 1
	}
	at := len(s.raw)
	for at > len(s.raw)-utf8.UTFMax && !utf8.RuneStart(s.raw[at-1]) {
		at--
	}
	return at - 1
}

// look looks at the gathered text up to an octet.
func (s *Scan) look(to int) {
	if s.ctx.Err() == nil && s.work.left >= 0 && s.lexicon.Points(s.counts) < MaxPoints {
		text := marking.Normal(string(s.raw[:to]))
		s.marked.text.write(text)
		s.find(s.marked, false)
		if s.plain != nil {
			s.plain.text.write(marking.Plain(text))
			s.find(s.plain, false)
		}
	}
	s.raw = append(s.raw[:0], s.raw[to:]...)
}

// End ends the text.
func (s *Scan) End() {
	s.look(len(s.raw))
	s.find(s.marked, true)
	if s.plain != nil {
		s.find(s.plain, true)
	}
}

// search is how far one form of a text was looked at.
type search struct {
	searcher *searcher
	text     writer
	base     int // of text.buf in the whole text
	next     int // of text.buf, to look at
	state    int32
	asked    map[int32]*region
	ended    bool
}

// region is text in which a pattern is to be looked for.
type region struct{ from, to, past int } // in the whole text; matches before past were counted

// find looks at what was written, but for the end, whose surroundings are not there yet.
func (s *Scan) find(f *search, end bool) {
	to := len(f.text.buf)
	f.ended = end
	if !end {
		if to -= near + utf8.UTFMax; to <= f.next {
			return
		}
	}
	a := f.searcher.automaton
	for ; f.next < to; f.next++ {
		f.state = a.step(f.state, f.text.buf[f.next])
		for st := f.state; st != 0; st = a.link[st] {
			if a.out[st] >= 0 {
				s.hits(f, &f.searcher.list[a.out[st]])
			}
		}
	}
	keep := max(0, f.next-reach-maxText-near)
	for _, id := range slices.Sorted(maps.Keys(f.asked)) {
		r := f.asked[id]
		if r.to <= f.base+len(f.text.buf) || end {
			s.ask(f, id)
		} else {
			keep = min(keep, max(0, r.from-f.base))
		}
	}
	if end || keep < chunk/4 {
		return
	}
	for keep > 0 && !utf8.RuneStart(f.text.buf[keep]) {
		keep--
	}
	f.text.buf = append(f.text.buf[:0], f.text.buf[keep:]...)
	f.base, f.next = f.base+keep, f.next-keep
}

// hits counts a string that ends with the octet at hand.
func (s *Scan) hits(f *search, what *found) {
	to := f.next + 1
	from := to - len(what.text)
	for _, h := range what.hits {
		e := &s.lexicon.entries[h.entry]
		n, known := s.counts[h.entry]
		if n >= e.max || !known && len(s.counts) >= MaxPoints || !s.work.spend(1) {
			continue
		}
		if h.literal {
			s.want(f, h.entry, f.base+from, f.base+to)
			continue
		}
		if e.word && !whole(f.text.buf, from, to) || h.bare && !unaccented(f.text.buf, from, to) {
			continue
		}
		s.counts[h.entry]++
	}
}

// want notes where a pattern is to be looked for.
func (s *Scan) want(f *search, id int32, from, to int) {
	if f.asked == nil {
		f.asked = map[int32]*region{}
	}
	r := f.asked[id]
	if r != nil && from-reach > r.to || r != nil && to+reach-r.from > maxRegion {
		past := s.ask(f, id)
		r = &region{from: from - reach, past: past}
		f.asked[id] = r
	}
	if r == nil {
		r = &region{from: from - reach}
		f.asked[id] = r
	}
	r.from, r.to = max(r.from, 0), to+reach
}

// ask looks for a pattern in the text that was noted for it. It says where its last match ended.
func (s *Scan) ask(f *search, id int32) (past int) {
	r, e := f.asked[id], &s.lexicon.entries[id]
	delete(f.asked, id)
	from, to := max(0, r.from-f.base), min(len(f.text.buf), r.to-f.base)
	text := f.text.buf[:to]
	from += start(text[from:], from == 0 && f.base == 0)
	text = text[:to-loose(text, f.ended && to == len(f.text.buf))]
	from = max(from, min(r.past-f.base, len(text)))
	for from < len(text) && s.counts[id] < e.max && s.work.spend(e.pattern.cost*(len(text)-from)) {
		at := e.pattern.re.FindSubmatchIndex(text[from:])
		if at == nil {
			break
		}
		s.counts[id]++
		from += max(at[3], 1)
		r.past = f.base + from
	}
	return r.past
}

// start is where the first whole word of a text begins that was cut out of another.
func start(text []byte, begins bool) int {
	if begins {
		return 0
	}
	i := bytes.IndexFunc(text, func(r rune) bool { return r != utf8.RuneError && !marking.InWord(r) })
	return max(i, 0)
}

// loose is how many octets of a word are cut off at the end of a text.
func loose(text []byte, ends bool) int {
	if ends {
		return 0
	}
	i := bytes.LastIndexFunc(text, func(r rune) bool { return r != utf8.RuneError && !marking.InWord(r) })
	if i < 0 {
		return 0
	}
	_, n := utf8.DecodeRune(text[i:])
	return len(text) - i - n
}

// Labels are the points of counts by dictionary and category.
func (l *Lexicon) Labels(c Counts) map[string]int {
	out := map[string]int{}
	for id, n := range c {
		e := &l.entries[id]
		out[e.label] = min(out[e.label]+e.weight*min(n, e.max), MaxPoints)
	}
	return out
}

// Most adds what is more often in other.
func (c Counts) Most(other Counts) {
	for id, n := range other {
		c[id] = max(c[id], n)
	}
}

// Find looks at one text that is there as a whole.
func (l *Lexicon) Find(ctx context.Context, work *Work, text string) Counts {
	c := Counts{}
	s := l.Scan(ctx, work, c)
	s.Write(strings.ToValidUTF8(text, "\uFFFD"))
	s.End()
	return c
}
