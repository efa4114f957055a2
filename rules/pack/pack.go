// Package pack holds the data of rules as dated, versioned files and reads them strictly.
// A pack that is not understood whole is an error that names file and line; nothing is ignored.
package pack

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"congthu/filter"
)

//go:embed freemail-2026.yml freemail-2026.txt secrecy-2026.yml
var builtIn embed.FS

// Limits of a pack.
const (
	maxFile   = 4 << 20 // octets of one file
	maxDomain = 253     // octets of a domain (RFC 1035 section 2.3.4)
	maxLabel  = 63      // octets of a label
)

// FreeMail is a list of free-mail domains (Điều 2 khoản 4) with where it comes from. It does not
// change once read.
type FreeMail struct {
	Version string
	Date    time.Time // of the data
	Licence string
	Clauses []string // of the regulation that the pack serves
	Sources []Source

	domains map[string]struct{}
	never   []string
}

// Source is one work that a pack was made from.
type Source struct {
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
	Licence string `yaml:"licence"`
	URL     string `yaml:"url"`
	Use     string `yaml:"use"` // what was taken
}

// file is the YAML part of a pack.
type file struct {
	Kind      string   `yaml:"kind"`
	Version   string   `yaml:"version"`
	Date      string   `yaml:"date"`
	Clauses   []string `yaml:"clauses"`
	Licence   string   `yaml:"licence"`
	Sources   []Source `yaml:"sources"`
	List      string   `yaml:"list"`
	Additions []string `yaml:"additions"`
	Own       []string `yaml:"own"`
	Vietnam   []string `yaml:"vietnam"`
	Never     []string `yaml:"never"`
}

// BuiltIn is the pack that the program carries.
func BuiltIn() (*FreeMail, error) { return ReadFreeMail(builtIn, "freemail-2026.yml") }

// ReadFreeMail reads a pack: a YAML file and, beside it, the list of domains that it names. An error
// says file and line.
func ReadFreeMail(fsys fs.FS, name string) (*FreeMail, error) {
	data, err := readFile(fsys, name)
	if err != nil {
		return nil, err
	}
	var f file
	d := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict(), yaml.DisallowUnknownField())
	if err := d.Decode(&f); err != nil {
		return nil, yamlError(name, err)
	}
	if err := d.Decode(new(file)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: holds more than one YAML document", name)
	}
	p, err := f.pack()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	list := path.Join(path.Dir(name), f.List)
	if data, err = readFile(fsys, list); err != nil {
		return nil, err
	}
	if err := p.addList(list, data); err != nil {
		return nil, err
	}
	return p, nil
}

func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening the pack: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: reading: %w", name, err)
	case len(data) > maxFile:
		return nil, fmt.Errorf("%s: longer than %d octets", name, maxFile)
	}
	return data, nil
}

func yamlError(name string, err error) error {
	var y yaml.Error
	if errors.As(err, &y) {
		if t := y.GetToken(); t != nil && t.Position != nil {
			return fmt.Errorf("%s:%d:%d: %s", name, t.Position.Line, t.Position.Column, y.GetMessage())
		}
	}
	return fmt.Errorf("%s: %w", name, err)
}

// pack checks the YAML part and takes it over.
func (f *file) pack() (*FreeMail, error) {
	if f.Kind != "free-mail" {
		return nil, fmt.Errorf("kind is %q, not free-mail", f.Kind)
	}
	date, err := time.Parse(time.DateOnly, f.Date)
	if err != nil {
		return nil, fmt.Errorf("date %q is not written year-month-day", f.Date)
	}
	for _, k := range []struct{ key, value string }{{"version", f.Version}, {"licence", f.Licence}, {"list", f.List}} {
		if strings.TrimSpace(k.value) == "" {
			return nil, fmt.Errorf("%s is missing", k.key)
		}
	}
	if !fs.ValidPath(f.List) || strings.Contains(f.List, "/") {
		return nil, fmt.Errorf("list %q is not a file beside the pack", f.List)
	}
	if len(f.Sources) == 0 {
		return nil, errors.New("sources is missing")
	}
	for i, s := range f.Sources {
		if s.Name == "" || s.Version == "" || s.Licence == "" {
			return nil, fmt.Errorf("sources[%d] needs name, version and licence", i)
		}
	}
	p := &FreeMail{Version: f.Version, Date: date, Licence: f.Licence, Clauses: f.Clauses, Sources: f.Sources,
		domains: map[string]struct{}{}}
	for _, l := range []struct {
		key     string
		domains []string
	}{{"never", f.Never}, {"additions", f.Additions}, {"own", f.Own}, {"vietnam", f.Vietnam}} {
		for i, d := range l.domains {
			if err := CheckDomain(d); err != nil {
				return nil, fmt.Errorf("%s[%d]: %w", l.key, i, err)
			}
			if i > 0 && l.domains[i-1] >= d {
				return nil, fmt.Errorf("%s[%d]: %q is not after %q; sort the list, each domain once", l.key, i, d, l.domains[i-1])
			}
		}
	}
	p.never = f.Never
	for _, d := range []string{"gov.vn", "edu.vn"} { // a promise of the rule, not of one pack
		if !slices.Contains(f.Never, d) {
			return nil, fmt.Errorf("never must name %s", d)
		}
	}
	for _, d := range slices.Concat(f.Additions, f.Own, f.Vietnam) {
		if err := p.add(d); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// addList reads the list file: one domain a line, sorted, each once; lines that begin with # and
// empty lines are skipped.
func (p *FreeMail) addList(name string, data []byte) error {
	last, n := "", 0
	for line := range strings.Lines(string(data)) {
		n++
		d := strings.TrimRight(line, "\r\n")
		if d == "" || strings.HasPrefix(d, "#") {
			continue
		}
		err := CheckDomain(d)
		if err == nil && d <= last {
			err = fmt.Errorf("%q is not after %q; sort the list, each domain once", d, last)
		}
		if err == nil {
			err = p.add(d)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
		last = d
	}
	if last == "" {
		return fmt.Errorf("%s: holds no domain", name)
	}
	return nil
}

func (p *FreeMail) add(d string) error {
	if p.isNever(d) {
		return fmt.Errorf("%q is under never", d)
	}
	if _, twice := p.domains[d]; twice {
		return fmt.Errorf("%q stands twice in the pack", d)
	}
	p.domains[d] = struct{}{}
	return nil
}

// CheckDomain tells what is wrong with a domain of a list: it must be written as it compares (lower
// case, ASCII, no dot at the ends) and have two labels at least.
func CheckDomain(d string) error {
	if d != filter.NormalDomain(d) {
		return fmt.Errorf("%q is not written as %q", d, filter.NormalDomain(d))
	}
	labels := strings.Split(d, ".")
	if len(labels) < 2 || len(d) > maxDomain {
		return fmt.Errorf("%q is no domain of two labels or more", d)
	}
	for _, l := range labels {
		if l == "" || len(l) > maxLabel || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return fmt.Errorf("%q is no domain", d)
		}
	}
	return nil
}

// Has tells whether the domain, or one that it stands below, is in the pack. The domain is
// normalised (filter.NormalDomain); what the pack says is never free-mail is not.
func (p *FreeMail) Has(domain string) bool {
	if p == nil || p.isNever(domain) {
		return false
	}
	for d := range Parents(domain) {
		if _, ok := p.domains[d]; ok {
			return true
		}
	}
	return false
}

// Never tells whether the pack says that the normalised domain is never free-mail.
func (p *FreeMail) Never(domain string) bool { return p != nil && p.isNever(domain) }

func (p *FreeMail) isNever(domain string) bool {
	for d := range Parents(domain) {
		if slices.Contains(p.never, d) {
			return true
		}
	}
	return false
}

// Len is the number of domains.
func (p *FreeMail) Len() int { return len(p.domains) }

// Parents yields a domain and the domains that it stands below, longest first, down to two labels.
// Of a name longer than a domain can be it yields nothing.
func Parents(domain string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		if len(domain) > maxDomain {
			return
		}
		for d := domain; strings.Contains(d, "."); _, d, _ = strings.Cut(d, ".") {
			if !yield(d) {
				return
			}
		}
	}
}
