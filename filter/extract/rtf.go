package extract

import (
	"bufio"
	"context"
	"errors"
	"io"

	"congthu/filter/message"
)

// Limits of RTF beyond those of all files.
const (
	rtfGroups = 1000    // groups open in each other; deeper: TooDeep
	rtfFonts  = 5000    // fonts that are remembered
	rtfWord   = 32      // letters of a control word; the specification's limit
	rtfDigits = 9       // of its number
	rtfName   = 4 << 10 // octets of the name of a template or of a shape's property
)

// readRTF reads Rich Text Format (version 1.9.1): its own tokenizer, for it is a language of a dozen signs.
func readRTF(ctx context.Context, in *input, o out) error {
	r := &rtfReader{in: bufio.NewReaderSize(io.NewSectionReader(in.content, 0, in.content.Size()), 32<<10), o: o, w: newWriter(o, Body),
		fonts: map[int]rtfFont{}, charset: "windows-1252"}
	r.w.as.Page = 1
	r.now.uc = 1
	err := r.read(ctx)
	return errors.Join(r.finish(), err)
}

// rtfReader is the reading of one document.
type rtfReader struct {
	in      *bufio.Reader
	o       out
	w       *writer
	fonts   map[int]rtfFont
	charset string // of the document
	usual   int    // the font of text that names none
	now     rtfState
	groups  []rtfState
	octets  []byte // text in a charset, not decoded yet
	skip    int    // characters left that stand for one that was read already
	high    rune   // first half of a character beyond the first 65536
	table   string // name of the font that is being defined
	object  rtfData
	field   fieldCode
	name    []byte // of a template or of a shape's property
	shape   string // the property whose value comes next
}

// rtfState is what a group has of its own.
type rtfState struct {
	dest     rtfDest
	font     int
	uc       int // how many characters follow one given by number, for readers that do not know it
	capitals bool
	as       Text // kind of text before the group; zero when the group did not change it
	starts   bool // nothing stands in the group yet
	optional bool // \* was read
}

// rtfFont is a font of the document's table.
type rtfFont struct {
	charset string
	font    font
}

// rtfDest says what a group's text is.
type rtfDest int

const (
	rtfText     rtfDest = iota
	rtfNothing          // is no text
	rtfFontName         // of the table of fonts
	rtfHex              // octets of an object, in hexadecimal
	rtfCode             // of a field
	rtfTemplate
	rtfShapeName
)

var errRTF = errors.New("reading RTF: it ends within a group")

func (r *rtfReader) read(ctx context.Context) error {
	for n := 0; ; n++ {
		if n&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if r.w.err != nil {
			return r.w.err
		}
		c, err := r.in.ReadByte()
		if err != nil {
			if errors.Is(err, io.EOF) && len(r.groups) > 0 {
				return errRTF
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		switch c {
		case '{':
			r.flush()
			if len(r.groups) == rtfGroups {
				return stop{message.TooDeep}
			}
			r.groups = append(r.groups, r.now)
			r.now.as, r.now.starts, r.now.optional = Text{}, true, false
			r.skip = 0
		case '}':
			if err := r.close(); err != nil {
				return err
			}
		case '\\':
			err = r.control()
		case '\r', '\n':
		default:
			err = r.octet(c)
		}
		if err != nil {
			return err
		}
	}
}

// close ends a group.
func (r *rtfReader) close() error {
	r.flush()
	r.skip, r.high = 0, 0
	n := len(r.groups)
	if n == 0 {
		return nil // more ends than beginnings: what follows is text to some readers
	}
	ended, before := r.now, r.groups[n-1]
	r.groups = r.groups[:n-1]
	r.now = before
	if ended.as != (Text{}) {
		r.w.line()
		r.w.to(ended.as)
	}
	if ended.dest == before.dest {
		return nil
	}
	switch ended.dest {
	case rtfFontName:
		r.table = ""
	case rtfHex:
		return r.object.end(r.o)
	case rtfCode:
		return r.field.end(r.o)
	case rtfTemplate:
		if remote(string(r.name)) {
			r.o.fact(RemoteTemplate)
		}
		r.name = r.name[:0]
	case rtfShapeName:
		r.shape, r.name = string(r.name), r.name[:0]
	}
	return nil
}

// finish passes on what waits.
func (r *rtfReader) finish() error {
	r.flush()
	err := errors.Join(r.object.end(r.o), r.field.end(r.o))
	return errors.Join(err, r.w.flush())
}

// control reads a control word or sign.
func (r *rtfReader) control() error {
	c, err := r.in.ReadByte()
	if err != nil {
		return errRTF
	}
	if c|0x20 < 'a' || c|0x20 > 'z' {
		return r.sign(c)
	}
	word := append(make([]byte, 0, rtfWord), c)
	number, has, negative := 0, false, false
	for digits := 0; ; {
		if c, err = r.in.ReadByte(); err != nil {
			break
		}
		switch {
		case !has && (c|0x20 >= 'a' && c|0x20 <= 'z') && len(word) < rtfWord:
			word = append(word, c)
			continue
		case c == '-' && !has && !negative:
			negative = true
			continue
		case c >= '0' && c <= '9' && digits < rtfDigits:
			number, has = number*10+int(c-'0'), true
			digits++
			continue
		case c != ' ':
			if err := r.in.UnreadByte(); err != nil {
				return err
			}
		}
		break
	}
	if negative {
		number = -number
	}
	return r.word(string(word), number, has)
}

// sign is a control sign.
func (r *rtfReader) sign(c byte) error {
	switch c {
	case '\'':
		var hex [2]byte
		if _, err := io.ReadFull(r.in, hex[:]); err != nil {
			return errRTF
		}
		high, ok := hexDigit(hex[0])
		low, ok2 := hexDigit(hex[1])
		if ok && ok2 {
			return r.octet(high<<4 | low)
		}
	case '*':
		r.now.optional = true
	case '~':
		return r.octet(' ')
	case '_':
		return r.octet('-')
	case '-':
		if r.fonts[r.now.font].font.charset != "" {
			return r.octet(0xad) // a letter in the old fonts
		}
	case '\\', '{', '}':
		return r.octet(c)
	case '\r', '\n':
		r.flush()
		r.w.line()
	}
	return nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// octet takes one octet of a group's text.
func (r *rtfReader) octet(c byte) error {
	if r.skip > 0 {
		r.skip--
		return nil
	}
	r.now.starts = false
	switch r.now.dest {
	case rtfText:
		if r.octets = append(r.octets, c); len(r.octets) >= pieceBytes {
			r.flush()
		}
	case rtfFontName:
		if c == ';' {
			r.defineFont()
		} else if len(r.table) < 64 {
			r.table += string(rune(c))
		}
	case rtfHex:
		r.object.digit(c)
	case rtfCode:
		r.field.add(string(rune(c)))
	case rtfTemplate, rtfShapeName:
		if len(r.name) < rtfName {
			r.name = append(r.name, c)
		}
	}
	return nil
}

// char takes a character given by number (\u): a letter of Unicode in 16 bits. Old fonts have letters of their own
// there too.
func (r *rtfReader) char(n int) {
	c := rune(uint16(n))
	r.skip = r.now.uc
	switch {
	case c >= 0xd800 && c < 0xdc00:
		r.high = c
		return
	case c >= 0xdc00 && c < 0xe000 && r.high != 0:
		c = (r.high-0xd800)<<10 + (c - 0xdc00) + 0x10000
	}
	r.high = 0
	switch r.now.dest {
	case rtfText:
		r.flush()
		r.style()
		r.w.text(string(c))
	case rtfCode:
		r.field.add(string(c))
	case rtfTemplate, rtfShapeName:
		if len(r.name) < rtfName {
			r.name = append(r.name, string(c)...)
		}
	}
}

// style tells the writer what text looks like here.
func (r *rtfReader) style() {
	f := r.fonts[r.now.font].font
	f.capitals = f.capitals || r.now.capitals
	r.w.style(f)
}

// flush decodes text that waits. In an old font it is left to the writer, as octets that became letters of windows-1252.
func (r *rtfReader) flush() {
	if len(r.octets) == 0 {
		return
	}
	r.style()
	r.w.text(r.decode(r.octets))
	r.octets = r.octets[:0]
}

func (r *rtfReader) decode(octets []byte) string {
	f := r.fonts[r.now.font]
	charset := f.charset
	switch {
	case f.font.charset != "":
		charset = "windows-1252"
	case charset == "":
		charset = r.charset
	}
	return message.Decode(charset, octets)
}
