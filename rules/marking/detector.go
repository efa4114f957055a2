package marking

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"congthu/rules/pack"
)

// Detector finds the markings of one pack. It does not change once made and may be used by several goroutines.
type Detector struct {
	version string
	folds   *folds
	trigger triggers
	names   []name // the longest first

	labels, openLabels, noLevel, urgency, prefixes, subjects                             vocabulary
	before, after, nextLine, prevLine, places, plainAfter                                vocabulary
	personLabels, pressNouns, pressHeads, pressTails                                     vocabulary
	titles, family, nouns, headingNouns, ties                                            vocabulary
	sends, carried, declared, denials, deniedAfter, guidance, guidanceNames              vocabulary
	things, pointing, counts, stampWords, foreignWords, numbered, noLabel, labelLevelsOf vocabulary

	afterWords, beforeWords map[string]bool  // of after and before, what is one word
	gluedNames              map[string]Level // "tailieumat": a word for a document and a level without blanks and diacritics

	boxes, requests, capsNouns, afterNot, stampTerms, shortNouns, instructions, loud, notNouns, notDenials vocabulary

	page        []string // without diacritics
	stamps      []pack.Stamp
	nextOf      []vocabulary // of each stamp
	foreign     []pack.Foreign
	labelLevels []pack.LabelLevel
	ownLabels   []pack.LabelLevel // names in lower case
}

// maxAdded is how many markings, and how many labels, of their own administrators may add.
const maxAdded = 200

// Own is what an organisation has beside a pack.
type Own struct {
	Names  []pack.Level      // markings, found wherever those of the pack are
	Labels []pack.LabelLevel // names or GUIDs of sensitivity labels; Level "" for one that says that there is none
}

// New makes a detector of a pack and of what an organisation has beside it.
func New(p *pack.Secrecy, own Own) (*Detector, error) {
	if len(own.Names) > maxAdded || len(own.Labels) > maxAdded {
		return nil, fmt.Errorf("more than %d markings or labels of your own", maxAdded)
	}
	d := &Detector{version: p.Version, folds: newFolds()}
	for _, l := range slices.Concat(p.Levels, own.Names) {
		l.Name = norm.NFC.String(l.Name)
		if err := pack.CheckPhrase(l.Name); err != nil {
			return nil, fmt.Errorf("marking: %w", err)
		}
		n := newName(l)
		if n.level.rank() == 0 || len(n.syllables) == 0 {
			return nil, fmt.Errorf("marking %q: %q is no level", l.Name, l.Level)
		}
		d.names = append(d.names, n)
	}
	for _, l := range own.Labels {
		if l.Level != "" && Level(l.Level).rank() == 0 || strings.TrimSpace(l.Name) == "" {
			return nil, fmt.Errorf("label %q: %q is no level", l.Name, l.Level)
		}
		d.ownLabels = append(d.ownLabels, pack.LabelLevel{Name: strings.ToLower(norm.NFC.String(l.Name)), Level: l.Level})
	}
	slices.SortStableFunc(d.names, func(a, b name) int { return len(b.syllables) - len(a.syllables) })
	for _, l := range []struct {
		to   *vocabulary
		from []string
	}{{&d.labels, p.Labels}, {&d.openLabels, p.OpenLabels}, {&d.noLevel, p.NoLevel}, {&d.urgency, p.Urgency}, {&d.prefixes, p.Prefixes},
		{&d.subjects, p.Subjects}, {&d.before, p.Before}, {&d.after, p.After}, {&d.nextLine, p.NextLine}, {&d.prevLine, p.PrevLine},
		{&d.places, p.Places}, {&d.plainAfter, p.PlainAfter}, {&d.titles, p.Titles}, {&d.family, p.FamilyNames}, {&d.nouns, p.Nouns},
		{&d.headingNouns, p.HeadingNouns}, {&d.ties, p.Ties}, {&d.sends, p.Sends}, {&d.carried, p.Carried}, {&d.declared, p.Declared}, {&d.things, p.Things}, {&d.pointing, p.Pointing},
		{&d.denials, p.Denials}, {&d.deniedAfter, p.DenialsAfter}, {&d.guidance, p.Guidance}, {&d.guidanceNames, p.GuidanceNames}, {&d.numbered, p.Numbered}, {&d.counts, p.Counts}, {&d.noLabel, p.NoLabel},
		{&d.personLabels, p.PersonLabels}, {&d.pressNouns, p.PressNouns}, {&d.pressHeads, p.PressHeads}, {&d.pressTails, p.PressTails}, {&d.boxes, p.Boxes}, {&d.afterNot, p.AfterNot}, {&d.stampTerms, p.StampTerms}, {&d.instructions, p.Instructions}, {&d.loud, p.Loud}, {&d.notDenials, p.NotDenials}, {&d.notNouns, p.NotNouns}, {&d.shortNouns, p.ShortNouns}, {&d.requests, p.Requests}, {&d.capsNouns, p.CapsNouns}} {
		*l.to = newVocabulary(l.from)
	}
	d.afterWords, d.beforeWords = wordsOf(p.After), wordsOf(p.Before)
	for _, s := range p.AfterNot {
		delete(d.afterWords, newPhrase(s, 0).exact[0])
	}
	d.gluedNames = gluedNames(slices.Concat(p.HeadingNouns, p.ShortNouns), d.names)
	for _, s := range p.Page {
		d.page = append(d.page, unmarked(s))
	}
	d.marksOf(p)
	d.trigger = d.newTriggers(p.Labels)
	return d, nil
}

// gluedNames are words for documents, of two syllables and more, with the levels behind them.
func gluedNames(nouns []string, names []name) map[string]Level {
	out := map[string]Level{}
	for _, s := range nouns {
		p := newPhrase(s, 0)
		if len(p.plain) == 1 && !slices.Contains([]string{"cv", "vb", "bc"}, p.plain[0]) { // "dienmat" may be anything
			continue
		}
		for _, n := range names {
			word := strings.Join(p.plain, "")
			for _, s := range n.syllables {
				word += s.plain
			}
			out[word] = n.level
		}
	}
	return out
}

// marksOf takes over stamps, banners and labels.
func (d *Detector) marksOf(p *pack.Secrecy) {
	d.stamps, d.foreign, d.labelLevels = p.Stamps, p.Foreign, p.LabelLevels
	var stamps, foreign, labels []string
	for _, s := range p.Stamps {
		stamps = append(stamps, s.Text)
		d.nextOf = append(d.nextOf, newVocabulary(s.Next))
	}
	for _, f := range p.Foreign {
		foreign = append(foreign, f.Text)
	}
	for _, l := range p.LabelLevels {
		labels = append(labels, l.Name)
	}
	d.stampWords, d.foreignWords, d.labelLevelsOf = newVocabulary(stamps), newVocabulary(foreign), newVocabulary(labels)
}

// Version is the pack's.
func (d *Detector) Version() string { return d.version }

// Find is FindWithin for a text that is a message of its own.
func (d *Detector) Find(t Text) []Evidence { return d.FindWithin(context.Background(), NewWork(), t) }

// FindWithin looks for markings in a text of a message. It takes time in proportion to the text's length, and no more
// than the message's work w allows; of a reading longer than MaxText the rest is not looked at (see MaxText). It stops
// when ctx ends: the evidence is what was found so far, and w is cut. Offsets are in the first reading's octets, or in
// those of the reading in which the evidence was found.
func (d *Detector) FindWithin(ctx context.Context, w *Work, t Text) []Evidence {
	var v evidence
	for _, r := range withBackward(t.Readings) {
		if w.done(ctx) {
			break
		}
		r = r[:min(len(r), MaxText)]
		for len(r) > 0 && !utf8.RuneStart(r[len(r)-1]) && !utf8.ValidString(r[max(0, len(r)-utf8.UTFMax):]) {
			r = r[:len(r)-1]
		}
		switch t.Kind {
		case FileName:
			d.fileName(w, r, &v)
		case Label, Property:
			w.spend(len(r))
			d.label(t.Name, r, t.Kind, &v)
		default:
			d.text(ctx, w, t, r, &v)
		}
	}
	for i := range v.list {
		v.list[i].Offset += t.Offset
	}
	return v.list
}

// enough is how many lines of one text are looked at once it is known to be marked: more would change nothing but time.
const enough = 500

// text looks at one reading of a text that has lines.
func (d *Detector) text(ctx context.Context, w *Work, t Text, r string, v *evidence) {
	hits := d.hits(r, t.Kind == Subject)
	if len(hits) == 0 {
		return
	}
	w.spend(hitCost * len(hits))
	u := &unit{d: d, work: w, kind: t.Kind, text: r, first: 0}
	if t.Continued {
		u.first = -1
	}
	spans, gaps := split(r)
	u.spans, u.gaps, u.lines = spans, gaps, make([]*line, len(spans))
	i, last, looked := 0, -1, 0
	for _, at := range hits {
		for i < len(spans) && int(spans[i].end) <= at {
			i++
		}
		if i == len(spans) {
			break
		}
		if i == last {
			continue
		}
		last = i
		if looked >= enough && v.formal() || w.done(ctx) {
			break
		}
		if t.Late {
			u.lookLate(i, at, v)
		} else {
			u.look(i, at, v)
		}
		looked++
	}
}

// look finds the evidence in one line. at is the octet of its first trigger.
func (u *unit) look(i, at int, v *evidence) {
	l := u.line(i)
	u.work.spend(len(l.text) * len(l.marks) / markCost)
	u.work.cut = u.work.cut || l.crowded
	u.banners(i, at, v)
	u.stamps(i, at, v)
	u.stampOver(i, at, v)
	u.columnHead(i, at, v)
	u.properties(i, at, v)
	u.letterLines(i, at, v)
	for k := range l.marks {
		c := &l.marks[k]
		*c = u.raised(i, *c)
		if !c.vetoed && u.broken(i, *c) {
			c.vetoed = true
		}
	}
	ticks := u.ticks(i)
	for k, c := range l.marks {
		if c.vetoed {
			continue
		}
		if len(ticks) > 0 {
			if ticks[k] == ticked {
				v.add(Evidence{Class: Box, Level: c.level, Score: 0.95, Offset: int64(at)})
			}
			if ticks[k] != noTick {
				continue
			}
		}
		best := 0.0
		for _, find := range []func(int, candidate) (Class, float64){u.ownCell, u.tag, u.field, u.number, u.prose} {
			if class, score := find(i, c); score > 0 {
				v.add(Evidence{Class: class, Level: c.level, Score: score, Offset: int64(at)})
				best = max(best, score)
			}
		}
		if best < Low && (u.stray(i, c) || u.farNoun(i, c)) {
			v.add(Evidence{Class: NounLevel, Level: c.level, Score: strayScore, Offset: int64(at)})
		}
	}
	u.letters(i, at, v)
}

// raised reads "TỐI" over "MẬT" as one level: narrow stamps have two lines.
func (u *unit) raised(i int, c candidate) candidate {
	prev := u.line(i - 1)
	if prev == nil || len(prev.toks) != 1 || c.first != 0 || !c.single {
		return c
	}
	for _, n := range u.d.names {
		if len(n.syllables) == 2 && n.syllables[0].match(prev.toks[0].word) == exact && n.syllables[1].match(u.line(i).toks[c.first].word) == exact &&
			prev.toks[0].style == c.style && strings.TrimFunc(prev.text, notWord) == prev.text[prev.toks[0].start:prev.toks[0].end] {
			c.level, c.letter = n.level, n.letter
		}
	}
	return c
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }

// loose tells that words without diacritics are to be read as if they had them: no line near has any.
func (u *unit) loose(i int) bool {
	return u.line(i).loose.is(func() bool {
		for k := i - reach; k <= i+reach; k++ {
			if l := u.line(k); l != nil && l.vietnamese {
				return false
			}
		}
		return true
	})
}
