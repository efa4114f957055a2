package marking

import (
	"strconv"
	"strings"
)

// Scores of labels.
const (
	labelScore    = 0.95
	propertyScore = 0.80 // a keyword or a property that is a level
	essScore      = 0.85 // a classification of a signed message's security label
)

// label finds a level in a label's name or in a property. name says which it is: "SIO-Label", "msip_labels",
// "MSIP_Label_…_Name", "X-Protective-Marking", "Keywords".
func (d *Detector) label(name, value string, kind Kind, v *evidence) {
	if d.ownLabel(name+" "+value, v) {
		return
	}
	for part := range labelValues(value) {
		l := d.newLine(part)
		if n, _ := d.noLabel.at(l.text, l.toks, 0, true); n == len(l.toks) && n > 0 {
			continue
		}
		level, whole := d.labelLevel(l)
		score := labelScore
		if kind == Property {
			score = propertyScore
			if !whole {
				continue
			}
		}
		v.add(Evidence{Class: Labelled, Level: level, Score: score, Hold: level == Other && kind == Property})
	}
}

// ownLabel finds a label that the organisation has said the meaning of; the first one that is there counts.
func (d *Detector) ownLabel(text string, v *evidence) bool {
	text = strings.ToLower(visible(text))
	for _, l := range d.ownLabels {
		if strings.Contains(text, l.Name) {
			v.add(Evidence{Class: Labelled, Level: Level(l.Level), Score: labelScore})
			return true
		}
	}
	return false
}

// properties finds a line of a document's properties that names a sensitivity label: "MSIP_Label_…_Name = …".
func (u *unit) properties(i, at int, v *evidence) {
	l := u.line(i)
	key, value, ok := strings.Cut(l.text, "=")
	key = strings.ToLower(strings.TrimSpace(key))
	if !ok || !strings.HasPrefix(key, "msip_label_") || !strings.HasSuffix(key, "_name") {
		return
	}
	var found evidence
	u.d.label(key, key+"="+strings.TrimSpace(value), Label, &found)
	for _, e := range found.list {
		e.Offset = int64(at)
		v.add(e)
	}
}

// labelValues are the values that a label's text carries: what is quoted or behind a name, or the whole.
func labelValues(value string) func(func(string) bool) {
	return func(yield func(string) bool) {
		whole := true
		for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ';' || r == ',' }) {
			key, text, named := strings.Cut(part, "=")
			key = strings.ToLower(strings.TrimSpace(key))
			if !named {
				if whole && strings.TrimSpace(part) != "" && !yield(strings.TrimSpace(part)) {
					return
				}
				continue
			}
			whole = false
			if !labelKey(key) {
				continue
			}
			if !yield(strings.Trim(strings.TrimSpace(text), `"'`)) {
				return
			}
		}
	}
}

// labelKey tells the names whose values say a level: "marking" (RFC 7444 section 2.1), "…_Name" of msip_labels, "SEC" of
// X-Protective-Marking.
func labelKey(key string) bool {
	return key == "marking" || key == "label" || strings.HasSuffix(key, "_name") || strings.HasSuffix(key, "sec") || key == "classification" || key == "name"
}

// labelLevel is the level that a label's name says, and whether the name says nothing else.
func (d *Detector) labelLevel(l *line) (level Level, whole bool) {
	for _, c := range l.marks {
		if c.vetoed {
			continue
		}
		// The level begins the name, or is all that a sign divides off.
		if c.first == 0 || c.last == len(l.toks)-1 {
			if Level(c.level).rank() > level.rank() {
				level, whole = c.level, c.first == 0 && c.last == len(l.toks)-1
			}
		}
	}
	if level != None {
		return level, whole
	}
	for k := range l.toks {
		if n, index := d.labelLevelsOf.at(l.text, l.toks, k, true); n > 0 {
			return Level(d.labelLevels[index].Level), n == len(l.toks)
		}
	}
	return None, false
}

// Classified is the evidence of an ESS security label's classification (RFC 2634 section 3.2): 0 unmarked,
// 1 unclassified, 2 restricted, 3 confidential, 4 secret, 5 top-secret. Restricted and above is a marking.
func Classified(classification int) []Evidence {
	if classification < 2 {
		return nil
	}
	return []Evidence{{Class: Labelled, Level: Other, Score: essScore}}
}

// SecurityLabel is the ESS security label of a signed message (RFC 2634 section 3.2).
type SecurityLabel struct {
	Policy         string // the security-policy-identifier, "1.2.3.4"
	Classification int    // as Classified has it; above 5 the policy says what it means; below 0 where the label has none
	PrivacyMark    string // in UTF-8; "" where the label has none
}

// SecurityLabel is the evidence of a signed message's security label. What the organisation says of the policy with the
// classification ("1.2.3.4/4"), or of the policy alone, counts before anything else; else the privacy mark, which is text
// for people, and the classification do.
func (d *Detector) SecurityLabel(s SecurityLabel) []Evidence {
	var v evidence
	for _, name := range []string{s.Policy + "/" + strconv.Itoa(s.Classification), s.Policy} {
		for _, l := range d.ownLabels {
			if l.Name == name {
				v.add(Evidence{Class: Labelled, Level: Level(l.Level), Score: labelScore})
				return v.list
			}
		}
	}
	if mark := s.PrivacyMark[:min(len(s.PrivacyMark), maxName)]; mark != "" {
		d.label("", "label="+strings.Map(signless, mark), Label, &v)
	}
	for _, e := range Classified(s.Classification) {
		v.add(e)
	}
	return v.list
}

// signless makes blanks of the signs that divide the values of labels in header fields.
func signless(r rune) rune {
	if r == ';' || r == ',' || r == '=' {
		return ' '
	}
	return r
}
