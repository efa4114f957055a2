package message

import (
	"io"

	"golang.org/x/text/encoding/charmap"
)

// DecodeReader reads r as UTF-8 in NFC out of a charset by any of its names; what nobody knows is read as UTF-8.
// Octets that are none stay readable, as Latin-1. The only errors are those of r.
func DecodeReader(charset string, r io.Reader) io.Reader { return charsetReader(charset, r) }

// Decode is DecodeReader for octets in memory.
func Decode(charset string, octets []byte) string { return decodeString(octets, charset) }

// Reread reads a text anew that was written for a font with a charset of its own ("x-viet-tcvn3" for .VnTime,
// "x-viet-vni" for VNI-Times) and is stored as if its octets were letters of windows-1252, or of the private area
// that Windows gives fonts of symbols (U+F000 to U+F0FF). ok is false for a text with other letters: it is Unicode
// whatever its font is called.
func Reread(charset, text string) (reread string, ok bool) {
	octets := make([]byte, 0, len(text))
	for _, r := range text {
		c, known := charmap.Windows1252.EncodeRune(r)
		switch {
		case r < 0x100 || r >= 0xf000 && r < 0xf100:
			c = byte(r)
		case !known:
			return text, false
		}
		octets = append(octets, c)
	}
	return decodeString(octets, charset), true
}
