package impersonation

import (
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"congthu/filter"
)

// Likeness is how a domain of others is made to look like one of ours; "" when it is not.
type Likeness string

// The likenesses.
const (
	Letters  Likeness = "letters"           // other letters that look the same: rnonre.gov.vn, mоnre.gov.vn with a Cyrillic о
	Inside   Likeness = "our domain inside" // monre.gov.vn.example.com, monre-gov.vn, monre-gov-vn.com
	Spelling Likeness = "spelling"          // one letter more, less or other: monrre.gov.vn
	Our      Likeness = "our name"          // monre.com.vn, monre-mail.com, login.monre.example
)

// maxDomain is the length of a domain name in octets (RFC 1035 section 2.3.4). A longer one is none: only what stands in
// these octets of it is looked at.
const maxDomain = 255

// own is a domain of ours, as others are compared with it: everything is a skeleton.
type own struct {
	domain string   // "monre.gov.vn"
	labels []string // of the suffix: gov, vn
	suffix string   // the public suffix: "gov.vn"
	name   string   // "monre"; "" when our domain is not right below a public suffix, so that the name may be another's
	words  []string // of domain
	joined string   // words together; "" when that is too short
	state  bool     // the suffix is a government's
}

func newOwn(domain string) own {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	o := own{domain: skeleton(unicodeForm(domain)), suffix: suffix, state: government(suffix), labels: strings.Split(skeleton(suffix), ".")}
	if name, ok := strings.CutSuffix(domain, "."+suffix); ok && !strings.Contains(name, ".") {
		o.name = skeleton(unicodeForm(name))
	}
	o.words = words(o.domain)
	if all := strings.Join(o.words, ""); len(all) >= minJoined {
		o.joined = loose(all) // monregovvn has a vv
	}
	return o
}

// unicodeForm shows A-labels in their letters (RFC 5891), whatever they hold.
func unicodeForm(domain string) string {
	u, err := idna.Punycode.ToUnicode(domain)
	if err != nil && u == "" {
		return domain
	}
	return u
}

// government tells a public suffix below which only bodies of a state, the military and schools get names. What is
// called like us there is another's office of that name (monre.gov.la is Laos's ministry), or a school.
func government(suffix string) bool {
	first, _, _ := strings.Cut(suffix, ".")
	return slices.Contains([]string{"gov", "go", "gob", "gouv", "gub", "govt", "gv", "gc", "government", "mil", "edu", "ac", "int"}, first)
}

func words(domain string) []string {
	return strings.FieldsFunc(domain, func(r rune) bool { return r == '.' || r == '-' || r == '_' })
}

// other is a domain that is compared.
type other struct {
	skeleton string
	labels   []string // of skeleton
	words    []string // of skeleton
	tails    []string // from each word on, without what parts them
	suffix   string   // public, as it is written
	below    []string // words before the suffix
	name     string   // skeleton of the label right before the suffix
	state    bool
}

// Domain tells how a domain looks like one of ours. Domains of ours and exempt ones do not.
func (d *Detector) Domain(domain string) Likeness {
	n := filter.NormalDomain(domain)
	if n == "" || d.ours(n) || d.exemptDomain(n) || strings.HasPrefix(n, "[") {
		return ""
	}
	if len(n) > maxDomain {
		n = n[:maxDomain]
	}
	o := other{skeleton: strings.Trim(skeleton(unicodeForm(n)), ".")}
	o.labels, o.words = strings.Split(o.skeleton, "."), words(o.skeleton)
	o.suffix, _ = publicsuffix.PublicSuffix(n)
	o.state = government(o.suffix)
	if at := len(o.labels) - 1 - strings.Count(o.suffix, "."); at > 0 {
		o.name = o.labels[at-1]
		o.below = words(strings.Join(o.labels[:at], "."))
	}
	for i := range o.words {
		o.tails = append(o.tails, loose(strings.Join(o.words[i:], "")))
	}
	var found Likeness
	for _, own := range d.own {
		switch l := own.likeness(o); {
		case l == Letters:
			return Letters
		case found == "":
			found = l
		}
	}
	return found
}

func (w own) likeness(o other) Likeness {
	switch {
	case o.skeleton == w.domain || strings.HasSuffix(o.skeleton, "."+w.domain):
		return Letters
	case w.inside(o):
		return Inside
	case w.misspelt(o):
		return Spelling
	case w.named(o):
		return Our
	}
	return ""
}

// inside tells our whole domain in another one, whatever parts its labels there, or our name beside the state's.
func (w own) inside(o other) bool {
	if w.state && len(w.labels) > 1 && len(o.labels) > len(w.labels) && sequence(o.labels[:len(o.labels)-1], w.labels) >= 0 {
		return true // anything.gov.vn.example.com
	}
	if (len(w.words) > 2 || len(w.name) >= minName) && sequence(o.words, w.words) >= 0 {
		return true
	}
	if w.joined != "" {
		if slices.ContainsFunc(o.tails, func(t string) bool { return strings.HasPrefix(t, w.joined) }) {
			return true
		}
	}
	return w.state && len(w.name) >= minWithState && w.besideState(o)
}

// besideState tells our name and that of the state's suffix as neighbours, or written together.
func (w own) besideState(o other) bool {
	gov := w.labels[0]
	for i, word := range o.below {
		next := ""
		if i+1 < len(o.below) {
			next = o.below[i+1]
		}
		if word == w.name && next == gov || word == gov && next == w.name || strings.HasPrefix(word, w.name+gov) || word == gov+w.name {
			return true
		}
	}
	return false
}

// The shortest names, in letters, that say something where they stand alone.
const (
	minWithState = 3 // beside the state's: mae-gov.vn
	minShort     = 4 // right below a Vietnamese suffix: moit.com.vn
	minName      = 5 // anywhere. Shorter ones are words and other people's names: mae.ro is another country's ministry
	minJoined    = 8 // a whole domain without its dots
)

// misspelt tells a name that is almost ours. Below our own suffix that is: one letter other, more, less, or two changed
// places, in names of minName letters, two such in names of 10; the first letter stays, or two changed places, for short
// Vietnamese names differ in it (minhphu is not chinhphu). Below others', where another name is another firm: a letter
// doubled or halved, or two changed places.
func (w own) misspelt(o other) bool {
	if len(w.name) < minName || o.name == "" || o.name == w.name {
		return false
	}
	if o.suffix != w.suffix {
		return !o.state && slip(w.name, o.name)
	}
	most := 1
	if len(w.name) >= 10 {
		most = 2
	}
	return (o.name[0] == w.name[0] || slip(w.name, o.name)) && distance(w.name, o.name, most) <= most
}

// slip tells names that differ in a letter doubled or halved, or in two neighbours that changed places.
func slip(a, b string) bool {
	if len(a) == len(b) {
		i := 0
		for i < len(a) && a[i] == b[i] {
			i++
		}
		return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b) != len(a)+1 {
		return false
	}
	for i := 1; i < len(b); i++ {
		if b[i] == b[i-1] && b[:i]+b[i+1:] == a {
			return true
		}
	}
	return false
}

// distance is how many letters are other, more, less or in each other's place (optimal string alignment); most+1 for more than most.
func distance(a, b string, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], most+1)
}

// named tells our name as a label or a word of a domain that anybody may register.
func (w own) named(o other) bool {
	switch {
	case w.name == "":
		return false
	case w.state && o.suffix == w.suffix: // a name of its own right below it, made of ours and others
		return len(w.name) >= minName && o.name != w.name && slices.Contains(words(o.name), w.name)
	case o.state:
		return false
	case len(w.name) >= minShort && o.name == w.name && (o.suffix == "vn" || strings.HasSuffix(o.suffix, ".vn")):
		return true
	case len(w.name) < minName:
		return false
	}
	for _, word := range o.below {
		rest, ok := strings.CutPrefix(word, w.name)
		if !ok {
			if rest, ok = strings.CutSuffix(word, w.name); !ok {
				continue
			}
		}
		if rest == "" || slices.Contains(servants(), rest) {
			return true
		}
	}
	return false
}

// servants are words that are written to a name without a hyphen to make it look like a server of that name, as skeletons.
func servants() []string {
	return strings.Fields(loose("vn vietnam mail email webmail mailbox portal login support admin online vpn sso helpdesk office official"))
}

// sequence is where part stands in all, -1 for nowhere.
func sequence(all, part []string) int {
	for i := 0; i+len(part) <= len(all); i++ {
		if slices.Equal(all[i:i+len(part)], part) {
			return i
		}
	}
	return -1
}

// State tells a domain below a public suffix where only bodies of a state, the military and schools get names.
func State(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(filter.NormalDomain(domain))
	return government(suffix)
}
