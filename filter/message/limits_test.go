package message

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// countingReader counts the octets that reading a message costs.
type countingReader struct {
	io.ReaderAt
	octets atomic.Int64
}

func (r *countingReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(p, off)
	r.octets.Add(int64(n))
	return n, err
}

func nestedMultiparts(levels int, body string) string {
	var b strings.Builder
	b.WriteString("Subject: x\n")
	for i := range levels {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	b.WriteString("\n" + body)
	for i := levels - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "\n--b%d--", i)
	}
	return crlf(b.String() + "\n")
}

func nestedMessages(levels int) string {
	return crlf(strings.Repeat("Content-Type: message/rfc822\n\n", levels) + "Subject: x\n\nhello\n")
}

const mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

// TestHostile bounds what hostile messages cost, counted in octets read as a multiple of the size. Plain
// text is read twice: once for boundaries, once for the files in it.
func TestHostile(t *testing.T) {
	tests := []struct {
		name   string
		raw    func() string
		factor float64 // octets read for each octet of the message, beside 1 MiB
		missed []Reason
		kinds  []AnomalyKind
	}{
		{"100000 parts", func() string { return mixed + strings.Repeat("--b\r\n\r\nx\r\n", 100_000) + "--b--\r\n" }, 1.1, []Reason{TooMany}, nil},
		{"5000 levels", func() string { return nestedMultiparts(5000, "x") }, 1.1, []Reason{TooDeep}, nil},
		{"5000 messages", func() string { return nestedMessages(5000) }, 1.1, []Reason{TooDeep}, nil},
		{"5.3 MB under 150 levels", func() string { return nestedMultiparts(150, strings.Repeat("some text\n", 530_000)) }, 1.1, []Reason{TooDeep}, nil},
		{"5.3 MB under 25 levels", func() string { return nestedMultiparts(25, strings.Repeat("some text\n", 530_000)) }, 2.1, nil, nil},
		{"16 MB folded header", func() string { return "Subject: x" + strings.Repeat("\r\n x", 4<<20) + "\r\n\r\nhello\r\n" }, 1.1, []Reason{TooBig}, []AnomalyKind{HeaderTooBig, LineTooLong}},
		{"400000 header lines", func() string { return strings.Repeat("X-A: b\r\n", 400_000) + "\r\nhello\r\n" }, 1.1, []Reason{TooBig}, []AnomalyKind{HeaderTooBig, TooManyFields}},
		{"one 15 MB line", func() string { return mixed + "--b\r\n\r\n" + strings.Repeat("x", 15<<20) + "\r\n--b--\r\n" }, 2.1, nil, nil},
		{"near-boundary lines", func() string { return mixed + "--b\r\n\r\n" + strings.Repeat("--a\r\n", 1<<19) + "--b--\r\n" }, 2.1, nil, nil},
		{"prefixed boundary lines", func() string { return mixed + "--b\r\n\r\n" + strings.Repeat("--bx\r\n\r\n", 1<<20) + "--b--\r\n" }, 1.1, []Reason{TooMany}, []AnomalyKind{AmbiguousBoundary}},
		{"empty lines only", func() string { return mixed + strings.Repeat("\r\n", 4<<20) }, 4.1, nil, []AnomalyKind{BoundaryNeverSeen}},
		{"hyphens only", func() string { return mixed + strings.Repeat("-", 8<<20) }, 4.1, nil, []AnomalyKind{BoundaryNeverSeen}},
		{"lines of two hyphens", func() string { return mixed + strings.Repeat("--\r\n", 1<<19) }, 4.1, nil, []AnomalyKind{BoundaryNeverSeen}},
		{"boundaries that begin alike", alikeBoundaries, 2.1, nil, nil},
		{"nested guesses", nestedGuesses, 15, nil, []AnomalyKind{MissingBoundary}},
		{"many types", manyTypes, 2.1, []Reason{TooMany}, []AnomalyKind{DuplicateContentType}},
		{"ambiguous levels", ambiguousLevels, 16, []Reason{TooMany}, []AnomalyKind{DuplicateParameter}},
		{"encoded messages in one another", func() string { return encodedMessages(4) }, 45, nil, []AnomalyKind{EncodingOnComposite}},
		{"too many encoded messages in one another", func() string { return encodedMessages(5) }, 45, []Reason{TooDeep}, []AnomalyKind{EncodingOnComposite}},
		{"carriage returns", func() string { return strings.Repeat("\r", 4<<20) }, 3.1, []Reason{TooBig}, []AnomalyKind{BareLineBreak}},
		{"zero octets", func() string { return strings.Repeat("\x00", 4<<20) }, 2.1, []Reason{TooBig}, []AnomalyKind{NULOctet}},
		{"parts with large headers", func() string {
			return mixed + strings.Repeat("--b\r\nX: "+strings.Repeat("y", 100_000)+"\r\n\r\nz\r\n", 60) + "--b--\r\n"
		}, 8.1, []Reason{TooMany}, []AnomalyKind{LineTooLong}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			raw := test.raw()
			r := &countingReader{ReaderAt: strings.NewReader(raw)}
			m, err := Read(r, int64(len(raw)), DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			if got := float64(r.octets.Load()-1<<20) / float64(len(raw)); got > test.factor {
				t.Errorf("%.1f octets read for each octet, want at most %.1f", got, test.factor)
			}
			checkTree(t, m)
			for _, why := range test.missed {
				if !slices.ContainsFunc(m.NotInspected, func(n NotInspected) bool { return n.Reason == why }) {
					t.Errorf("no %q among what was not inspected", why)
				}
			}
			if test.missed == nil && len(m.NotInspected) > 0 {
				t.Errorf("not inspected: %v", m.NotInspected[:min(3, len(m.NotInspected))])
			}
			for _, kind := range test.kinds {
				if !hasKind(m.Anomalies, kind) {
					t.Errorf("no anomaly %q in %v", kind, m.Anomalies[:min(9, len(m.Anomalies))])
				}
			}
		})
	}
}

func hasKind(list []Anomaly, kind AnomalyKind) bool {
	return slices.ContainsFunc(list, func(a Anomaly) bool { return a.Kind == kind })
}

// alikeBoundaries declares boundaries each of which begins the next, then many lines that match all.
func alikeBoundaries() string {
	var b strings.Builder
	for i := 1; i <= 25; i++ {
		name := strings.Repeat("a", 10*i)
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\n", name, name)
	}
	b.WriteString("\r\n")
	b.WriteString(strings.Repeat("--aaaa\r\n", 200_000))
	for i := 25; i >= 1; i-- {
		b.WriteString("\r\n--" + strings.Repeat("a", 10*i) + "--")
	}
	return b.String()
}

// nestedGuesses does not say a boundary at any level.
func nestedGuesses() string {
	var b strings.Builder
	for i := range 6 {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed\r\n\r\n--g%d\r\n", i)
	}
	b.WriteString("\r\n" + strings.Repeat("text\r\n", 200_000))
	for i := 5; i >= 0; i-- {
		fmt.Fprintf(&b, "--g%d--\r\n", i)
	}
	return b.String()
}

func manyTypes() string {
	return "Content-Type: text/plain\r\nContent-Type: text/html\r\nContent-Type: text/a\r\n" +
		"Content-Type: text/b\r\nContent-Type: text/c\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n" +
		"Content-Transfer-Encoding: quoted-printable\r\nContent-Transfer-Encoding: x-uue\r\n" + "\r\n" + strings.Repeat("text\r\n", 10_000)
}

// ambiguousLevels doubles its readings at each level.
func ambiguousLevels() string {
	var b strings.Builder
	for i := range 20 {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=a%d; boundary=b%d\r\n\r\n--a%d\r\n--b%d\r\n", i, i, i, i)
	}
	return b.String() + "\r\n" + strings.Repeat("text\r\n", 200_000)
}

func encodedMessages(levels int) string {
	inner := "Subject: x\r\n\r\n" + strings.Repeat("hello\r\n", 50_000)
	for range levels {
		inner = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
			strings.ReplaceAll(inner, "=", "=3D")
	}
	return inner
}

// TestLimits meets each limit of Limits and goes one beyond it.
func TestLimits(t *testing.T) {
	tests := []struct {
		name   string
		set    func(*Limits)
		within string
		beyond string
		kind   AnomalyKind
		reason Reason
	}{
		{"HeaderBytes", func(l *Limits) { l.HeaderBytes = 20 }, "A: " + strings.Repeat("x", 15) + "\r\n\r\nt\r\n", "A: " + strings.Repeat("x", 16) + "\r\n\r\nt\r\n", HeaderTooBig, TooBig},
		{"HeaderFields", func(l *Limits) { l.HeaderFields = 3 }, "A: 1\r\nB: 2\r\nC: 3\r\n\r\nt\r\n", "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\nt\r\n", TooManyFields, TooBig},
		{"HeadersBytes", func(l *Limits) { l.HeadersBytes = 150 }, mixed + "--b\r\nA: 1\r\n\r\nt\r\n--b--\r\n",
			mixed + strings.Repeat("--b\r\nA: "+strings.Repeat("x", 50)+"\r\n\r\nt\r\n", 3) + "--b--\r\n", "", TooMany},
		{"LineBytes", func(l *Limits) { l.LineBytes = 11 }, "A: 67\r\n 0\r\n\r\nt\r\n", "A: 67\r\n 01\r\n\r\nt\r\n", LineTooLong, ""},
		{"Depth", func(l *Limits) { l.Depth = 3 }, nestedMultiparts(3, "t"), nestedMultiparts(4, "t"), "", TooDeep},
		{"Depth of messages", func(l *Limits) { l.Depth = 3 }, nestedMessages(3), nestedMessages(4), "", TooDeep},
		{"Parts", func(l *Limits) { l.Parts = 4 }, mixed + strings.Repeat("--b\r\n\r\nt\r\n", 3) + "--b--\r\n", mixed + strings.Repeat("--b\r\n\r\nt\r\n", 4) + "--b--\r\n", "", TooMany},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := DefaultLimits()
			test.set(&l)
			for _, raw := range []string{test.within, test.beyond} {
				m, err := Read(strings.NewReader(raw), int64(len(raw)), l)
				if err != nil {
					t.Fatal(err)
				}
				kind := test.kind != "" && hasKind(m.Anomalies, test.kind)
				reason := slices.ContainsFunc(m.NotInspected, func(n NotInspected) bool { return n.Reason == test.reason })
				if beyond := raw == test.beyond; kind != (beyond && test.kind != "") || reason != (beyond && test.reason != "") {
					t.Errorf("beyond %v: anomalies %v, not inspected %v", beyond, m.Anomalies, m.NotInspected)
				}
				// What is over a limit is still there to be read as octets.
				var total int64
				for p := range m.Leaves() {
					n, err := io.Copy(io.Discard, p.Open())
					if err != nil {
						t.Fatal(err)
					}
					total += n
				}
				if total == 0 {
					t.Error("nothing to read")
				}
			}
		})
	}
}

type brokenReader struct{ at int64 }

var errBroken = errors.New("the disk is gone")

func (r brokenReader) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > r.at {
		return 0, errBroken
	}
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// An error of the reader is ours and no property of the message (invariant 2).
func TestReadTellsReaderErrors(t *testing.T) {
	if _, err := Read(brokenReader{1000}, 2000, DefaultLimits()); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	// The size is a promise.
	if _, err := Read(strings.NewReader("Subject: x\r\n"), 100, DefaultLimits()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	s := NewSpool(DefaultLimits(), nil)
	io.WriteString(s, smallMail())
	m, err := Read(s, s.Size(), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := m.Measured(); !errors.Is(err, ErrClosed) {
		t.Errorf("measured after Close: %v", err)
	}
	if m.Header.Text("subject")[0] != "Báo cáo tuần" {
		t.Error("the header must outlive the spool")
	}
}
