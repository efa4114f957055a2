package attachmenttype

import (
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Limits of one name.
const (
	maxName  = 8 << 10 // octets from its end that are looked at
	maxForms = 32      // ways to read it
	maxGzips = 4       // endings of compression behind each other
)

// What counts as padding between a name and its extension.
const (
	manyBlanks  = 3 // characters that look blank
	manyFillers = 8 // dots, dashes and underscores
)

// rightToLeft shows the letters behind it from right to left: "annex\u202Efdp.exe" looks like "annexexe.pdf".
const rightToLeft = '\u202E'

// Name is the kind of a file by one of its names; mediaType is what its content tells, "" when nobody knows. Names are
// read as the programs do that store and open files: without the folders, without dots and blanks at the end, which
// Windows drops, with the stream of NTFS apart, without what cannot be seen.
func (j *Judge) Name(name, mediaType string) Kind {
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[len(name)-maxName:], "")
	}
	if strings.ContainsRune(name, rightToLeft) {
		return RightToLeft
	}
	worst := None
	for _, f := range forms(name) {
		if strings.ContainsRune(f.name, rightToLeft) {
			return RightToLeft
		}
		worst = j.Worse(worst, j.form(f, mediaType))
	}
	return worst
}

// form is one way to read a name.
type form struct {
	name   string
	stream bool // it is not what the whole name ends in
}

// forms are the ways to read a name.
func forms(name string) []form {
	whole := []string{name}
	if strings.Contains(name, "%") {
		if s, err := url.PathUnescape(name); err == nil && s != name {
			whole = append(whole, s)
		}
	}
	var out []form
	for _, s := range whole {
		if before, after, ok := strings.Cut(s, "\x00"); ok { // programs in C see the beginning, others leave the NUL out
			out = append(out, form{name: base(before)})
			s = before + strings.ReplaceAll(after, "\x00", "")
		}
		out = append(out, pieces(base(s))...)
	}
	return out[:min(len(out), maxForms)]
}

// base is a name without the folders before it and the quotes around it.
func base(s string) string {
	s = strings.Trim(s, "\"'<>` \t\r\n")
	s = strings.TrimRight(s, `/\`)
	return s[strings.LastIndexAny(s, `/\`)+1:]
}

// pieces parts a name from its stream ([MS-FSCC] 2.1.5): "a.exe::$DATA" is a.exe, and so is "a.txt:b.exe" of both.
func pieces(s string) []form {
	if !strings.Contains(s, ":") {
		return []form{{name: s}}
	}
	list := strings.SplitN(s, ":", maxForms)
	var out []form
	for i, p := range list {
		out = append(out, form{name: p, stream: i < len(list)-1})
	}
	return out
}

// form is the kind of a name in one way to read it.
func (j *Judge) form(f form, mediaType string) Kind {
	stem, raw, ok := lastDot(f.name)
	if !ok {
		return None
	}
	ext := plain(raw)
	for n := 0; ok && n < maxGzips && isCompression(ext); n++ { // what is in it is called as the rest says
		stem, raw, ok = lastDot(stem)
		ext = plain(raw)
	}
	if isClassID(ext) {
		return ClassID
	}
	kind := j.extension(ext, mediaType)
	shown, blanks, fillers := trimmed(visible(stem))
	before := Extension(shown)
	switch {
	case kind == None && j.pages[ext] && j.documents[before]:
		return DoublePage
	case kind == None:
		return None
	case f.stream:
		return Stream
	case raw != visible(raw):
		return Invisible
	case blanks >= manyBlanks || fillers >= manyFillers:
		return Padded
	case j.documents[before]:
		return Double
	}
	return kind
}

// Extension is what stands behind a name's last dot, in lower case, without what cannot be seen.
func Extension(name string) string {
	_, ext, ok := lastDot(base(name))
	if !ok {
		return ""
	}
	return plain(ext)
}

// lastDot parts a name at its last dot, without dots and blanks at its end.
func lastDot(name string) (stem, ext string, ok bool) {
	name = strings.TrimRightFunc(name, func(r rune) bool { return r == '.' || isBlank(r) || isInvisible(r) })
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", "", false
	}
	return name[:i], name[i+1:], true
}

// plain is an extension as it compares: some programs turn wide letters into plain ones.
func plain(ext string) string { return strings.ToLower(norm.NFKC.String(visible(ext))) }

// visible is a name without what cannot be seen.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if isInvisible(r) {
			return -1
		}
		return r
	}, s)
}

// trimmed takes padding away from a name's end, and counts it.
func trimmed(s string) (rest string, blanks, fillers int) {
	rest = strings.TrimRightFunc(s, func(r rune) bool {
		switch {
		case isBlank(r):
			blanks++
		case r == '.' || r == '_' || r == '-':
			fillers++
		default:
			return false
		}
		return true
	})
	return rest, blanks, fillers
}

// isBlank tells characters that take room and show nothing.
func isBlank(r rune) bool {
	switch r {
	case 0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0: // fillers of Hangul, the empty pattern of Braille
		return true
	}
	return unicode.IsSpace(r) || unicode.Is(unicode.Zs, r)
}

// isInvisible tells characters that show nothing and take no room: those of format, selectors of variants, controls.
func isInvisible(r rune) bool {
	switch {
	case r == 0x034F, r == 0x17B4, r == 0x17B5, r >= 0x180B && r <= 0x180F, r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0000 && r <= 0xE0FFF:
		return true
	}
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Cc, r) && !unicode.IsSpace(r)
}

// isCompression tells the extensions of single compressed files, which keep the name of what is in them.
func isCompression(ext string) bool {
	switch ext {
	case "br", "bz2", "gz", "lz", "lz4", "lzma", "xz", "z", "zst":
		return true
	}
	return false
}

// isClassID tells the identifier of a class, "{3050f4d8-98b5-11cf-bb82-00aa00bdce0b}": Explorer opens a file that ends in
// one with that class and does not show it.
func isClassID(ext string) bool {
	const like = "{00000000-0000-0000-0000-000000000000}"
	if len(ext) != len(like) {
		return false
	}
	for i := range len(like) {
		hex := ext[i] >= '0' && ext[i] <= '9' || ext[i] >= 'a' && ext[i] <= 'f'
		if like[i] == '0' && !hex || like[i] != '0' && ext[i] != like[i] {
			return false
		}
	}
	return true
}
