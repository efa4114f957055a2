package message

import (
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// charsetDecoder finds the decoder of a charset by any of its names; nil for UTF-8, ASCII and
// for what is unknown: those are read by lenientUTF8.
func charsetDecoder(name string) transform.Transformer {
	name = strings.ToLower(strings.Trim(name, " \t\"'"))
	switch name {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "ansi_x3.4-1968", "unknown-8bit", "8bit", "7bit", "binary":
		return nil
	case "utf-7", "unicode-1-1-utf-7", "utf7":
		return new(utf7)
	case "tcvn3", "x-tcvn3", "x-viet-tcvn3", "tcvn5712-3", "tcvn-5712-3", "vscii-3", "abc":
		return new(tcvn3)
	case "tcvn", "x-tcvn", "x-viet-tcvn", "tcvn-5712", "tcvn5712", "x-viet-tcvn5712", "tcvn5712-1", "tcvn-5712-1", "tcvn5712-1:1993", "vscii", "vscii-1", "iso-ir-180":
		return octets{table: tcvnTable}
	case "viscii", "csviscii", "viscii1.1-1", "x-viscii", "x-viet-viscii":
		return octets{table: visciiTable}
	case "vni", "x-vni", "x-viet-vni", "vni-windows", "vni-win":
		return vni{}
	case "viqr", "csviqr", "x-viqr":
		return viqr{}
	case "utf-16", "unicode", "csunicode": // RFC 2781 section 4.3
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder()
	case "utf-32", "utf-32be":
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM).NewDecoder()
	case "utf-32le":
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM).NewDecoder()
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		// ianaindex knows names without an implementation: then it returns nil and no error.
		if enc, err = ianaindex.MIME.Encoding(name); err != nil || enc == nil {
			if enc, err = ianaindex.IANA.Encoding(name); err != nil || enc == nil {
				return nil
			}
		}
	}
	if enc == encoding.Replacement {
		return nil // HTML forbids it; its octets stay readable
	}
	return enc.NewDecoder()
}

// charsetReader decodes r to UTF-8 in NFC: windows-1258 writes Vietnamese letters decomposed.
func charsetReader(name string, r io.Reader) io.Reader {
	dec := charsetDecoder(name)
	if dec == nil {
		return &settledReader{src: r}
	}
	return norm.NFC.Reader(transform.NewReader(r, dec))
}

// decodeString decodes octets to UTF-8 in NFC.
func decodeString(b []byte, charset string) string {
	if dec := charsetDecoder(charset); dec != nil {
		if out, _, err := transform.Bytes(dec, b); err == nil {
			return NFC(string(out))
		}
	}
	return readable(string(b))
}

// readable is s in NFC; what is no UTF-8 is read in the charset that its words show, or as Latin-1,
// so that no octet is lost.
func readable(s string) string {
	if isASCII(s) {
		return s
	}
	if !utf8.ValidString(s) {
		if guess := bestGuess(s, false); guess != "" {
			return NFC(string(decodeWith(guessDecoder(guess), []byte(s))))
		}
	}
	return latin1(s)
}

// latin1 is s in NFC with what is no UTF-8 read as Latin-1.
func latin1(s string) string {
	if !utf8.ValidString(s) {
		var b strings.Builder
		b.Grow(len(s) + len(s)/2)
		for i := 0; i < len(s); {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				r = rune(s[i])
			}
			b.WriteRune(r)
			i += n
		}
		s = b.String()
	}
	return NFC(s)
}

func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// lenientUTF8 passes UTF-8 on and turns every octet that is none into its Latin-1 letter.
type lenientUTF8 struct{ transform.NopResetter }

func (lenientUTF8) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if src[nSrc] < utf8.RuneSelf {
			if nDst == len(dst) {
				return nDst, nSrc, transform.ErrShortDst
			}
			dst[nDst] = src[nSrc]
			nDst++
			nSrc++
			continue
		}
		if !atEOF && !utf8.FullRune(src[nSrc:]) {
			return nDst, nSrc, transform.ErrShortSrc
		}
		r, n := utf8.DecodeRune(src[nSrc:])
		if r == utf8.RuneError && n == 1 {
			r = rune(src[nSrc])
		}
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += n
	}
	return nDst, nSrc, nil
}
