package relay

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// pieces is a connection that brings its input in pieces.
type pieces struct {
	net.Conn
	left [][]byte
}

func (p *pieces) SetReadDeadline(time.Time) error { return nil }

func (p *pieces) Read(b []byte) (int, error) {
	for len(p.left) > 0 && len(p.left[0]) == 0 {
		p.left = p.left[1:]
	}
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[0])
	p.left[0] = p.left[0][n:]
	return n, nil
}

// inPieces cuts s into pieces of n octets.
func inPieces(s string, n int) *pieces {
	p := &pieces{}
	for len(s) > n {
		p.left = append(p.left, []byte(s[:n]))
		s = s[n:]
	}
	p.left = append(p.left, []byte(s))
	return p
}

// outcome is what reading one message gives.
type outcome struct {
	content   string
	bare, nul bool
	complete  bool
	rest      string // after the end
}

func readMessage(conn net.Conn) outcome {
	in := newInput(conn, newBlocks(), maxCommandLine)
	d := newDotReader(in, patience, patience)
	var got outcome
	var content []byte
	for {
		b, err := d.next()
		content = append(content, b...)
		if err != nil {
			got.complete = err == io.EOF
			break
		}
	}
	got.content, got.bare, got.nul = string(content), d.bare, d.nul
	if got.complete {
		rest, _ := io.ReadAll(conn)
		got.rest = string(in.buf[in.r:in.w]) + string(rest)
	}
	return got
}

// slowRead is the same, octet by octet, straight from RFC 5321 sections 2.3.8, 4.1.1.4 and 4.5.2.
func slowRead(s string) (got outcome) {
	var content []byte
	defer func() { got.content = string(content) }()
	lineStart, afterDot := true, false
	for i := 0; i < len(s); i++ {
		if lineStart && !afterDot && s[i] == '.' {
			if strings.HasPrefix(s[i:], ".\r\n") {
				got.complete, got.rest = true, s[i+3:]
				return got
			}
			afterDot = true
			continue
		}
		switch {
		case lineStart && s[i] == 0:
			got.nul = true
		case s[i] == '\r' && (i+1 == len(s) || s[i+1] != '\n'):
			got.bare = true
		case s[i] == '\n' && (i == 0 || s[i-1] != '\r'):
			got.bare = true
		}
		lineStart = s[i] == '\n' && i > 0 && s[i-1] == '\r'
		afterDot = false
		content = append(content, s[i])
	}
	return got
}

func TestDotReader(t *testing.T) {
	cases := []struct {
		name, in string
		want     outcome
	}{
		{"empty", ".\r\n", outcome{complete: true}},
		{"one line", "a\r\n.\r\n", outcome{content: "a\r\n", complete: true}},
		{"command after the end", "a\r\n.\r\nQUIT\r\n", outcome{content: "a\r\n", complete: true, rest: "QUIT\r\n"}},
		{"dots", "..\r\n...\r\n.a\r\n. \r\n.\r\n", outcome{content: ".\r\n..\r\na\r\n \r\n", complete: true}},
		{"dot inside of a line", "a.\r\nb.c\r\n.\r\n", outcome{content: "a.\r\nb.c\r\n", complete: true}},
		{"blank lines", "\r\n\r\n.\r\n", outcome{content: "\r\n\r\n", complete: true}},
		{"eight bits", "\xff\xfe\x80\r\n.\r\n", outcome{content: "\xff\xfe\x80\r\n", complete: true}},
		{"cut in the message", "a\r\n.\r", outcome{content: "a\r\n"}},
		{"cut at once", "", outcome{}},

		// Every published way to write an end of data that some server takes for one.
		{"LF dot LF", "a\n.\nb\r\n.\r\n", outcome{content: "a\n.\nb\r\n", bare: true, complete: true}},
		{"LF dot CRLF", "a\n.\r\nb\r\n.\r\n", outcome{content: "a\n.\r\nb\r\n", bare: true, complete: true}},
		{"LF dot CR", "a\n.\rb\r\n.\r\n", outcome{content: "a\n.\rb\r\n", bare: true, complete: true}},
		{"CR dot CR", "a\r.\rb\r\n.\r\n", outcome{content: "a\r.\rb\r\n", bare: true, complete: true}},
		{"CR dot LF", "a\r.\nb\r\n.\r\n", outcome{content: "a\r.\nb\r\n", bare: true, complete: true}},
		{"CR dot CRLF", "a\r.\r\nb\r\n.\r\n", outcome{content: "a\r.\r\nb\r\n", bare: true, complete: true}},
		{"CRLF dot LF", "a\r\n.\nb\r\n.\r\n", outcome{content: "a\r\n\nb\r\n", bare: true, complete: true}},
		{"CRLF dot CR", "a\r\n.\rb\r\n.\r\n", outcome{content: "a\r\n\rb\r\n", bare: true, complete: true}},
		{"CRLF dot CR CRLF", "a\r\n.\r\r\nb\r\n.\r\n", outcome{content: "a\r\n\r\r\nb\r\n", bare: true, complete: true}},
		{"CR CRLF dot CRLF", "a\r\r\n.\r\n", outcome{content: "a\r\r\n", bare: true, complete: true}},
		{"LF LF dot CRLF", "a\n\n.\r\nb\r\n.\r\n", outcome{content: "a\n\n.\r\nb\r\n", bare: true, complete: true}},
		{"CRLF NUL dot CRLF", "a\r\n\x00.\r\nb\r\n.\r\n", outcome{content: "a\r\n\x00.\r\nb\r\n", nul: true, complete: true}},
		{"LF NUL dot CRLF", "a\n\x00.\r\nb\r\n.\r\n", outcome{content: "a\n\x00.\r\nb\r\n", bare: true, complete: true}},
		{"CRLF dot NUL CRLF", "a\r\n.\x00\r\nb\r\n.\r\n", outcome{content: "a\r\n\x00\r\nb\r\n", nul: true, complete: true}},
		{"LF only", "a\nb\n.\n", outcome{content: "a\nb\n.\n", bare: true}},
		{"CR at the very end", "a\r\n\r", outcome{content: "a\r\n"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for n := 1; n <= len(c.in)+1; n++ {
				if got := readMessage(inPieces(c.in, n)); got != c.want {
					t.Fatalf("in pieces of %d: got %+v, want %+v", n, got, c.want)
				}
			}
		})
	}
}

// Lines that all end where the one before them lets expect it may hide anything but the end of a line.
func TestDotReaderEvenLines(t *testing.T) {
	const even = "0123456789\r\n"
	many := strings.Repeat(even, 3)
	for name, hidden := range map[string]string{
		"end":            "abc\r\n.\r\nQU\r\n", // ten octets and CRLF to who looks at the ends only
		"end at once":    ".\r\n4567890\r\n",
		"LF dot LF":      "abc\n.\n7890\r\n",
		"lines":          "ab\r\n45\r\n90\r\n",
		"line and dots":  "ab\r\n..7890\r\n",
		"bare CR":        "0123\r56789\r\n",
		"bare LF":        "0123\n56789\r\n",
		"CR before CRLF": "012345678\r\r\n",
		"NUL":            "\x00123456789\r\n",
		"dot":            ".123456789\r\n",
		"two dots":       "..23456789\r\n",
		"LF CR":          "0123\n\r6789\r\n",
	} {
		if len(hidden) != len(even) {
			t.Fatalf("%s: %d octets", name, len(hidden))
		}
		for _, s := range []string{many + hidden + many + ".\r\nQUIT\r\n", hidden + hidden + ".\r\n", many + hidden + even[:5] + "\r\n" + many + hidden + ".\r\n"} {
			want := slowRead(s)
			for n := 1; n <= len(s); n++ {
				if got := readMessage(inPieces(s, n)); got != want {
					t.Fatalf("%s in pieces of %d: got %+v, want %+v", name, n, got, want)
				}
			}
		}
	}
}

func FuzzDotReader(f *testing.F) {
	f.Add([]byte("a\r\n..\r\n.\r\nQUIT\r\n"), uint16(1))
	f.Add([]byte("a\r\n.\nb\n.\r\n\r.\r\r\n.\r\n"), uint16(2))
	f.Add([]byte("\r\n\x00.\r\n..\r\n.\r\n"), uint16(3))
	f.Add(bytes.Repeat([]byte("line\r\n"), 12000), uint16(4096))
	f.Add([]byte("0123456789\r\n0123456789\r\nabc\r\n.\r\nQU\r\n0123456789\r\n.\r\n"), uint16(100))
	f.Fuzz(func(t *testing.T, b []byte, n uint16) {
		got, want := readMessage(inPieces(string(b), int(n)+1)), slowRead(string(b))
		if !want.complete {
			// What cannot be decided yet is left unread; only what has been read may differ then.
			if got.complete || !strings.HasPrefix(want.content, strings.TrimSuffix(got.content, ".")) {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			return
		}
		if got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

// endless brings the same block again and again.
type endless struct {
	net.Conn
	block []byte
	at    int
}

func (e *endless) SetReadDeadline(time.Time) error { return nil }

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.block[e.at:])
	e.at = (e.at + n) % len(e.block)
	return n, nil
}

func BenchmarkDotReader(b *testing.B) {
	for name, line := range map[string]string{
		"base64":     strings.Repeat("QUJDREVGR0hJSktMTU5P", 4)[:76] + "\r\n",
		"short":      "abc\r\n",
		"dots":       "..\r\n",
		"no line":    strings.Repeat("x", 998),
		"bare CR":    "\r",
		"long lines": strings.Repeat("y", 990) + "\r\n",
		"uneven":     "0123456789\r\n0123\r\n0123\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			block := bytes.Repeat([]byte(line), 1<<20/len(line))
			d := newDotReader(newInput(&endless{block: block}, newBlocks(), maxCommandLine), patience, time.Hour)
			b.SetBytes(int64(len(block)))
			for b.Loop() {
				for n := 0; n < len(block); {
					piece, err := d.next()
					if err != nil {
						b.Fatal(err)
					}
					n += len(piece)
				}
			}
		})
	}
}

// sinkConn takes everything.
type sinkConn struct {
	net.Conn
	w io.Writer
}

func (s *sinkConn) SetWriteDeadline(time.Time) error { return nil }
func (s *sinkConn) Write(b []byte) (int, error)      { return s.w.Write(b) }

// TestDotWriterMirrorsReader writes messages in every cut and reads them back.
func TestDotWriterMirrorsReader(t *testing.T) {
	long := strings.Repeat("0123456789.\r\n", blockBytes/10)
	for _, m := range []string{"", "a\r\n", ".\r\n", "..\r\n.\r\n", "\r\n.\r\n", "a\r\n.b\r\n\r\n.\r\n", "a\r\r\n.\n.\r\n",
		"no line end", ".", "\r", "ends in CR\r", long, long[:blockBytes-1] + "\r\n.", long[:blockBytes-3] + "\r\n.\r\n"} {
		want := m
		if m != "" && !strings.HasSuffix(m, "\r\n") {
			want += "\r\n" // the end of data brings its own CRLF
		}
		cuts := []int{1, 2, 3, 5, 7, blockBytes - 1, blockBytes, blockBytes + 1, len(m) + 1}
		if len(m) > 1000 {
			cuts = cuts[3:]
		}
		for _, cut := range cuts {
			var wire bytes.Buffer
			w := newDotWriter(&sinkConn{w: &wire}, newBlocks(), patience)
			for _, p := range inPieces(m, cut).left {
				if n, err := w.Write(p); n != len(p) || err != nil {
					t.Fatal(n, err)
				}
			}
			if err := w.prepare(); err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(wire.String(), "\r\n.\r\n") {
				t.Errorf("%.20q in pieces of %d: complete before finish", m, cut)
			}
			if err := w.finish(); err != nil {
				t.Fatal(err)
			}
			w.release()
			got := slowRead(wire.String())
			if !got.complete || got.content != want || got.rest != "" {
				t.Errorf("%.20q in pieces of %d came as %.40q (%d octets of %d)", m, cut, got.content, len(got.content), len(want))
			}
		}
	}
}

func BenchmarkDotWriter(b *testing.B) {
	for name, line := range map[string]string{
		"base64": strings.Repeat("QUJDREVGR0hJSktMTU5P", 4)[:76] + "\r\n",
		"dots":   ".\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			block := bytes.Repeat([]byte(line), blockBytes/len(line))
			w := newDotWriter(&sinkConn{w: io.Discard}, newBlocks(), patience)
			b.SetBytes(int64(len(block)))
			for b.Loop() {
				if _, err := w.Write(block); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
