package rules

import (
	"context"
	"maps"
	"slices"
	"strings"

	"congthu/filter/extract"
	"congthu/rules/attachmenttype"
)

// maxRiskyFiles is how many files in one leaf are told apart; what is found in further ones counts for the leaf.
const maxRiskyFiles = 64

// leafRisks is what makes a leaf and the files in it dangerous. The leaf's own names are judged for each message anew:
// it is remembered by content.
type leafRisks struct {
	files   []riskyFile
	content attachmenttype.Kind // of the leaf itself, by its content
	archive bool                // the leaf is an archive that no document is
}

// riskyFile is a dangerous file in a leaf, or the leaf.
type riskyFile struct {
	path, sha256 string
	kinds        []attachmenttype.Kind
}

// fileRisks looks for dangerous files in one leaf. It keeps kinds, never names.
type fileRisks struct {
	judge *attachmenttype.Judge
	out   leafRisks
	at    map[string]int // in out.files, by path
	seen  map[string]seenFile
	leaf  []string // names of the leaf
	// called counts the kinds of names that were told of files in a file, until those files come themselves: some never
	// do, because they are encrypted.
	called map[string]map[attachmenttype.Kind]int
}

// seenFile is what matters of a file for those inside of it.
type seenFile struct {
	mediaType string
	book      bool // scripts in it run in a reader's sandbox
	macros    bool // the administrator lets its macros pass
}

// newFilesRisks begins the looking into one message.
func newFilesRisks(j *attachmenttype.Judge) extract.NewConsumers {
	return func(context.Context) extract.NewConsumer {
		return func() extract.Consumer {
			return &fileRisks{judge: j, at: map[string]int{}, seen: map[string]seenFile{}, called: map[string]map[attachmenttype.Kind]int{}}
		}
	}
}

// File implements extract.Consumer.
func (r *fileRisks) File(f *extract.File) {
	if f.Path == "" {
		r.leaf = f.Names
		r.seen[""] = seenFile{mediaType: f.Type, book: f.Type == "application/epub+zip" && allEnd(f.Names, "epub")}
		r.out.content = r.judge.Content(f.Type)
		r.out.archive = isArchive(f.Type)
		return
	}
	parent := parentPath(f.Path)
	around := r.seen[parent]
	names := r.own(f)
	r.seen[f.Path] = seenFile{mediaType: f.Type, book: f.Type == "application/epub+zip" && allEnd(names, "epub"),
		macros: around.macros || r.judge.Excepted(names, attachmenttype.Macro)}
	kind := attachmenttype.None
	for _, name := range names {
		if told := r.judge.Name(name, ""); r.called[parent][told] > 0 {
			r.called[parent][told]--
		}
		kind = r.judge.Worse(kind, r.name(name, f.Type, around))
	}
	kind = r.judge.Worse(kind, contentKind(r.judge, names, r.judge.Content(f.Type)))
	if isArchive(f.Type) && r.judge.NoArchive(names) {
		kind = r.judge.Worse(kind, attachmenttype.Disguised)
	}
	if around.mediaType == "application/onenote" && mayRun(f.Type) {
		kind = r.judge.Worse(kind, attachmenttype.Embedded)
	}
	r.add(f.Path, f.SHA256, kind)
}

// contentKind is the kind that the content of a file has, for its names.
func contentKind(j *attachmenttype.Judge, names []string, content attachmenttype.Kind) attachmenttype.Kind {
	switch {
	case content == attachmenttype.None, j.Excepted(names, content):
		return attachmenttype.None
	case j.LooksInnocent(names):
		return attachmenttype.Disguised
	}
	return content
}

// name is the kind of a file by a name. In a book scripts are ordinary.
func (r *fileRisks) name(name, mediaType string, around seenFile) attachmenttype.Kind {
	k := r.judge.Name(name, mediaType)
	if around.book && k == attachmenttype.Script {
		return attachmenttype.None
	}
	return k
}

// own are the names that a file has by itself: what is in a compressed leaf is called as the leaf is, which another
// message may call otherwise.
func (r *fileRisks) own(f *extract.File) []string {
	if strings.Trim(f.Path, "/1") != "" {
		return f.Names
	}
	return slices.DeleteFunc(slices.Clone(f.Names), r.leafs)
}

// leafs tells a name that is the leaf's without the ending of its compression.
func (r *fileRisks) leafs(name string) bool {
	switch r.seen[""].mediaType {
	case "application/gzip", "application/x-bzip2", "application/x-xz", "application/zstd", "application/x-lzma", "application/lzip":
	default:
		return false
	}
	return slices.ContainsFunc(r.leaf, func(leaf string) bool { return strings.HasPrefix(leaf, strings.TrimSuffix(name, ".tar")) })
}

// Fact implements extract.Consumer.
func (r *fileRisks) Fact(f *extract.File, fact extract.Fact) {
	kind := attachmenttype.None
	switch fact {
	case extract.Macro:
		kind = attachmenttype.Macro
	case extract.MacroAutorun:
		kind = attachmenttype.MacroAutorun
	case extract.DDE:
		kind = attachmenttype.DDE
	case extract.RemoteTemplate:
		kind = attachmenttype.RemoteTemplate
	case extract.Launch:
		kind = attachmenttype.Launch
	case extract.Obfuscated:
		kind = attachmenttype.Obfuscated
	case extract.Script:
		kind = scriptIn(f.Type)
	case extract.Installer:
		if f.Path == "" {
			r.out.content = attachmenttype.Executable
			return
		}
		kind = contentKind(r.judge, f.Names, attachmenttype.Executable)
	case extract.Archive:
		switch {
		case f.Type != "application/zip": // behind something else, which its name may be of
		case f.Path == "":
			r.out.archive = true
		case r.judge.NoArchive(r.own(f)):
			kind = attachmenttype.Disguised
		}
	}
	if r.seen[f.Path].macros && (kind == attachmenttype.Macro || kind == attachmenttype.MacroAutorun) {
		return
	}
	r.add(f.Path, f.SHA256, kind)
}

// scriptIn is the kind of a script in a file of a media type.
func scriptIn(mediaType string) attachmenttype.Kind {
	switch mediaType {
	case "application/pdf":
		return attachmenttype.PDFScript
	case "text/html", "application/xhtml+xml":
		return attachmenttype.Smuggling
	}
	return attachmenttype.SVGScript
}

// Text implements extract.Consumer. Names are all that it looks at.
func (r *fileRisks) Text(f *extract.File, t extract.Text) {
	if t.Kind != extract.FileName || r.leafs(t.Value) {
		return
	}
	k := r.name(t.Value, "", r.seen[f.Path])
	if k == attachmenttype.None {
		return
	}
	if r.called[f.Path] == nil {
		r.called[f.Path] = map[attachmenttype.Kind]int{}
	}
	r.called[f.Path][k]++
}

// PassOver implements extract.Passer.
func (r *fileRisks) PassOver(_ *extract.File, t extract.Text) bool { return t.Kind != extract.FileName }

// Outcome implements extract.Consumer: a leafRisks.
func (r *fileRisks) Outcome() (outcome any, sure bool) {
	for _, path := range slices.Sorted(maps.Keys(r.called)) {
		for _, k := range slices.Sorted(maps.Keys(r.called[path])) {
			if r.called[path][k] > 0 {
				r.add(path, "", k)
			}
		}
	}
	return r.out, true
}

func (r *fileRisks) add(path, sha256 string, k attachmenttype.Kind) {
	if k == attachmenttype.None {
		return
	}
	i, known := r.at[path]
	if !known && len(r.out.files) >= maxRiskyFiles {
		path, sha256 = "", ""
		i, known = r.at[path]
	}
	if !known {
		i = len(r.out.files)
		r.at[path] = i
		r.out.files = append(r.out.files, riskyFile{path: path, sha256: sha256})
	}
	if file := &r.out.files[i]; !slices.Contains(file.kinds, k) {
		file.kinds = append(file.kinds, k)
	}
}

func parentPath(path string) string { return path[:max(0, strings.LastIndexByte(path, '/'))] }

func allEnd(names []string, ext string) bool {
	return len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return attachmenttype.Extension(n) != ext })
}

// isArchive tells archives of several files by their type. What zip is an archive, and what is a document, a fact tells.
func isArchive(mediaType string) bool {
	switch mediaType {
	case "application/x-7z-compressed", "application/x-rar-compressed", "application/x-rar", "application/vnd.rar", "application/vnd.ms-cab-compressed",
		"application/x-arj", "application/x-ace-compressed", "application/x-lzh-compressed":
		return true
	}
	return false
}

// mayRun tells files in a notebook that are neither seen nor read: programs, scripts, archives, and what nobody knows.
func mayRun(mediaType string) bool {
	for _, t := range [...]string{"image/", "audio/", "video/", "application/pdf", "application/msword", "application/vnd.openxmlformats", "application/vnd.oasis",
		"application/vnd.ms-excel", "application/vnd.ms-powerpoint", "application/x-ole-storage", "text/csv", "text/rtf"} {
		if strings.HasPrefix(mediaType, t) {
			return false
		}
	}
	return true
}
