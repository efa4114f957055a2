package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/unicode/norm"
)

// Limits of a secrecy pack.
const (
	maxPhrases = 2000 // in one list
	maxPhrase  = 100  // octets of one word or phrase
)

// Secrecy is the words that a secrecy marking is made of and stands among (Điều 10 khoản 1). All words are
// in lower case and NFC. It does not change once read.
type Secrecy struct {
	Kind    string   `yaml:"kind"`
	Version string   `yaml:"version"`
	Date    string   `yaml:"date"` // year-month-day, from which the acts hold
	Clauses []string `yaml:"clauses"`
	Acts    []Act    `yaml:"acts"`

	Levels       []Level  `yaml:"levels"` // the highest first
	Labels       []string `yaml:"labels"`
	OpenLabels   []string `yaml:"open_labels"`
	NoLevel      []string `yaml:"no_level"`
	Urgency      []string `yaml:"urgency"`
	Prefixes     []string `yaml:"prefixes"`
	Subjects     []string `yaml:"subjects"`
	Before       []string `yaml:"before"`
	After        []string `yaml:"after"`
	AfterNot     []string `yaml:"after_not"`
	NextLine     []string `yaml:"next_line"`
	PrevLine     []string `yaml:"prev_line"`
	Places       []string `yaml:"places"`
	PlainAfter   []string `yaml:"plain_after"`
	Titles       []string `yaml:"titles"`
	FamilyNames  []string `yaml:"family_names"`
	PersonLabels []string `yaml:"person_labels"`
	PressNouns   []string `yaml:"press_nouns"`
	PressHeads   []string `yaml:"press_heads"`
	PressTails   []string `yaml:"press_tails"`
	Nouns        []string `yaml:"nouns"`
	HeadingNouns []string `yaml:"heading_nouns"`
	CapsNouns    []string `yaml:"caps_nouns"`
	ShortNouns   []string `yaml:"short_nouns"`
	NotNouns     []string `yaml:"not_nouns"`
	NotDenials   []string `yaml:"not_denials"`
	Loud         []string `yaml:"loud"`
	Instructions []string `yaml:"instructions"`
	StampTerms   []string `yaml:"stamp_terms"`
	Boxes        []string `yaml:"boxes"`
	Requests     []string `yaml:"requests"`
	Ties         []string `yaml:"ties"`
	Sends        []string `yaml:"sends"`
	Carried      []string `yaml:"carried"`
	Declared     []string `yaml:"declared"`
	Things       []string `yaml:"things"`
	Pointing     []string `yaml:"pointing"`
	Denials      []string `yaml:"denials"`
	DenialsAfter []string `yaml:"denials_after"`
	Guidance     []string `yaml:"guidance"`
	Numbered     []string `yaml:"numbered_guidance"`
	Counts       []string `yaml:"counts"`
	// GuidanceNames are the same in file names.
	GuidanceNames []string     `yaml:"guidance_names"`
	Page          []string     `yaml:"page"`
	Stamps        []Stamp      `yaml:"stamps"`
	Foreign       []Foreign    `yaml:"foreign"`
	NoLabel       []string     `yaml:"no_label"`
	LabelLevels   []LabelLevel `yaml:"label_levels"`
}

// Act is an act of law that a pack follows.
type Act struct {
	Name    string `yaml:"name"`
	InForce string `yaml:"in_force"` // year-month-day
	Use     string `yaml:"use"`      // what was taken
}

// Level is one level of secrecy.
type Level struct {
	Level  string   `yaml:"level"`  // MAT, TOI_MAT, TUYET_MAT or OTHER
	Name   string   `yaml:"name"`   // "tối mật"
	Letter string   `yaml:"letter"` // in the circle on an envelope; "" for none
	Shorts []string `yaml:"shorts"` // what else stands for it in a level field
}

// Stamp is a stamp or form that only secret documents have.
type Stamp struct {
	Text  string   `yaml:"text"`
	Score float64  `yaml:"score"`
	Next  []string `yaml:"next"`  // what the lines after may begin with; none: nothing is asked of them
	Alone float64  `yaml:"alone"` // its score without them
	Hold  bool     `yaml:"hold"`  // a person must look: never more than a hold
}

// Foreign is a banner of another state.
type Foreign struct {
	Text  string `yaml:"text"`
	Begin bool   `yaml:"begin"` // a line of its own, the beginning of a subject or a file name too; else before "//" only
}

// LabelLevel says which level the name of a sensitivity label stands for.
type LabelLevel struct {
	Name  string `yaml:"name"`
	Level string `yaml:"level"`
}

// SecrecyNames are the secrecy packs that the program carries, the newest first.
func SecrecyNames() []string { return []string{"secrecy-2026"} }

// BuiltInSecrecy is a secrecy pack that the program carries; "" for the newest.
func BuiltInSecrecy(name string) (*Secrecy, error) {
	if name == "" {
		name = SecrecyNames()[0]
	}
	if !slices.Contains(SecrecyNames(), name) {
		return nil, fmt.Errorf("%q is no pack of this program (%s)", name, strings.Join(SecrecyNames(), ", "))
	}
	return ReadSecrecy(builtIn, name+".yml")
}

// ReadSecrecy reads a secrecy pack. An error says file and line, or file and key.
func ReadSecrecy(fsys fs.FS, name string) (*Secrecy, error) {
	data, err := readFile(fsys, name)
	if err != nil {
		return nil, err
	}
	p := new(Secrecy)
	d := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict(), yaml.DisallowUnknownField())
	if err := d.Decode(p); err != nil {
		return nil, yamlError(name, err)
	}
	if err := d.Decode(new(Secrecy)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: holds more than one YAML document", name)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

func (p *Secrecy) check() error {
	if p.Kind != "secrecy" {
		return fmt.Errorf("kind is %q, not secrecy", p.Kind)
	}
	if p.Version == "" {
		return errors.New("version is missing")
	}
	dates := map[string]string{"date": p.Date}
	for i, a := range p.Acts {
		if a.Name == "" {
			return fmt.Errorf("acts[%d] needs a name", i)
		}
		dates[fmt.Sprintf("acts[%d].in_force", i)] = a.InForce
	}
	for key, d := range dates {
		if _, err := time.Parse(time.DateOnly, d); err != nil {
			return fmt.Errorf("%s %q is not written year-month-day", key, d)
		}
	}
	if len(p.Levels) == 0 || len(p.Acts) == 0 {
		return errors.New("levels and acts are missing")
	}
	return errors.Join(p.checkLists(), p.checkMarks())
}

// checkLists checks the lists of words.
func (p *Secrecy) checkLists() error {
	for _, l := range []struct {
		key  string
		list []string
	}{{"labels", p.Labels}, {"open_labels", p.OpenLabels}, {"no_level", p.NoLevel}, {"urgency", p.Urgency}, {"prefixes", p.Prefixes},
		{"subjects", p.Subjects}, {"before", p.Before}, {"after", p.After}, {"next_line", p.NextLine}, {"prev_line", p.PrevLine}, {"places", p.Places},
		{"plain_after", p.PlainAfter}, {"titles", p.Titles}, {"family_names", p.FamilyNames}, {"person_labels", p.PersonLabels}, {"press_nouns", p.PressNouns}, {"press_heads", p.PressHeads}, {"press_tails", p.PressTails}, {"nouns", p.Nouns},
		{"heading_nouns", p.HeadingNouns}, {"ties", p.Ties}, {"sends", p.Sends}, {"carried", p.Carried}, {"declared", p.Declared}, {"things", p.Things}, {"pointing", p.Pointing},
		{"denials", p.Denials}, {"denials_after", p.DenialsAfter}, {"guidance", p.Guidance}, {"numbered_guidance", p.Numbered}, {"counts", p.Counts}, {"guidance_names", p.GuidanceNames}, {"page", p.Page}, {"no_label", p.NoLabel},
		{"caps_nouns", p.CapsNouns}, {"boxes", p.Boxes}, {"after_not", p.AfterNot}, {"stamp_terms", p.StampTerms}, {"instructions", p.Instructions}, {"loud", p.Loud}, {"not_denials", p.NotDenials}, {"not_nouns", p.NotNouns}, {"short_nouns", p.ShortNouns}, {"requests", p.Requests}} {
		if len(l.list) > maxPhrases {
			return fmt.Errorf("%s has more than %d entries", l.key, maxPhrases)
		}
		for i, w := range l.list {
			if err := CheckPhrase(w); err != nil {
				return fmt.Errorf("%s[%d]: %w", l.key, i, err)
			}
		}
	}
	return nil
}

// checkMarks checks levels, stamps, banners and labels.
func (p *Secrecy) checkMarks() error {
	for i, l := range p.Levels {
		if err := errors.Join(CheckPhrase(l.Name), checkLevel(l.Level)); err != nil {
			return fmt.Errorf("levels[%d]: %w", i, err)
		}
		if len(l.Letter) > 1 || l.Letter != strings.ToUpper(l.Letter) {
			return fmt.Errorf("levels[%d]: letter %q is no capital letter", i, l.Letter)
		}
	}
	for i, s := range p.Stamps {
		if err := CheckPhrase(s.Text); err != nil {
			return fmt.Errorf("stamps[%d]: %w", i, err)
		}
		if s.Score <= 0 || s.Score >= 1 || s.Alone <= 0 || s.Alone > s.Score {
			return fmt.Errorf("stamps[%d]: score and alone are above 0 and below 1, alone not above score", i)
		}
		for _, n := range s.Next {
			if err := CheckPhrase(n); err != nil {
				return fmt.Errorf("stamps[%d].next: %w", i, err)
			}
		}
	}
	for i, f := range p.Foreign {
		if err := CheckPhrase(f.Text); err != nil {
			return fmt.Errorf("foreign[%d]: %w", i, err)
		}
	}
	for i, l := range p.LabelLevels {
		if err := errors.Join(CheckPhrase(l.Name), checkLevel(l.Level)); err != nil {
			return fmt.Errorf("label_levels[%d]: %w", i, err)
		}
	}
	return nil
}

func checkLevel(level string) error {
	switch level {
	case "MAT", "TOI_MAT", "TUYET_MAT", "OTHER":
		return nil
	}
	return fmt.Errorf("%q is no level (MAT, TOI_MAT, TUYET_MAT, OTHER)", level)
}

// CheckPhrase tells what is wrong with a word or phrase of a list: it must be in lower case and NFC, with a
// letter, and one blank between its words.
func CheckPhrase(s string) error {
	switch {
	case s != strings.ToLower(s) || !norm.NFC.IsNormalString(s):
		return fmt.Errorf("%q is not written in lower case and NFC", s)
	case s != strings.Join(strings.Fields(s), " ") || !strings.ContainsFunc(s, unicode.IsLetter):
		return fmt.Errorf("%q is no phrase: words with one blank between them", s)
	case len(s) > maxPhrase:
		return fmt.Errorf("%q is longer than %d octets", s, maxPhrase)
	}
	return nil
}
