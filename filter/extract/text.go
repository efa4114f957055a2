package extract

import (
	"bytes"
	"context"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"

	"congthu/filter/message"
)

// readText reads plain text. A leaf's charset is what the message says, and what the letters say beside it;
// of a file inside of another only the letters speak.
func readText(_ context.Context, in *input, o out) error {
	if ofSheet(in.file) {
		o = csvOut{o}
	}
	if order, ok := byteOrder(in.head); ok && in.leaf { // Windows programs write it, whatever the message says
		r := io.NewSectionReader(in.content, 0, in.content.Size())
		return stream(unicode.UTF16(order, unicode.UseBOM).NewDecoder().Reader(r), Text{Kind: Body}, o)
	}
	if _, utf16 := byteOrder(in.head); !utf16 && in.leaf && in.part != nil {
		readings, err := in.part.Texts()
		if err != nil {
			return err
		}
		for i, r := range readings {
			if err := stream(r.Open(), Text{Kind: Body, Reading: i}, o); err != nil {
				return err
			}
		}
		return nil
	}
	return readUnlabelled(in.content, Body, o)
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
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if utf16, ok := byteOrder(head); ok {
		return stream(unicode.UTF16(utf16, unicode.UseBOM).NewDecoder().Reader(r), Text{Kind: kind}, o)
	}
	if utf8.Valid(trimRune(head)) {
		return stream(r, Text{Kind: kind}, o)
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
		return unicode.LittleEndian, true
	case zeros[0] > half/2 && zeros[1] <= half/20:
		return unicode.BigEndian, true
	}
	return unicode.LittleEndian, false
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
