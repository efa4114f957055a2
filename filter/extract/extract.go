// Package extract looks into the files that a message carries: their text, facts such as macros, and the
// files inside of them, to any depth that the limits allow.
//
// Nothing is collected. What is found streams past consumers, one for each rule that looks at content, and
// each keeps its own outcome, which holds no text: so outcomes can be remembered by the hash of the file
// (invariant 5 of the design), and memory stays bounded whatever is sent. What could not be looked into
// has a reason (invariant 3).
//
// Formats whose readers may exhaust memory or the stack are read in worker processes (Pool).
package extract

import (
	"context"

	"congthu/filter/message"
)

// Kind says where in a file a text stands.
type Kind string

// The kinds of text.
const (
	Body         Kind = "body"          // running text, cells of sheets and slides too
	HeaderFooter Kind = "header-footer" // of pages
	Comment      Kind = "comment"       // comments and notes
	Property     Kind = "property"      // of a document; Text.Name is the property's name
	Label        Kind = "label"         // a sensitivity label; Text.Name is the label's property
	FileName     Kind = "file-name"     // of a file inside of another
)

// Text is a piece of a file's text.
type Text struct {
	Kind Kind
	Name string // of a property or label
	Page int    // page, slide or sheet, from 1; 0 when the format has none
	// Reading numbers the ways to read one text, from 0: text in an old charset reads in several.
	Reading int
	// Value is UTF-8 in NFC, at most MaxPiece octets. Lines end in "\n"; cells beside each other are
	// parted by "\t". A longer text comes in several pieces, cut at a line's end where there is one.
	Value string
}

// MaxPiece is the most octets of one Text.
const MaxPiece = 64 << 10

// File is a leaf of a message, or a file inside of it.
type File struct {
	Path   string   // "" for the leaf itself, "/2" for the second file in it, "/2/1" for the first in that
	Names  []string // every name that some program shows; never logged, never used as a path
	Type   string   // media type by content; "application/octet-stream" when nobody knows
	Size   int64    // octets
	SHA256 string   // hex
}

// Fact is something about a file beside its text.
type Fact string

// The facts.
const (
	Macro           Fact = "macro"            // holds macros
	MacroAutorun    Fact = "macro-autorun"    // holds macros that run when it is opened
	DDE             Fact = "dde"              // runs a command through a field
	RemoteTemplate  Fact = "remote-template"  // loads its template from elsewhere
	EmbeddedPackage Fact = "embedded-package" // holds a packaged file that runs when clicked
	Script          Fact = "script"           // holds a script that runs when it is opened (PDF, HTML)
	Launch          Fact = "launch"           // starts a program (PDF)
	EncryptedFile   Fact = "encrypted"        // or a member of it
	Obfuscated      Fact = "obfuscated"       // a script that unpacks what it shows or runs (HTML)
	Installer       Fact = "installer"        // installs programs (Windows Installer)
	Archive         Fact = "archive"          // a zip that is no document
	Wrapped         Fact = "wrapped"          // holds files as virus scanners may not open them; told before the first of them
)

// Consumer is one rule's view of one leaf and all that is in it. Its methods are called one after the
// other: File, then that file's texts and facts mixed with files inside of it, each announced before.
type Consumer interface {
	File(f *File)
	Fact(f *File, fact Fact)
	Text(f *File, t Text)
	// Outcome is what the consumer made of it. When it is sure, it depends on the leaf alone: then it is
	// remembered by the leaf's hash, shared between messages and never changed. It must hold no text.
	Outcome() (outcome any, sure bool)
}

// Passer is a consumer that passes over most of a long text.
type Passer interface {
	// PassOver is told of a text before Text is, its value as the file has it: not in NFC, and maybe no UTF-8. When it
	// returns true the consumer has taken what it wants of it, and Text is not called.
	PassOver(f *File, t Text) bool
}

// NewConsumer makes a consumer for one leaf.
type NewConsumer func() Consumer

// NewConsumers begins the looking into one message, which ends with ctx at the latest: what it returns makes a
// consumer for each of the message's leaves, which are looked into one after the other.
type NewConsumers func(ctx context.Context) NewConsumer

// Reasons why something was not inspected that come from looking into files.
const (
	Encrypted    = message.Encrypted
	UnknownType  = message.UnknownType
	NoText       = message.NoText
	WorkerFailed = message.WorkerFailed
)

// Leaf is what was found in one leaf of a message.
type Leaf struct {
	Part   *message.Part
	SHA256 string // of the decoded octets
	result
}

// result is what is remembered of a leaf's content.
type result struct {
	Files        []File // the leaf itself first; without names
	Outcomes     map[string]any
	NotInspected []message.NotInspected // Part is the Path inside of the leaf
}

// Inspection is what was found in all leaves of a message.
type Inspection struct {
	Leaves []Leaf
	// NotInspected names parts by leaf and path, "2/1".
	NotInspected []message.NotInspected
}

// Inspector looks into messages. It is safe for concurrent use.
type Inspector struct {
	options Options
	tell    teller
	room    *room
	cache   *cache
}

// Options are what an inspector works with.
type Options struct {
	Limits    Limits
	Consumers map[string]NewConsumers // by the rule's name
	Pool      *Pool                   // nil: what needs a worker is not inspected
	Budget    *message.Budget         // of octets kept while looking into files; nil is unbounded
	CacheSize int                     // outcomes remembered; 0 for none
	Hit       func()                  // told of each outcome that was remembered; nil is none
}

// New makes an inspector.
func New(o Options) (*Inspector, error) {
	c, err := newCache(o.CacheSize)
	if err != nil {
		return nil, err
	}
	if o.Hit == nil {
		o.Hit = func() {}
	}
	return &Inspector{options: o, room: newRoom(), tell: newTeller(formats()), cache: c}, nil
}

type onceKey struct{ *Inspector }

// Inspect looks into every leaf of a message, once, whoever asks how often. The error is one of ours: the
// message could not be read, or ctx ended.
func (in *Inspector) Inspect(ctx context.Context, m *message.Message) (*Inspection, error) {
	v, err := m.Once(onceKey{in}, func() (any, error) { return in.inspect(ctx, m) })
	if err != nil {
		return nil, err
	}
	return v.(*Inspection), nil
}
