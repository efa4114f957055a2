// Package marking finds secrecy markings in text (Điều 10 khoản 1). A marking is structure, not a word: a line or
// cell of its own, a tag, a field, a ticked box, a stamp. Text goes in and evidence comes out; the evidence holds
// no text. Finding nothing means that no formal marking was recognised, never that a text is not secret.
package marking

import "cmp"

// Limits of the detector. What is over a limit is read in pieces, never left out.
const (
	// MaxText is how many octets of a text Find looks at; a caller hands a longer one over in windows that overlap
	// by Overlap octets.
	MaxText = 256 << 10
	// Overlap is how many octets two windows of one text share, so that a marking at their border has its context.
	Overlap = 4 << 10
	// MaxLine is how many octets one line may have; a longer one is read as several.
	MaxLine = 2 << 10
	// maxEvidence bounds what one call of Find returns: the best of each class and level.
	maxEvidence = 64
	// reach is how many lines before and after a candidate are looked at for what stands around it.
	reach = 12
)

// Kind is what a text is in its message.
type Kind uint8

// The kinds.
const (
	Subject    Kind = iota + 1 // a decoded subject
	Body                       // text to be read
	FileName                   // of an attachment or of a member of an archive
	Attachment                 // text out of a file
	Margin                     // a header or footer of pages
	Property                   // a property of a document, a keyword
	Label                      // a sensitivity label or a header field that carries one
)

// Level is a level of secrecy.
type Level string

// The levels, the lowest first. Other is a marking that names no Vietnamese level.
const (
	None     Level = ""
	Other    Level = "OTHER"
	Mat      Level = "MAT"
	ToiMat   Level = "TOI_MAT"
	TuyetMat Level = "TUYET_MAT"
)

// rank orders levels.
func (l Level) rank() int {
	switch l {
	case Other:
		return 1
	case Mat:
		return 2
	case ToiMat:
		return 3
	case TuyetMat:
		return 4
	}
	return 0
}

// Class is a kind of evidence. The names are stable: findings carry them as their detail.
type Class string

// The classes.
const (
	Cell      Class = "own-cell"  // the level is a line or a table cell of its own
	Tag       Class = "tag"       // before, in brackets or after a subject or first line
	Field     Class = "field"     // "Độ mật: …", or a column with that head
	Box       Class = "box"       // a ticked box beside the level
	Number    Class = "number"    // in the document's number
	Form      Class = "stamp"     // a stamp or form of secret documents
	Prose     Class = "prose"     // a sentence says it of a document
	NounLevel Class = "noun"      // "công văn mật số 27", "văn bản MẬT"
	Name      Class = "file-name" // a file name says it
	Labelled  Class = "label"     // a sensitivity label
	Banner    Class = "foreign"   // another state's banner
	Portion   Class = "portion"   // portion marks (S) (TS)
)

// Evidence is one sign of a marking. It holds no text.
type Evidence struct {
	Class  Class
	Level  Level
	Score  float64 // 0 to 1
	Offset int64   // octets from the text's beginning to the word that was found
	Hold   bool    // a person must look: the marking alone is no ground to refuse
}

// Text is one text of a message.
type Text struct {
	Kind Kind
	// Readings are the ways to read the same octets, in UTF-8; at least one. Each is looked at.
	Readings []string
	Name     string // of the property or label, "" for other kinds
	Offset   int64  // of the readings in the text that they are a window of
	// Continued says that the readings do not begin where the text begins: its first line is elsewhere.
	Continued bool
	// FirstPage says that the text is the first page of a paper document, where stamps stand.
	FirstPage bool
	// Late says that the text stands where stamps of its document do not stand: only that of another paper, which begins there,
	// counts.
	Late bool
}

// Scores that conclusions are drawn from.
const (
	High   = 0.85 // and more: a formal marking
	Medium = 0.50 // and more: a person should look
	Low    = 0.30 // and more: counted; below it is no evidence

	maxScore  = 0.99
	maxHold   = 0.80 // of evidence that alone is no ground to refuse
	agreement = 0.05 // what a further class of evidence adds
)

// Conclusion is what the evidence of a part or of a message says together.
type Conclusion struct {
	Class Class // of the best evidence
	Level Level
	Score float64
	Hold  bool // the best evidence holds only
}

// Conclude weighs evidence: the best counts, each further class with Low and more adds a little; a higher level with
// Medium and more takes the level. Evidence that holds only never becomes more than that.
func Conclude(all []Evidence) Conclusion {
	var c Conclusion
	classes := map[Class]bool{}
	for _, e := range all {
		if better(e, c) {
			c.Class, c.Level, c.Score, c.Hold = e.Class, e.Level, e.Score, e.Hold
		}
		if e.Score >= Low {
			classes[e.Class] = true
		}
	}
	if c.Score < Low {
		return c
	}
	c.Score = min(c.Score+agreement*float64(len(classes)-1), maxScore)
	for _, e := range all {
		if e.Score >= Medium && e.Level.rank() > c.Level.rank() {
			c.Level = e.Level
			c.Hold = c.Hold && e.Hold
		}
	}
	if c.Hold {
		c.Score = min(c.Score, maxHold)
	}
	return c
}

// better orders evidence: by score, and of equal scores what is not held only, then the higher level, then the
// class by name, so that the same evidence in another order concludes the same.
func better(e Evidence, c Conclusion) bool {
	if d := cmp.Compare(e.Score, c.Score); d != 0 {
		return d > 0
	}
	if e.Hold != c.Hold {
		return c.Hold
	}
	if d := cmp.Compare(e.Level.rank(), c.Level.rank()); d != 0 {
		return d > 0
	}
	return e.Class < c.Class
}

// evidence collects what Find found: the best of each class and level.
type evidence struct {
	list []Evidence
}

func (v *evidence) add(e Evidence) {
	if e.Score <= 0 || e.Level == None {
		return
	}
	if e.Hold {
		e.Score = min(e.Score, maxHold)
	}
	for i, have := range v.list {
		if have.Class == e.Class && have.Level == e.Level && have.Hold == e.Hold {
			if e.Score > have.Score {
				v.list[i] = e
			}
			return
		}
	}
	if len(v.list) < maxEvidence {
		v.list = append(v.list, e)
	}
}

// formal tells that there is a formal marking already.
func (v *evidence) formal() bool {
	for _, e := range v.list {
		if e.Score >= High && !e.Hold {
			return true
		}
	}
	return false
}

// Merge is the evidence of two texts together, the best of each class and level.
func Merge(a, b []Evidence) []Evidence {
	v := evidence{list: a}
	for _, e := range b {
		v.add(e)
	}
	return v.list
}
