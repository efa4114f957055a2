package impersonation

import (
	"slices"
	"strings"

	"congthu/filter"
)

// Match is what a display name says.
type Match struct {
	Official bool // an official's whole name, in one of the orders in which it is written
	Long     bool // a name of three words or more; ones of two are shared by too many to say anything alone
	// Short tells family and given name without those between them.
	Short        bool
	Unit         bool // that official's unit beside it
	Organisation bool // our organisation's name, or a domain's
	Alone        bool // our organisation's name and nothing else
	Office       bool // an office of state: Bộ trưởng, Cục trưởng
	Disguised    bool // what was matched is written so that it looks like it and is not
	Address      bool // an address or domain of ours stands in the name
}

// maxWords is the longest name of a person or an organisation, in words.
const maxWords = 24

// entry is one way to write an official's name.
type entry struct {
	words []word // in that order
	short bool
	of    int // the official
}

// Name compares a display name with the officials and the organisation.
func (d *Detector) Name(display string) Match {
	m := Match{Address: d.shows(display)}
	all := parts(display)
	var whole []word
	for _, p := range all {
		whole = append(whole, p...)
	}
	if len(whole) == 0 {
		return m
	}
	m.Organisation, m.Office = d.organisation(whole), contains(whole, d.offices)
	for _, c := range candidates(all, whole) {
		d.compare(c, whole, &m)
	}
	return m
}

// candidates are the runs of words that may be a name: each part, all together, and what commas make.
func candidates(all [][]word, whole []word) [][]word {
	out := append([][]word{whole}, all...)
	for _, p := range all {
		from := 0
		for i, w := range p {
			if w.comma {
				out = append(out, p[from:i+1])
				from = i + 1
			}
		}
		if from > 0 {
			out = append(out, p[from:])
		}
	}
	return out
}

// compare looks a run of words up, first as it is, then without what stands around names.
func (d *Detector) compare(run, whole []word, m *Match) {
	if i := slices.IndexFunc(run, func(w word) bool { return w.plain == "via" }); i > 0 {
		run = run[:i] // "'Nguyen Van An' via Tin tuc", as mailing lists write
	}
	if d.names[joined(run, plainOf)] {
		m.Alone = true
	}
	rest := d.strip(run)
	for len(rest) > 0 && len(rest) <= maxWords {
		if d.find(rest, whole, m) {
			return
		}
		switch {
		case d.before[rest[0].plain]:
			rest = rest[1:]
		case d.behind[rest[len(rest)-1].plain]:
			rest = rest[:len(rest)-1]
		default:
			return
		}
	}
}

// find looks for officials of exactly these words.
func (d *Detector) find(run, whole []word, m *Match) bool {
	found := false
	for _, e := range d.exact[together(run, plainOf)] {
		if disguised, ok := e.is(run); ok {
			found = true
			d.found(e, whole, disguised, m)
		}
	}
	if found {
		return true
	}
	for _, e := range d.alike[together(run, looseOf)] {
		if counts(run, len(e.words)) && together(run, plainOf) != together(e.words, plainOf) {
			found = true
			d.found(e, whole, true, m)
		}
	}
	return found
}

func (d *Detector) found(e entry, whole []word, disguised bool, m *Match) {
	if e.short {
		m.Short = true
	} else {
		m.Official, m.Long = true, m.Long || len(e.words) > 2
	}
	m.Disguised = m.Disguised || disguised
	if unit := d.units[e.of]; len(unit) > 0 && sequence(texts(whole), unit) >= 0 {
		m.Unit = true
	}
}

// counts tells that a run has as many words as a name, or is written as one word or in single letters.
func counts(run []word, n int) bool {
	return len(run) == n || len(run) == 1 || !slices.ContainsFunc(run, func(w word) bool { return len(w.plain) > 1 })
}

// is tells whether a run, whose letters are those of the name, is that name with its marks. Without any mark it is, as
// people write it in a hurry. With marks it is when they are the name's: Hưng is not Hùng. Words before the given name
// may lack theirs then ("Nguyễn Van Hùng"). Of words in disguise only the letters count.
func (e entry) is(run []word) (disguised, ok bool) {
	disguised = slices.ContainsFunc(run, func(w word) bool { return w.disguised })
	marks := slices.ContainsFunc(run, func(w word) bool { return w.accented != w.plain })
	known := slices.ContainsFunc(e.words, func(w word) bool { return w.accented != w.plain }) // the list has them
	if !counts(run, len(e.words)) {
		return false, false
	}
	if !marks || !known {
		return disguised, true
	}
	if len(run) != len(e.words) {
		return disguised, together(run, accentedOf) == together(e.words, accentedOf)
	}
	for i, w := range run {
		want := e.words[i]
		switch {
		case w.disguised, w.accented == want.accented:
		case w.plain == w.accented && !want.given:
		case near(w.accented) == near(want.accented):
			disguised = true
		default:
			return false, false
		}
	}
	return disguised, true
}

// near makes ă and ã one: hardly anybody sees "Vãn" for "Văn".
func near(accented string) string {
	if s, ok := strings.CutSuffix(accented, string(tilde)); ok && strings.Count(s, "a") == 1 && !strings.ContainsAny(s, string(breve)+string(circumflex)) {
		return strings.Replace(s, "a", "a"+string(breve), 1)
	}
	return accented
}

// strip takes the names of offices, our organisation and units out of a run.
func (d *Detector) strip(run []word) []word {
	var out []word
	for i := 0; i < len(run); {
		n := d.longest(run[i:])
		if n == 0 {
			out = append(out, run[i])
			n = 1
		}
		i += n
	}
	return out
}

// longest is how many words at the beginning of run are such a name, 0 for none.
func (d *Detector) longest(run []word) int {
	for n := min(len(run), d.widest); n > 0; n-- {
		if d.around[joined(run[:n], plainOf)] {
			return n
		}
	}
	return 0
}

// organisation tells our organisation's name among the words. A short name of a domain has to be in capitals: Mae is a
// woman's name too.
func (d *Detector) organisation(whole []word) bool {
	for i := range whole {
		for n := min(len(whole)-i, d.widest); n > 0; n-- {
			if d.names[joined(whole[i:i+n], plainOf)] {
				return true
			}
		}
		if w := whole[i]; d.labels[w.plain] && (w.caps || len(w.plain) >= minName) {
			return true
		}
	}
	return false
}

// shows tells a domain of ours in a text, as it is or in letters that look like it.
func (d *Detector) shows(display string) bool {
	text := strings.Join(strings.Fields(visibleStart(display)), " ")
	text = skeleton(strings.NewReplacer(" @ ", "@", " . ", ".", "@ ", "@", " @", "@", "\uff20", "@", "\ufe6b", "@").Replace(text))
	for _, own := range d.own {
		for from := 0; ; {
			i := strings.Index(text[from:], own.domain)
			if i < 0 {
				break
			}
			i += from
			before := i == 0 || !letterOrDigit(text[i-1]) && text[i-1] != '='
			end := i + len(own.domain)
			if before && (end == len(text) || !letterOrDigit(text[end])) {
				return true
			}
			from = i + 1
		}
	}
	return false
}

func letterOrDigit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

// Mailbox tells a domain of ours before the @ of another's address: monre.gov.vn@example.com. What mail servers write
// there themselves has a =: van=monre.gov.vn@lists.example.
func (d *Detector) Mailbox(local string) bool { return d.shows(local) }

// Exempt tells a mailbox that is not compared: an official's own, and what the administrator excepts.
func (d *Detector) Exempt(local, domain string) bool {
	n := filter.NormalDomain(domain)
	return d.ours(n) || d.exemptDomain(n) || d.mailboxes[strings.ToLower(local)+"@"+n] || d.Official(local, domain)
}

// Official tells a mailbox that the list names beside an official.
func (d *Detector) Official(local, domain string) bool {
	return d.officials[strings.ToLower(local)+"@"+filter.NormalDomain(domain)]
}

func (d *Detector) exemptDomain(n string) bool {
	for n != "" {
		if d.domains[n] {
			return true
		}
		_, n, _ = strings.Cut(n, ".")
	}
	return false
}

func (d *Detector) ours(n string) bool {
	return slices.ContainsFunc(d.ourDomains, func(o string) bool { return n == o || strings.HasSuffix(n, "."+o) })
}

func plainOf(w word) string    { return w.plain }
func looseOf(w word) string    { return loose(w.plain) }
func accentedOf(w word) string { return w.accented }

func texts(run []word) []string {
	out := make([]string, len(run))
	for i, w := range run {
		out[i] = w.plain
	}
	return out
}

// joined are words with blanks between them, together without.
func joined(run []word, of func(word) string) string   { return between(run, of, " ") }
func together(run []word, of func(word) string) string { return between(run, of, "") }

func between(run []word, of func(word) string, blank string) string {
	if len(run) > maxWords*4 { // no name is so long, also not in single letters
		return ""
	}
	all := make([]string, len(run))
	for i, w := range run {
		all[i] = of(w)
	}
	return strings.Join(all, blank)
}

func contains(whole []word, list [][]string) bool {
	t := texts(whole)
	return slices.ContainsFunc(list, func(s []string) bool { return sequence(t, s) >= 0 })
}
