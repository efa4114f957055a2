package message

import (
	"bytes"
	"errors"
	"io"
	"math/bits"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// NFC is s in NFC, like norm.NFC.String; text that is so already, as nearly all is, is told in a tenth of the time.
func NFC(s string) string {
	if settled(s) == len(s) {
		return s
	}
	return norm.NFC.String(s)
}

// CleanNFC is s as UTF-8 in NFC: octets that are no UTF-8 become U+FFFD.
func CleanNFC(s string) string {
	if settled(s) == len(s) { // which tells UTF-8 too
		return s
	}
	return norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
}

// settled is how many octets s begins with that are UTF-8 in NFC and stay so before anything but what joins the last
// letter: each rune begins anew and is its own NFC. Octets beyond ASCII are found eight at a time.
func settled[T string | []byte](s T) int {
	const eight = 8
	i := 0
	for i+eight <= len(s) {
		b := s[i : i+eight]
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		high := w & 0x8080808080808080
		if high == 0 {
			i += eight
			continue
		}
		i += bits.TrailingZeros64(high) / eight
		if i+eight > len(s) {
			break
		}
		n := settledAt(s, i)
		if n == 0 {
			return i
		}
		i += n
	}
	for i < len(s) {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		n := settledAt(s, i)
		if n == 0 {
			break
		}
		i += n
	}
	return i
}

// settledAt is settledRune for the rune beyond ASCII at i.
func settledAt[T string | []byte](s T, i int) int {
	c := s[i]
	// U+0080 to U+02FF, and U+1E80 to U+1EFF, which has most letters of Vietnamese.
	if c >= 0xc2 && c <= 0xcb && i+1 < len(s) && s[i+1]&0xc0 == 0x80 {
		return 2
	}
	if c == 0xe1 && i+2 < len(s) && (s[i+1] == 0xba || s[i+1] == 0xbb) && s[i+2]&0xc0 == 0x80 {
		return 3
	}
	return settledRune([]byte(s[i:min(len(s), i+utf8.UTFMax)]))
}

// settledRune is the length of the rune that b begins with when it begins anew and is its own NFC, else 0.
func settledRune(b []byte) int {
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n <= 1 || !norm.NFC.Properties(b).BoundaryBefore() || !norm.NFC.IsNormal(b[:n]) {
		return 0
	}
	return n
}

// minSettledRoom is how many octets settledReader reads at once at least.
const minSettledRoom = 64

// settledReader reads UTF-8 as lenientUTF8 and NFC do, without their work as long as a text needs none of it.
type settledReader struct {
	src  io.Reader
	held []byte    // read and not passed on: what comes may join it
	slow io.Reader // once something needs work
	err  error     // src's

	small []byte // of spare, waits
	spare [minSettledRoom]byte
	room  [2 * utf8.UTFMax]byte // of held
}

// Read implements io.Reader.
func (r *settledReader) Read(p []byte) (int, error) {
	switch {
	case len(r.small) > 0:
		n := copy(p, r.small)
		r.small = r.small[n:]
		return n, nil
	case r.slow != nil:
		return r.slow.Read(p)
	case len(p) >= minSettledRoom:
		return r.read(p)
	case len(p) == 0:
		return 0, nil
	}
	n, err := r.read(r.spare[:])
	r.small = r.spare[:n]
	n = copy(p, r.small)
	r.small = r.small[n:]
	if len(r.small) > 0 {
		err = nil
	}
	return n, err
}

// read fills p, which has minSettledRoom octets, with one octet at least unless it returns an error.
func (r *settledReader) read(p []byte) (int, error) {
	for r.err == nil {
		n := copy(p, r.held)
		r.held = r.held[:0]
		m, err := r.src.Read(p[n:])
		b := p[:n+m]
		r.err = err
		good := settled(b)
		if good == len(b) && errors.Is(err, io.EOF) {
			return len(b), nil
		}
		keep := lastRune(b[:good])
		if rest := b[good:]; len(rest) > 0 && (err != nil || utf8.FullRune(rest)) {
			r.toSlow(bytes.Clone(b[keep:]))
			if keep > 0 {
				return keep, nil
			}
			return r.slow.Read(p)
		}
		r.held = append(r.room[:0], b[keep:]...)
		if keep > 0 {
			return keep, nil
		}
	}
	if len(r.held) > 0 { // an error in the middle of the text
		n := copy(p, r.held)
		r.held = r.held[:0]
		return n, nil
	}
	return 0, r.err
}

// lastRune is where the last rune of settled text begins.
func lastRune(b []byte) int {
	i := len(b) - 1
	for i > 0 && !utf8.RuneStart(b[i]) {
		i--
	}
	return max(i, 0)
}

// toSlow has the rest of the text read with all the work, behind what is in hand.
func (r *settledReader) toSlow(inHand []byte) {
	src := r.src
	if r.err != nil {
		src = failing{r.err}
	}
	r.slow = norm.NFC.Reader(transform.NewReader(io.MultiReader(bytes.NewReader(inHand), src), lenientUTF8{}))
}

// failing is a reader that has ended.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
