// Package impersonation tells names that are made to be taken for ours: display names of officials, and domains that
// look like the organisation's. It knows no mail: names in, values out. It keeps nothing of what it is shown.
package impersonation

import (
	"fmt"
	"slices"
	"strings"

	"congthu/filter"
)

// Official is a person, or a mailbox of a unit, in whose name others may write.
type Official struct {
	Name      string   // as it is written officially, family name first
	Addresses []string // that are right for the name beside those of our domains
	Unit      string   // "" for none
}

// Config is what a detector knows.
type Config struct {
	Domains   []string // ours, each with its subdomains
	Officials []Official
	Names     []string // of the organisation: "Bộ Tài nguyên và Môi trường", "MONRE"
	Exempt    []string // mailboxes, and domains with their subdomains, that are not compared
}

// Detector compares names. It is safe for concurrent use.
type Detector struct {
	ourDomains []string
	own        []own
	domains    map[string]bool // exempt
	mailboxes  map[string]bool // exempt
	officials  map[string]bool // officials' mailboxes

	exact  map[string][]entry // by letters without marks and blanks
	alike  map[string][]entry // by what those look like
	units  [][]string         // of officials, in plain words
	names  map[string]bool    // of the organisation, in plain words
	labels map[string]bool    // of our domains: monre
	around map[string]bool    // what stands around the names of persons
	widest int                // of around, in words

	offices [][]string
	before  map[string]bool // words that stand before a person's name
	behind  map[string]bool
}

// New makes a detector. The error names an entry that says nothing.
func New(c Config) (*Detector, error) {
	d := &Detector{domains: map[string]bool{}, mailboxes: map[string]bool{}, officials: map[string]bool{}, exact: map[string][]entry{}, alike: map[string][]entry{},
		names: map[string]bool{}, labels: map[string]bool{}, around: map[string]bool{},
		before: map[string]bool{}, behind: map[string]bool{}}
	for _, domain := range c.Domains {
		if n := filter.NormalDomain(domain); n != "" {
			d.ourDomains = append(d.ourDomains, n)
			o := newOwn(n)
			d.own = append(d.own, o)
			if label, _, _ := strings.Cut(n, "."); o.name != "" && len(label) > 2 {
				d.labels[label] = true
				d.surround(label)
			}
		}
	}
	for _, e := range c.Exempt {
		if strings.Contains(e, "@") {
			d.mailboxes[mailbox(e)] = true
		} else {
			d.domains[filter.NormalDomain(e)] = true
		}
	}
	for _, name := range c.Names {
		w := texts(flat(name))
		if len(w) == 0 || len(w) > maxWords {
			return nil, fmt.Errorf("%q is no name of an organisation: write one to %d words", name, maxWords)
		}
		d.names[strings.Join(w, " ")] = true
		d.surround(name)
	}
	for _, o := range offices() {
		d.offices = append(d.offices, texts(flat(o)))
		d.surround(o)
	}
	for _, t := range titles() {
		d.surround(t)
	}
	for w := range strings.FieldsSeq(degrees) {
		d.before[w], d.behind[w] = true, true
	}
	for w := range strings.FieldsSeq(forms) {
		d.before[w] = true
	}
	for i, o := range c.Officials {
		if err := d.official(i, o); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// official enters an official in the orders in which names are written: family name first; last ("An Văn Nguyễn", "Văn An
// Nguyễn"); given name first ("An Nguyễn Văn"); and short ("An Nguyễn").
func (d *Detector) official(i int, o Official) error {
	if err := o.check(); err != nil {
		return err
	}
	for _, a := range o.Addresses {
		d.officials[mailbox(a)] = true
	}
	name := flat(o.Name)
	unit := texts(flat(o.Unit))
	d.units = append(d.units, unit)
	if len(unit) > 0 {
		d.surround(o.Unit)
	}
	last := len(name) - 1
	name[last].given = true
	family, middle, given := name[:1], name[1:last], name[last:]
	orders := [][]word{slices.Concat(given, middle, family)}
	for k := range name { // "Phương Hoa Nguyễn Thị"
		orders = append(orders, slices.Concat(name[k:], name[:k]))
	}
	if len(middle) > 1 {
		back := slices.Clone(middle)
		slices.Reverse(back)
		orders = append(orders, slices.Concat(given, back, family))
	}
	seen := map[string]bool{}
	for _, words := range orders {
		d.enter(entry{words: words, of: i}, seen)
	}
	if len(middle) > 0 {
		d.enter(entry{words: slices.Concat(family, given), short: true, of: i}, seen)
		d.enter(entry{words: slices.Concat(given, family), short: true, of: i}, seen)
	}
	return nil
}

// check finds what an official cannot be.
func (o Official) check() error {
	if n := len(flat(o.Name)); n < 2 || n > maxWords {
		return fmt.Errorf("%q is no whole name: write 2 to %d words", o.Name, maxWords)
	}
	if len(flat(o.Unit)) > maxWords {
		return fmt.Errorf("the unit of %q has more than %d words", o.Name, maxWords)
	}
	for _, a := range o.Addresses {
		if m := mailbox(a); strings.HasPrefix(m, "@") || strings.HasSuffix(m, "@") || !strings.Contains(a, "@") {
			return fmt.Errorf("%q is no mail address: write mailbox@domain, with blanks between several", a)
		}
	}
	return nil
}

// mailbox is an address as it compares.
func mailbox(address string) string {
	local, domain := address, ""
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		local, domain = address[:at], address[at+1:]
	}
	return strings.ToLower(local) + "@" + filter.NormalDomain(domain)
}

func (d *Detector) enter(e entry, seen map[string]bool) {
	key := joined(e.words, plainOf)
	if seen[key] {
		return
	}
	seen[key] = true
	exact, alike := together(e.words, plainOf), together(e.words, looseOf)
	d.exact[exact] = append(d.exact[exact], e)
	d.alike[alike] = append(d.alike[alike], e)
}

// surround makes a name one that stands around those of persons.
func (d *Detector) surround(name string) {
	w := flat(name)
	if len(w) == 0 {
		return
	}
	d.around[joined(w, plainOf)] = true
	d.widest = max(d.widest, len(w))
}

// flat are the words of a name, whatever parts it.
func flat(name string) []word { return slices.Concat(parts(name)...) }

// offices are those of state. Others ("Giám đốc", "Trưởng phòng") are offices of firms and schools as well.
func offices() []string {
	return []string{"Bộ trưởng", "Thứ trưởng", "Tổng cục trưởng", "Cục trưởng", "Vụ trưởng", "Chánh Văn phòng", "Chánh Thanh tra",
		"Lãnh đạo Bộ", "Minister", "Vice Minister", "Deputy Minister"}
}

// titles stand before and behind names and say little of who it is.
func titles() []string {
	return []string{"Phó Bộ trưởng", "Phó Tổng cục trưởng", "Phó Cục trưởng", "Phó Vụ trưởng", "Phó Chánh Văn phòng", "Phó Chánh Thanh tra",
		"Giám đốc", "Phó Giám đốc", "Tổng Giám đốc", "Phó Tổng Giám đốc", "Viện trưởng", "Phó Viện trưởng", "Trưởng phòng",
		"Phó Trưởng phòng", "Trưởng ban", "Phó Trưởng ban", "Chủ tịch", "Phó Chủ tịch", "Hiệu trưởng", "Phó Hiệu trưởng", "Chuyên viên",
		"Chuyên viên chính", "Chuyên viên cao cấp", "Thư ký", "Giáo sư", "Phó Giáo sư", "Tiến sĩ", "Tiến sỹ", "Thạc sĩ", "Thạc sỹ", "Kỹ sư",
		"Cử nhân", "Bác sĩ", "Luật sư", "Đồng chí", "Director", "Deputy Director", "General Director", "Director General", "Head", "Chairman"}
}

// Single words around a name, in small ASCII. Some of the forms of address are names too, and a name may be longer than an
// official's: they are taken off only at the beginning, where a family name would stand, and only where the name is not found with
// them.
const (
	degrees = "gs pgs ts tskh ths ncs cn ks kts bs ls dr prof assoc phd msc mba eng"
	forms   = "ong ba anh chi co chu bac thay em dc d c mr mrs ms miss sir madam"
)
