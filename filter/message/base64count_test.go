package message

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// counted is what a counter says of text that comes in pieces.
func counted(t *testing.T, text string, pieces ...int) (int64, bool) {
	t.Helper()
	var c base64Counter
	rest := []byte(text)
	for i := 0; len(rest) > 0; i++ {
		n := len(rest)
		if len(pieces) > 0 {
			n = min(n, max(1, pieces[i%len(pieces)]))
		}
		if k, err := c.Write(rest[:n]); k != n || err != nil {
			t.Fatalf("took %d of %d octets (%v)", k, n, err)
		}
		rest = rest[n:]
	}
	m := c.measure()
	return m.Bytes, len(m.Anomalies) > 0
}

// decodedLength is what decoding says of the same text.
func decodedLength(t *testing.T, text string) (int64, bool) {
	t.Helper()
	got, kind := decodeAll(t, Base64, text)
	return int64(len(got)), kind == DamagedBase64
}

// Whatever octet stands wherever in a line, counting finds what decoding finds.
func TestBase64CountSeesEveryOctet(t *testing.T) {
	line := (base64Alphabet + base64Alphabet)[:76]
	clean := strings.Repeat(line+"\r\n", 3)
	for at := range line {
		for c := range 256 {
			text := clean + line[:at] + string([]byte{byte(c)}) + line[at+1:] + "\r\n" + clean
			wantBytes, wantDamaged := decodedLength(t, text)
			if got, damaged := counted(t, text); got != wantBytes || damaged != wantDamaged {
				t.Fatalf("octet %#x at %d: counted %d %v, decoded %d %v", c, at, got, damaged, wantBytes, wantDamaged)
			}
		}
	}
}

// Lines of every length, in pieces of every length, and lines that change their length.
func TestBase64CountLineLengths(t *testing.T) {
	text := base64.StdEncoding.EncodeToString(randomBytes(1500))
	for width := 1; width < 120; width++ {
		var b strings.Builder
		for rest := text; rest != ""; {
			n := min(width, len(rest))
			b.WriteString(rest[:n] + "\r\n")
			rest = rest[n:]
		}
		for _, tail := range []string{"", "QUJD", "Q", "QUI", "QU==", "\n", "\r\n--\r\nlist footer", strings.Repeat("QUJD\r\n", 30)} {
			text := b.String() + tail
			wantBytes, wantDamaged := decodedLength(t, text)
			for _, pieces := range [][]int{nil, {1}, {7, 80}, {78}, {width + 2}, {1000, 3}} {
				if got, damaged := counted(t, text, pieces...); got != wantBytes || damaged != wantDamaged {
					t.Fatalf("lines of %d and %q in pieces %v: counted %d %v, decoded %d %v", width, tail, pieces, got, damaged, wantBytes, wantDamaged)
				}
			}
		}
	}
}

func TestBase64CountPassesErrorsOn(t *testing.T) {
	want := fmt.Errorf("the spool is gone")
	if _, err := countBase64(iotest.ErrReader(want)); err != want {
		t.Fatalf("got %v", err)
	}
	m, err := countBase64(io.MultiReader(strings.NewReader("QUJD"), iotest.DataErrReader(strings.NewReader("QUI="))))
	if err != nil || m.Bytes != 5 || len(m.Anomalies) > 0 {
		t.Fatalf("got %+v %v", m, err)
	}
}

func BenchmarkBase64Count(b *testing.B) {
	text := base64Lines(3 << 20)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := countBase64(strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}
