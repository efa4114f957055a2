package extract

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"congthu/filter/message"
)

// readText reads plain text. A leaf's charset is what the message says, and what the letters say beside it;
// of a file inside of another only the letters speak.
func readText(_ context.Context, in *input, o out) error {
	if ofSheet(in.file) {
		o = csvOut{o}
		symbolicLink(in, o)
	}
	if _, wide := wideText(in.head); wide || !in.leaf || in.part == nil { // Windows programs write it, whatever the message says
		return readUnlabelled(in.content, Body, o)
	}
	readings, err := in.part.Texts()
	if err != nil {
		return err
	}
	escaped := false
	for i, r := range readings {
		seen, err := streamEscaped(r.Open(), Text{Kind: Body, Reading: i}, o)
		if err != nil {
			return err
		}
		escaped = escaped || seen
	}
	if !escaped {
		return nil
	}
	return stream(unescaped(readings[0].Open()), Text{Kind: Body, Reading: len(readings)}, o)
}

// readDoubtful reads what the message calls text and what does not look like it: whatever a program shows of it is
// looked at, and what else it may be is not.
func readDoubtful(ctx context.Context, in *input, o out) error {
	if err := readText(ctx, in, o); err != nil {
		return err
	}
	return stop{UnknownType}
}

// unlabelledText is how much of a text without a label is read in charsets other than its own.
const unlabelledText = 1 << 20

// readUnlabelled reads octets that nothing says the charset of.
func readUnlabelled(c content, kind Kind, o out) error {
	r := io.NewSectionReader(c, 0, c.Size())
	head := make([]byte, min(c.Size(), unlabelledText))
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	open := func() io.Reader { return io.NewSectionReader(c, 0, c.Size()) }
	if decode, ok := wideText(head); ok {
		open = func() io.Reader { return decode(io.NewSectionReader(c, 0, c.Size())) }
	}
	if _, wide := wideText(head); wide || utf8.Valid(trimRune(head)) {
		escaped, err := streamEscaped(open(), Text{Kind: kind}, o)
		if err != nil || !escaped {
			return err
		}
		return stream(unescaped(open()), Text{Kind: kind, Reading: 1}, o)
	}
	for i, reading := range message.Readings(head, "") {
		if err := o.text(Text{Kind: kind, Reading: i, Value: reading.Text}); err != nil {
			return err
		}
	}
	if c.Size() > unlabelledText {
		o.miss(message.TooBig)
	}
	return nil
}

// trimRune takes a rune that is cut off at the end away.
func trimRune(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// wideText tells UTF-16 and UTF-32 and gives what decodes them.
func wideText(head []byte) (decode func(io.Reader) io.Reader, ok bool) {
	var wide encoding.Encoding
	switch order, is := byteOrder(head); {
	case bytes.HasPrefix(head, []byte("\xff\xfe\x00\x00")): // no UTF-16 text begins with a zero
		wide = utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case bytes.HasPrefix(head, []byte("\x00\x00\xfe\xff")):
		wide = utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case is:
		wide = unicode.UTF16(order, unicode.UseBOM)
	default:
		return nil, false
	}
	return func(r io.Reader) io.Reader { return wide.NewDecoder().Reader(r) }, true
}

// byteOrder tells UTF-16 by its mark, or by zero octets in every second place.
func byteOrder(head []byte) (unicode.Endianness, bool) {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return unicode.LittleEndian, true
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return unicode.BigEndian, true
	}
	if len(head) < 8 {
		return unicode.LittleEndian, false
	}
	var zeros [2]int
	for i, b := range head[:min(len(head), 512)] {
		if b == 0 {
			zeros[i%2]++
		}
	}
	half := min(len(head), 512) / 2
	switch {
	case zeros[1] > half/2 && zeros[0] <= half/20:
		return unicode.LittleEndian, letters16(head, binary.LittleEndian)
	case zeros[0] > half/2 && zeros[1] <= half/20:
		return unicode.BigEndian, letters16(head, binary.BigEndian)
	}
	return unicode.LittleEndian, false
}

// letters16 tells text in UTF-16 from other octets with many zeros: it has hardly any control characters, and nothing that
// is no character.
func letters16(head []byte, order binary.ByteOrder) bool {
	units, bad := min(len(head), 512)/2, 0
	for i := range units {
		switch u := order.Uint16(head[2*i:]); {
		case u < ' ' && u != '\t' && u != '\r' && u != '\n' && u != '\f', u >= 0x7f && u < 0xa0, u >= 0xe000 && u < 0xf900, u > 0xfffd:
			bad++
		}
	}
	return bad <= units/50
}

// streamStart is the room that a text is first given, in octets: most are short.
const streamStart = 8 << 10

// stream passes on all of r in pieces. Pieces end with a line, where there is one.
func stream(r io.Reader, t Text, o out) error {
	buf := make([]byte, 0, streamStart)
	for {
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		if !last && cap(buf) < 2*MaxPiece {
			buf = append(make([]byte, 0, 4*cap(buf)), buf...)
			continue
		}
		for len(buf) > MaxPiece || last && len(buf) > 0 {
			piece := string(buf)
			if len(buf) > MaxPiece {
				piece = cut(piece)
			}
			t.Value = piece
			if err := o.text(t); err != nil {
				return err
			}
			buf = buf[:copy(buf, buf[len(piece):])]
		}
		if last {
			return nil
		}
	}
}
