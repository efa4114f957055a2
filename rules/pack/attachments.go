package pack

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

//go:embed attachments-2026.yml
var builtInAttachments embed.FS

// Limits of a pack of attachment types.
const (
	maxExtensions = 1000 // in one list
	maxExtension  = 40   // octets of an extension
	maxMediaType  = 120  // octets of a media type
)

// Attachments are the types of attachments that mail does not carry (Điều 10 khoản 2, Điều 11 khoản 5). Extensions are in
// lower case, without their dot. It does not change once read.
type Attachments struct {
	Kind    string             `yaml:"kind"`
	Version string             `yaml:"version"`
	Date    string             `yaml:"date"` // year-month-day, of the data
	Clauses []string           `yaml:"clauses"`
	Sources []AttachmentSource `yaml:"sources"`
	Kinds   []AttachmentKind   `yaml:"kinds"`

	Documents  []string         `yaml:"documents"`  // endings that make a name look innocent
	Pages      []string         `yaml:"pages"`      // endings that are only suspect behind one of these
	Containers []string         `yaml:"containers"` // endings of documents that are no archive for people
	Macros     []string         `yaml:"macros"`     // endings of documents that may hold macros
	Unless     []AttachmentType `yaml:"unless"`
}

// AttachmentSource is what the lists were made from.
type AttachmentSource struct {
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
	Use     string `yaml:"use"` // what was taken
}

// AttachmentKind is one kind of dangerous files.
type AttachmentKind struct {
	Kind       string   `yaml:"kind"`
	Ask        string   `yaml:"ask"` // refuse, or tag
	Why        string   `yaml:"why"`
	Extensions []string `yaml:"extensions"`
	Types      []string `yaml:"types"`  // media types by content
	Labels     []string `yaml:"labels"` // media types that a mail may give; mail programs make a name from them
}

// AttachmentType says of what content an ending is innocent.
type AttachmentType struct {
	Extensions []string `yaml:"extensions"`
	Types      []string `yaml:"types"` // media types by content; one that ends in "/" stands for all that begin so
	Why        string   `yaml:"why"`
}

// AttachmentKinds are the kinds that a pack must have, all of them and no others: what is said of each is written in
// the program.
func AttachmentKinds() []string {
	return []string{"executable", "script", "shortcut", "disk-image", "add-in", "help", "query", "settings", "source"}
}

// BuiltInAttachments is the pack of attachment types that the program carries.
func BuiltInAttachments() (*Attachments, error) {
	return ReadAttachments(builtInAttachments, "attachments-2026.yml")
}

// ReadAttachments reads a pack of attachment types. An error says file and line, or file and key.
func ReadAttachments(fsys fs.FS, name string) (*Attachments, error) {
	data, err := readFile(fsys, name)
	if err != nil {
		return nil, err
	}
	p := new(Attachments)
	d := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict(), yaml.DisallowUnknownField())
	if err := d.Decode(p); err != nil {
		return nil, yamlError(name, err)
	}
	if err := d.Decode(new(Attachments)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: holds more than one YAML document", name)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

func (p *Attachments) check() error {
	if p.Kind != "attachment-type" {
		return fmt.Errorf("kind is %q, not attachment-type", p.Kind)
	}
	if p.Version == "" {
		return errors.New("version is missing")
	}
	if _, err := time.Parse(time.DateOnly, p.Date); err != nil {
		return fmt.Errorf("date %q is not written year-month-day", p.Date)
	}
	if len(p.Sources) == 0 {
		return errors.New("sources is missing")
	}
	for i, s := range p.Sources {
		if s.Name == "" || s.Version == "" || s.Use == "" {
			return fmt.Errorf("sources[%d] needs name, version and use", i)
		}
	}
	if err := p.checkKinds(); err != nil {
		return err
	}
	for _, l := range []struct {
		key  string
		list []string
	}{{"documents", p.Documents}, {"pages", p.Pages}, {"containers", p.Containers}, {"macros", p.Macros}} {
		if err := checkExtensions(l.key, l.list); err != nil {
			return err
		}
	}
	for i, u := range p.Unless {
		key := fmt.Sprintf("unless[%d]", i)
		if u.Why == "" || len(u.Types) == 0 {
			return fmt.Errorf("%s needs types and why", key)
		}
		if err := errors.Join(checkExtensions(key+".extensions", u.Extensions), checkTypes(key+".types", u.Types, true)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Attachments) checkKinds() error {
	var kinds []string
	of := map[string]string{}
	for i, k := range p.Kinds {
		key := fmt.Sprintf("kinds[%d]", i)
		kinds = append(kinds, k.Kind)
		if k.Ask != "refuse" && k.Ask != "tag" {
			return fmt.Errorf("%s.ask is %q, not refuse or tag", key, k.Ask)
		}
		if k.Why == "" {
			return fmt.Errorf("%s needs why", key)
		}
		if err := errors.Join(checkExtensions(key+".extensions", k.Extensions), checkTypes(key+".types", k.Types, false),
			checkTypes(key+".labels", k.Labels, false)); err != nil {
			return err
		}
		for _, ext := range k.Extensions {
			if of[ext] != "" {
				return fmt.Errorf("%s: %q is of kind %s already", key, ext, of[ext])
			}
			of[ext] = k.Kind
		}
	}
	if want := AttachmentKinds(); !slices.Equal(kinds, want) {
		return fmt.Errorf("kinds are %s, not %s", strings.Join(kinds, ", "), strings.Join(want, ", "))
	}
	for _, ext := range slices.Concat(p.Pages, p.Documents) {
		if of[ext] != "" {
			return fmt.Errorf("documents or pages: %q is of kind %s", ext, of[ext])
		}
	}
	return nil
}

func checkExtensions(key string, list []string) error {
	if len(list) == 0 || len(list) > maxExtensions {
		return fmt.Errorf("%s has %d entries, not 1 to %d", key, len(list), maxExtensions)
	}
	seen := map[string]bool{}
	for i, ext := range list {
		if err := CheckExtension(ext); err != nil {
			return fmt.Errorf("%s[%d]: %w", key, i, err)
		}
		if seen[ext] {
			return fmt.Errorf("%s[%d]: %q stands twice", key, i, ext)
		}
		seen[ext] = true
	}
	return nil
}

// CheckExtension tells what is wrong with a file's extension: it is written in lower case, without its dot.
func CheckExtension(ext string) error {
	if ext == "" || len(ext) > maxExtension || strings.Trim(ext, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return fmt.Errorf("%q is no extension: 1 to %d of a-z, 0-9, - and _", ext, maxExtension)
	}
	return nil
}

func checkTypes(key string, list []string, prefixes bool) error {
	for i, t := range list {
		major, minor, ok := strings.Cut(t, "/")
		if !ok || major == "" || minor == "" && !prefixes || len(t) > maxMediaType || t != strings.ToLower(t) || strings.ContainsAny(t, " ;") {
			return fmt.Errorf("%s[%d]: %q is no media type", key, i, t)
		}
	}
	return nil
}
