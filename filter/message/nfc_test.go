package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// Every rune that settled passes over is its own NFC, alone and behind every other that joins what follows.
func TestSettledRunes(t *testing.T) {
	passed := 0
	for r := rune(0); r <= utf8.MaxRune; r++ {
		s := string(r)
		if settled(s) != len(s) || r == utf8.RuneError {
			continue
		}
		passed++
		if !norm.NFC.IsNormalString(s) {
			t.Errorf("%U is not in NFC", r)
		}
		if p := norm.NFC.PropertiesString(s); !p.BoundaryBefore() {
			t.Errorf("%U joins what is before it", r)
		}
	}
	if passed < 100_000 {
		t.Errorf("only %d runes need no work", passed)
	}
	for _, s := range []string{"\u0301", "\u0344", "\u212b", "\u2000", "\u1161", "\xe1\xba", "\xc3", "\xff"} {
		if n := settled(s); n != 0 {
			t.Errorf("settled(%q) = %d", s, n)
		}
	}
}

// hardTexts have what breaks readers of pieces: marks that join, cut letters, octets of other charsets.
func hardTexts() []string {
	return []string{"", "a", "Kính gửi: các đơn vị", "e\u0301", "Kính gu\u031b\u0309i", "\u0301a", "\xff", "a\xff", "a\xe1\xba", "\xe1\xbad",
		"Ti\xea\u0323ng Vi\u1ec7t", "\u1100\u1161\u11a8", "\ufeffmậ\u0323t", "𝒜🙂 – “a” …", strings.Repeat("ậ", 50) + "\u0301" + strings.Repeat("x", 70),
		strings.Repeat("abc đ ", 40) + "\xe9t\xe9", "e" + strings.Repeat("\u0301", 40)}
}

func TestSettledReader(t *testing.T) {
	for _, s := range hardTexts() {
		checkSettled(t, s)
	}
}

// checkSettled reads s in pieces of several sizes as a text without a label, and compares.
func checkSettled(t *testing.T, s string) {
	t.Helper()
	// Between more marks than any letter has, norm's reader puts joiners, and where depends on the pieces.
	joiners := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\u034f"), nil) }
	want, err := io.ReadAll(norm.NFC.Reader(transform.NewReader(strings.NewReader(s), lenientUTF8{})))
	if err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string]io.Reader{"whole": strings.NewReader(s), "octets": iotest.OneByteReader(strings.NewReader(s)),
		"with its end": iotest.DataErrReader(strings.NewReader(s)), "halves": iotest.HalfReader(strings.NewReader(s))} {
		got, err := io.ReadAll(charsetReader("", src))
		if err != nil || !bytes.Equal(joiners(got), joiners(want)) {
			t.Errorf("%q, %s: %q, %v; want %q", s, name, got, err, want)
		}
	}
	got, err := io.ReadAll(iotest.OneByteReader(charsetReader("", strings.NewReader(s))))
	if err != nil || !bytes.Equal(joiners(got), joiners(want)) {
		t.Errorf("%q, read by the octet: %q, %v; want %q", s, got, err, want)
	}
	if nfc := NFC(s); nfc != norm.NFC.String(s) {
		t.Errorf("NFC(%q) = %q, want %q", s, nfc, norm.NFC.String(s))
	}
}

// An error of the message's reader is passed on, behind what was read before it.
func TestSettledReaderFails(t *testing.T) {
	broken := errors.New("broken")
	for _, s := range []string{"", "mật", "ma\u0302\u0323t", "mậ\xe1"} {
		got, err := io.ReadAll(charsetReader("utf-8", io.MultiReader(strings.NewReader(s), iotest.ErrReader(broken))))
		if !errors.Is(err, broken) || settled(s) == len(s) && string(got) != s {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
}

func FuzzSettledReader(f *testing.F) {
	for _, s := range hardTexts() {
		f.Add(s)
	}
	f.Fuzz(checkSettled)
}

// Text is clean the fast way and the slow way alike, wherever in eight octets a letter begins.
func TestCleanNFC(t *testing.T) {
	for _, s := range append(hardTexts(), "Tài liệu họp giao ban quý ba", "a\xc4\x91", "\xe1\xbb", "x\xc5\xc5", "\xe1\x80\x80") {
		for pad := range 18 {
			s := strings.Repeat("x", pad) + s + strings.Repeat("y", pad/2)
			if got, want := CleanNFC(s), norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD")); got != want {
				t.Errorf("%q: %q, want %q", s, got, want)
			}
		}
	}
}
