package extract

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what is made of scripts in pages.
const (
	smallScript   = 96 << 10 // octets of a script without its data; longer ones are libraries, which can do everything
	literalBytes  = 128      // from which on a text in a script is data
	packedBytes   = 1 << 10  // of data in a script that unpacks what it shows
	maxSmuggled   = 20       // files in scripts of one page that are looked into
	manyObscured  = 50       // names that a program made, such as _0x4f3a2b
	manySigns     = 25       // letters that are spelled with signs alone, such as (![]+[])[+[]]
	dataURLLetter = 64       // octets of an address that tell its type
)

// smuggled looks for files that a page makes out of its own octets and gives to the reader, past those who look for
// attachments, and for scripts that unpack what they show or run. Ordinary scripts do nothing here: no mail program
// runs them.
type smuggled struct {
	o     out
	quiet bool // another reading of a page: its files were handed on
	files int

	code    []byte // of the script that is read, without its data and blanks, in small letters
	long    bool   // it is longer than smallScript
	base64  int    // octets of data in it
	percent int
	numbers int
	carries bool // its data is a file of a known kind
	told    map[Fact]bool
}

func (s *smuggled) fact(f Fact) {
	if s.told == nil {
		s.told = map[Fact]bool{}
	}
	if !s.told[f] {
		s.told[f] = true
		s.o.fact(f)
	}
}

// begin begins a script. Words of one script do not count for another.
func (s *smuggled) begin() {
	s.code, s.long, s.carries = s.code[:0], false, false
	s.base64, s.percent, s.numbers = 0, 0, 0
}

// add takes a piece of a script.
func (s *smuggled) add(text string) error {
	rest := squeeze(text)
	if n := literal(rest); n >= literalBytes && s.data(rest[:n]) { // the rest of data that began in the piece before
		rest = rest[n:]
	}
	for {
		i := strings.IndexAny(rest, "\"'`[")
		if i < 0 {
			s.append(rest)
			return nil
		}
		s.append(rest[:i+1])
		rest = rest[i+1:]
		if head, ok := dataHead(rest); ok { // "data:application/zip;base64,UEsDB…"
			s.append(head)
			rest = rest[len(head):]
		}
		if n := literal(rest); n >= literalBytes && s.data(rest[:n]) {
			if err := s.file(rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
	}
}

// literal is how many octets go by before something that stands in no data.
func literal(s string) int {
	if n := strings.IndexAny(s, "\"'`[](){};<>"); n >= 0 {
		return n
	}
	return len(s)
}

func (s *smuggled) append(code string) {
	code = spelledOut(code)
	if s.long = s.long || len(s.code)+len(code) > smallScript; !s.long {
		s.code = append(s.code, strings.ToLower(code)...)
	}
}

// squeeze takes blanks away, and the places where texts are put together of pieces.
func squeeze(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
	for _, seam := range [...]string{`"+"`, `'+'`, "`+`", `"+'`, `'+"`} {
		s = strings.ReplaceAll(s, seam, "")
	}
	return s
}

// data tells text that is no language, and counts it by how it is written.
func (s *smuggled) data(text string) bool {
	letters, numbers, percent := true, true, 0
	for i := range len(text) {
		c := text[i]
		digit := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		letters = letters && (digit || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '+' || c == '/' || c == '=' || c == '-' || c == '_')
		numbers = numbers && (digit || c == ',' || c == 'x' || c == '-')
		if c == '%' || c == '\\' {
			percent++
		}
	}
	switch {
	case percent > len(text)/8:
		s.percent += len(text)
	case letters:
		s.base64 += len(text)
	case numbers && strings.Count(text, ",") > len(text)/8:
		s.numbers += len(text)
	default:
		return false
	}
	return true
}

// file hands on what a text in Base64 holds, where that is a file.
func (s *smuggled) file(text string) error {
	text = strings.TrimRight(text, "=")
	b, err := base64.RawStdEncoding.DecodeString(text[:len(text)&^3])
	if err != nil || !looksLikeFile(b) {
		return nil
	}
	s.carries = true
	if s.files++; s.quiet || s.files > maxSmuggled {
		return nil
	}
	return s.o.member(nil, bytes.NewReader(b))
}

// looksLikeFile tells the files that are sent in pages: archives, images of disks, programs, documents.
func looksLikeFile(b []byte) bool {
	for _, mark := range [...]string{"PK\x03\x04", "MZ", "Rar!", "7z\xbc\xaf", "\xd0\xcf\x11\xe0", "L\x00\x00\x00\x01\x14\x02", "MSCF", "vhdxfile", "\x7fELF", pdfMark, "{\\rtf"} {
		if bytes.HasPrefix(b, []byte(mark)) {
			return true
		}
	}
	const volume = 0x8001 // of ISO 9660
	return len(b) > volume+5 && string(b[volume:volume+5]) == "CD001"
}

// end judges the script that was read.
func (s *smuggled) end() {
	if s.carries && (s.long || hasAny(s.code, "blob", "createobjecturl", "download", "atob(") || leadsToData(s.code)) || !s.long && leadsToFile(s.code) {
		s.fact(Script)
	}
	if s.long || len(s.code) == 0 {
		return
	}
	unpacks := hasAny(s.code, "atob(", "uint8array", "fromcharcode", "frombase64", "charcodeat")
	makes := unpacks || hasAny(s.code, "newblob(", "newfile(", "blob(", `"blob"`, "'blob'")
	saves := hasAny(s.code, "createobjecturl", ".download=", "download'", `download"`, "msclick", "showsavefilepicker")
	text := hasAny(s.code, "text/csv", "text/plain", "application/json", "image/png", "image/svg", "image/jpeg") && s.base64+s.percent+s.numbers == 0 && !unpacks
	if hasAny(s.code, "mssaveblob", "mssaveoropenblob") && !text || makes && saves && !text {
		s.fact(Script)
	}
	shows := hasAny(s.code, "settimeout(", "setinterval(", ".constructor(", "function(atob(", "function(unescape(", "function(decodeuri", ".text=", "document.write", "eval(", "newfunction(", "innerhtml", "srcdoc", "location=", "location.href=", "location.replace(", "location.assign(",
		"insertadjacenthtml", "parsefromstring(", `["write`, "['write")
	packed := s.base64 >= packedBytes && hasAny(s.code, "atob(", "uint8array", "fromcharcode", "frombase64", "charcodeat") ||
		s.percent >= packedBytes && hasAny(s.code, "unescape(", "decodeuri", "eval(", "document.write") ||
		s.numbers >= packedBytes && hasAny(s.code, "fromcharcode", "uint8array")
	backward := s.base64 >= packedBytes && hasAny(s.code, "reverse().join(", "reverse()['join'](", `reverse()["join"](`)
	if packed && shows || backward || bytes.Count(s.code, []byte("_0x")) >= manyObscured || bytes.Count(s.code, []byte("[+[]]")) >= manySigns {
		s.fact(Obfuscated)
	}
	s.begin()
}

func hasAny(code []byte, words ...string) bool {
	for _, w := range words {
		if bytes.Contains(code, []byte(w)) {
			return true
		}
	}
	return false
}

// address looks at an address of a page that holds what it leads to (RFC 2397). shown are those that the page itself
// shows or goes to, such as a frame's; given are links that the reader saves.
func (s *smuggled) address(address string, shown, given bool) error {
	head := strings.ToLower(squeeze(address[:min(len(address), dataURLLetter)]))
	switch {
	case given && (strings.HasPrefix(head, "data:") || strings.HasPrefix(head, "blob:")):
		s.fact(Script)
	case !strings.HasPrefix(head, "data:"):
		return nil
	case shown && !harmlessData(head[len("data:"):]):
		s.fact(Script)
	}
	if _, data, ok := strings.Cut(address, ";base64,"); ok && (shown || given) {
		return s.file(squeeze(data))
	}
	return nil
}

// harmlessData tells the types that a page may show out of its own octets: pictures, sound, text, documents of PDF.
func harmlessData(mediaType string) bool {
	for _, t := range [...]string{"image/", "audio/", "video/", "font/", "text/plain", "text/css", ",", ";", "application/pdf"} {
		if strings.HasPrefix(mediaType, t) {
			return !strings.HasPrefix(mediaType, "image/svg")
		}
	}
	return false
}

// refresh is the address in the content of a field that leads on: "0; url=data:text/html,…".
func refresh(value string) string {
	if i := strings.Index(strings.ToLower(value), "url="); i >= 0 {
		return strings.Trim(value[i+len("url="):], " '\"")
	}
	return ""
}
