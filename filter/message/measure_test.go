package message

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// readMany are octets in Base64 under levels of multiparts that are read two ways each.
func readMany(levels, size int) string {
	var head, tail strings.Builder
	for i := range levels {
		for _, kind := range []string{"mixed", "digest"} {
			fmt.Fprintf(&head, "Content-Type: multipart/%s; boundary=b%d\r\n", kind, i)
		}
		fmt.Fprintf(&head, "\r\n--b%d\r\n", i)
	}
	for i := levels - 1; i >= 0; i-- {
		fmt.Fprintf(&tail, "\r\n--b%d--\r\n", i)
	}
	leaf := "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", size/78)
	return head.String() + leaf + tail.String()
}

// measured reads and measures a message and tells how many octets measuring read.
func measured(t *testing.T, raw string) (*Message, int64) {
	t.Helper()
	r := &countingReader{ReaderAt: strings.NewReader(raw)}
	m, err := Read(r, int64(len(raw)), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	before := r.octets.Load()
	for range 2 { // the second time costs nothing
		if _, err := m.Measured(); err != nil {
			t.Fatal(err)
		}
	}
	return m, r.octets.Load() - before
}

// However many ways there are to read the same octets, they are decoded once.
func TestReadingsAreMeasuredOnce(t *testing.T) {
	raw := readMany(8, 1<<20)
	m, octets := measured(t, raw)
	leaves, decoded := 0, 0
	for p := range m.Leaves() {
		leaves++
		got, err := p.Measure()
		if err != nil {
			t.Fatal(err)
		}
		if p.Encoding == Base64 && got.Bytes > 700_000 {
			decoded++
		}
	}
	if leaves < 100 || decoded < 100 {
		t.Fatalf("only %d leaves, %d decoded: the message does not show what is tested", leaves, decoded)
	}
	if max := int64(len(raw)) * 2; octets > max {
		t.Errorf("%d leaves of %d octets cost %d octets, want at most %d", leaves, len(raw), octets, max)
	}
	if got := m.Undecoded(); got != nil {
		t.Errorf("not decoded: %v", got)
	}
}

// manyDecodings is a message whose leaves are all different and that still holds each octet many times:
// encoded multiparts, each read in its own decoded octets.
func manyDecodings() string {
	inner := strings.Repeat("text of a letter\r\n", 40_000)
	var b strings.Builder
	levels := 14
	for i := range levels {
		for _, kind := range []string{"mixed", "related"} {
			fmt.Fprintf(&b, "Content-Type: multipart/%s; boundary=b%d\r\n", kind, i)
		}
		fmt.Fprintf(&b, "Content-Transfer-Encoding: quoted-printable\r\n\r\n--b%d\r\n", i)
	}
	return b.String() + "\r\n" + inner
}

// Decoding keeps its budget, and what is beyond it is named.
func TestDecodeBudget(t *testing.T) {
	raw := manyDecodings()
	r := &countingReader{ReaderAt: strings.NewReader(raw)}
	m, err := Read(r, int64(len(raw)), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	before := r.octets.Load()
	missed := map[string]bool{}
	for p := range m.Leaves() {
		got, err := p.Measure()
		if err != nil {
			t.Fatal(err)
		}
		digest, err := p.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if digest == "" {
			missed[p.ID] = true
		}
		if got.NotInspected != "" && (got.Bytes != p.Body.Len() || digest != "") {
			t.Errorf("not decoded, but %+v and %q for %d octets", got, digest, p.Body.Len())
		}
	}
	if octets, max := r.octets.Load()-before, int64(workFactor*len(raw)+workFloor+1<<20); octets > max {
		t.Errorf("decoding read %d octets of a message of %d, want at most %d", octets, len(raw), max)
	}
	if len(missed) == 0 {
		t.Fatal("everything was decoded: the message does not show what is tested")
	}
	for _, n := range m.Undecoded() {
		if n.Reason != TooBig || !missed[n.Part] {
			t.Errorf("%+v", n)
		}
	}
	if len(m.Undecoded()) != len(missed) {
		t.Errorf("%d parts were not decoded, %d are named", len(missed), len(m.Undecoded()))
	}
}

// What was not read to its end says so: rules must not take it for a letter.
func TestUnread(t *testing.T) {
	fields := strings.Repeat("A:\r\n", 1001)
	decoys := strings.Repeat("--c--\r\n", 9000)
	for name, tc := range map[string]struct {
		raw  string
		want string // IDs of leaves that are unread
	}{
		"nothing":              {mixed + "--b\r\n\r\nx\r\n--b--\r\n", ""},
		"too many fields":      {mixed + "--b\r\n\r\nx\r\n--b\r\n" + fields + "\r\nx\r\n--b--\r\n", "2"},
		"a header too big":     {mixed + "--b\r\nA: " + strings.Repeat("x", 300_000) + "\r\n\r\nx\r\n--b--\r\n", "1"},
		"too many parts":       {mixed + strings.Repeat("--b\r\n\r\nx\r\n", 2001) + "--b--\r\n", "2000"},
		"headers of 4 MiB":     {mixed + strings.Repeat("--b\r\nA: "+strings.Repeat("x", 255_000)+"\r\n\r\nx\r\n", 17) + "--b--\r\n", "17"},
		"too many boundaries":  {mixed + "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b\r\n\r\n" + decoys + "--b\r\nContent-Type: application/zip\r\n\r\nx\r\n--b--\r\n", "2"},
		"a message over limit": {mixed + "--b\r\nContent-Type: message/rfc822\r\n\r\n" + fields + "\r\nx\r\n--b--\r\n", "1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Read(strings.NewReader(tc.raw), int64(len(tc.raw)), DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for p := range m.Leaves() {
				if p.Unread {
					got = append(got, p.ID)
				}
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("unread %q, want %q", s, tc.want)
			}
		})
	}
}

// Who asks for the hash of a part that was spooled does not have it decoded again.
func TestDecodedIsHashedOnce(t *testing.T) {
	raw := "Content-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("QUJDREVG\r\n", 100_000)
	r := &countingReader{ReaderAt: strings.NewReader(raw)}
	m, err := Read(r, int64(len(raw)), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	l := DefaultLimits()
	l.WireBytes = 10
	if _, err := m.Root.Decoded(l, nil); !errors.Is(err, ErrTooBig) {
		t.Errorf("over the limit: %v", err)
	}
	s, err := m.Root.Decoded(DefaultLimits(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before := r.octets.Load()
	digest, err := m.Root.Digest()
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Repeat("ABCDEF", 100_000)))); err != nil || digest != want || s.SHA256() != want || s.Size() != 600_000 {
		t.Errorf("%d octets, hash %s and %s, want %s (%v)", s.Size(), digest, s.SHA256(), want, err)
	}
	if read := r.octets.Load() - before; read != 0 {
		t.Errorf("%d octets were read again for the hash", read)
	}
}
