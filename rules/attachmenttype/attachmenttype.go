// Package attachmenttype tells dangerous files by their names and their types. It sees names and media types only: what
// is in a file others tell it. Nothing that it returns holds a name.
package attachmenttype

import (
	"fmt"
	"slices"
	"strings"

	"congthu/rules/pack"
)

// Kind is what makes a file dangerous. The kinds of the pack are kinds too.
type Kind string

// The kinds of the pack that the code names, and those of how a file is called or built.
const (
	None       Kind = ""
	Executable Kind = "executable"
	Script     Kind = "script"

	Added       Kind = "added"                // an extension that the administrator added
	RightToLeft Kind = "right-to-left"        // letters are shown in another order than they stand
	Invisible   Kind = "invisible-characters" // characters that cannot be seen, in a dangerous extension
	Padded      Kind = "padded-name"          // a dangerous extension pushed out of sight
	Double      Kind = "double-extension"     // a dangerous extension behind one that looks innocent
	DoublePage  Kind = "double-page"          // a page behind the extension of a document
	Stream      Kind = "stream-name"          // a dangerous extension and a stream of NTFS in one name
	ClassID     Kind = "class-id"             // the identifier of a program instead of an extension
	Disguised   Kind = "disguised"            // named as a document, and something dangerous or hidden instead

	MacroAutorun   Kind = "macro-autorun"   // macros that run when the document is opened
	Macro          Kind = "macro"           // other macros
	DDE            Kind = "dde"             // a field or cell that starts a program
	RemoteTemplate Kind = "remote-template" // a document that loads its template or an object from elsewhere
	Launch         Kind = "launch"          // a PDF file that starts a program
	PDFScript      Kind = "pdf-script"      // a PDF file with JavaScript
	Smuggling      Kind = "smuggling"       // a page that makes a file and gives it to the reader
	Obfuscated     Kind = "obfuscated-page" // a page whose script unpacks what it shows or runs
	SVGScript      Kind = "svg-script"      // a picture that runs a script
	Embedded       Kind = "embedded-file"   // a notebook with a file in it that may run
)

// Own is what the administrator adds to the pack and takes from it: extensions.
type Own struct{ Add, Except []string }

// OwnError says which extension of the administrator's is wrong.
type OwnError struct {
	Key     string // "add[0]"
	Problem string
}

func (e *OwnError) Error() string { return e.Key + ": " + e.Problem }

// Judge tells dangerous names and types. It does not change once made.
type Judge struct {
	version    string
	kinds      map[string]Kind // by extension, the pack's and the administrator's
	packed     map[string]Kind // the pack's alone
	types      map[string]Kind // by media type, as content tells it
	labels     map[string]Kind // by media type, as a mail gives it
	mild       map[Kind]bool   // kinds that are worth a warning only
	unless     map[string][]string
	except     map[string]bool
	documents  map[string]bool
	pages      map[string]bool
	containers map[string]bool
	macros     map[string]bool
}

// New makes a judge. The error is an *OwnError.
func New(p *pack.Attachments, own Own) (*Judge, error) {
	j := &Judge{version: p.Version, kinds: map[string]Kind{}, packed: map[string]Kind{}, types: map[string]Kind{}, labels: map[string]Kind{},
		mild: map[Kind]bool{DoublePage: true, PDFScript: true}, unless: map[string][]string{}, except: map[string]bool{},
		documents: setOf(p.Documents), pages: setOf(p.Pages), containers: setOf(p.Containers), macros: setOf(p.Macros)}
	for _, k := range p.Kinds {
		kind := Kind(k.Kind)
		j.mild[kind] = k.Ask == "tag"
		for _, ext := range k.Extensions {
			j.kinds[ext], j.packed[ext] = kind, kind
		}
		for _, t := range k.Types {
			j.types[t] = kind
		}
		for _, t := range k.Labels {
			j.labels[t] = kind
		}
	}
	for _, u := range p.Unless {
		for _, ext := range u.Extensions {
			j.unless[ext] = append(j.unless[ext], u.Types...)
		}
	}
	return j, j.own(own)
}

// own takes the administrator's extensions over.
func (j *Judge) own(own Own) error {
	for i, ext := range own.Add {
		if err := pack.CheckExtension(ext); err != nil {
			return &OwnError{fmt.Sprintf("add[%d]", i), err.Error()}
		}
		if j.kinds[ext] == None || j.mild[j.kinds[ext]] {
			j.kinds[ext] = Added
		}
	}
	for i, ext := range own.Except {
		switch {
		case j.packed[ext] == None && !j.macros[ext]:
			return &OwnError{fmt.Sprintf("except[%d]", i), fmt.Sprintf("files named .%s are not looked at for their name: write an extension of the rule's list", ext)}
		case slices.Contains(own.Add, ext):
			return &OwnError{fmt.Sprintf("except[%d]", i), fmt.Sprintf("%q is under add too: keep one", ext)}
		}
		j.except[ext] = true
	}
	return nil
}

func setOf(list []string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, s := range list {
		m[s] = true
	}
	return m
}

// Version is the pack's.
func (j *Judge) Version() string { return j.version }

// Mild tells a kind that is worth a warning only.
func (j *Judge) Mild(k Kind) bool { return j.mild[k] }

// Worse is the kind of two that weighs more, the first of equal ones.
func (j *Judge) Worse(a, b Kind) Kind {
	if a == None || j.mild[a] && b != None && !j.mild[b] {
		return b
	}
	return a
}

// Content is the kind of a file by the media type that its content tells.
func (j *Judge) Content(mediaType string) Kind { return j.types[mediaType] }

// Label is the kind of a part without a name by the media type that the mail gives it: programs make a name of it, with
// the extension that the type has on their machine.
func (j *Judge) Label(mediaType, content string) Kind {
	k := j.labels[mediaType]
	if k == None || content != "" && content != "application/octet-stream" && !strings.HasPrefix(content, "text/") {
		return None
	}
	return k
}

// Excepted tells whether the administrator lets files of this kind pass that are called so: by all of their names.
func (j *Judge) Excepted(names []string, k Kind) bool {
	for _, name := range names {
		ext := Extension(name)
		if !j.except[ext] || j.packed[ext] != k && !(j.macros[ext] && (k == Macro || k == MacroAutorun)) {
			return false
		}
	}
	return len(names) > 0
}

// LooksInnocent tells whether a name is that of a document.
func (j *Judge) LooksInnocent(names []string) bool { return j.anyIn(names, j.documents) }

// NoArchive tells whether a name is that of a document that nobody takes for an archive.
func (j *Judge) NoArchive(names []string) bool { return j.anyIn(names, j.containers) }

func (j *Judge) anyIn(names []string, set map[string]bool) bool {
	return slices.ContainsFunc(names, func(name string) bool { return set[Extension(name)] })
}

// extension is the kind of an extension on a file of a media type.
func (j *Judge) extension(ext, mediaType string) Kind {
	k := j.kinds[ext]
	if k == None || j.except[ext] {
		return None
	}
	for _, t := range j.unless[ext] {
		if mediaType == t || strings.HasSuffix(t, "/") && strings.HasPrefix(mediaType, t) {
			return None
		}
	}
	return k
}
