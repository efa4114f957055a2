package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// size is what a big attachment has.
const size = 15_000_000

// stream is mail that takes no memory.
type stream struct{ left int }

func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), s.left)
	for i := range p[:n] {
		p[i] = byte('a' + (s.left-i)%26)
	}
	s.left -= n
	return n, nil
}

// A signature of 15 MB takes at most 4 MiB more memory, all that was ever taken counted.
func TestDetachedMemory(t *testing.T) {
	p := newPKI(t)
	id := p.person(p.rsa)
	m := made{content: must(io.ReadAll(&stream{size})), signers: []madeSigner{{by: id}}, certs: []*x509.Certificate{id.cert, p.sub.cert}}
	cms, o := m.der(), p.options()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := Verify(context.Background(), bytes.NewReader(cms), &stream{size}, o)
	runtime.ReadMemStats(&after)
	if err != nil || r.State != Valid || r.Covered != size {
		t.Fatalf("%s, %d covered, %v", detail(r), r.Covered, err)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 4<<20 {
		t.Errorf("%d KiB", taken>>10)
	} else {
		t.Logf("%d KiB", taken>>10)
	}
}

// So does an opaque one, whether its content is in one piece or in many.
func TestOpaqueMemory(t *testing.T) {
	p := newPKI(t)
	id := p.person(p.rsa)
	data := must(io.ReadAll(&stream{size}))
	m := made{content: data, opaque: true, signers: []madeSigner{{by: id}}, certs: []*x509.Certificate{id.cert, p.sub.cert}}
	der := m.der()
	for name, cms := range map[string][]byte{"one piece": der, "pieces of 4096": loosen(der, 4096), "pieces of 16": loosen(der, 16)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := Open(context.Background(), bytes.NewReader(cms), io.Discard, p.options())
		runtime.ReadMemStats(&after)
		if err != nil || r.State != Valid || r.Covered != int64(len(data)) {
			t.Fatalf("%s: %s, %d covered, %v", name, detail(r), r.Covered, err)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 4<<20 {
			t.Errorf("%s: %d KiB", name, taken>>10)
		}
	}
}

// hashing and verifying 15 MB, to be compared: BenchmarkVerify takes at most 1.3 times BenchmarkHash.
func BenchmarkHash(b *testing.B) {
	data := make([]byte, size)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		sha256.Sum256(data)
	}
}

func BenchmarkVerify(b *testing.B) {
	p := newPKI(b)
	id := p.person(p.rsa)
	data := make([]byte, size)
	m := made{content: data, signers: []madeSigner{{by: id}}, certs: []*x509.Certificate{id.cert, p.sub.cert}}
	cms, o := m.der(), p.options()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := Verify(context.Background(), bytes.NewReader(cms), bytes.NewReader(data), o)
		if err != nil || r.State != Valid {
			b.Fatal(detail(r), err)
		}
	}
}

// A multipart/signed covers its first part, header and all, without the line end before the boundary (RFC 1847 section 2.1).
func TestCoveredOctets(t *testing.T) {
	p := newPKI(t)
	id := p.person(p.rsa)
	mail := string(p.openssl("cms", "-sign", "-binary", "-in", p.file(".eml", letter()), "-signer", p.certFile(id.cert), "-inkey", p.keyFile(id.key),
		"-certfile", p.certFile(p.sub.cert), "-out", "OUT"))
	boundary := "\n--" + strings.SplitN(strings.SplitN(mail, `boundary="`, 2)[1], `"`, 2)[0] + "\n"
	parts := strings.Split(strings.ReplaceAll(mail, "\r\n", "\n"), boundary)
	if len(parts) != 3 {
		t.Fatalf("%d parts in %q", len(parts), mail)
	}
	cms := p.programCMS(id)
	first := parts[1] // of a file with line ends of the system
	for name, c := range map[string]struct {
		content io.Reader
		want    State
	}{
		"as on the wire":             {strings.NewReader(strings.ReplaceAll(first, "\n", "\r\n")), Valid},
		"a file, made canonical":     {CanonicalLines(strings.NewReader(first)), Valid},
		"a file as it is":            {strings.NewReader(first), Invalid},
		"with the line end behind":   {CanonicalLines(strings.NewReader(first + "\n")), Invalid},
		"without its header":         {CanonicalLines(strings.NewReader(first[strings.Index(first, "\n\n")+2:])), Invalid},
		"with the preamble in front": {CanonicalLines(strings.NewReader("\n" + first)), Invalid},
	} {
		r, err := Verify(context.Background(), bytes.NewReader(cms), c.content, p.options())
		if err != nil || r.State != c.want {
			t.Errorf("%s: %s, %v", name, detail(r), err)
		}
	}
}

func TestCanonicalLines(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "\n": "\r\n", "\r\n": "\r\n", "a\nb": "a\r\nb", "a\r\nb\n\nc": "a\r\nb\r\n\r\nc", "\r": "\r", "\r\r\n": "\r\r\n", "\n\n": "\r\n\r\n",
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "one octet": iotest.OneByteReader(strings.NewReader(in)), "late end": iotest.DataErrReader(strings.NewReader(in))} {
			got, err := io.ReadAll(iotest.OneByteReader(CanonicalLines(r)))
			if err != nil || string(got) != want {
				t.Errorf("%q, %s: %q, %v", in, name, got, err)
			}
		}
	}
}

// What is signed in what is encrypted in what is signed is opened one by one; each has its own result (RFC 2634 section 1.1).
func TestNested(t *testing.T) {
	p := newPKI(t)
	inner := opaqueBy(rsaPerson)(p)
	outer := made{content: inner.cms, opaque: true, signers: []madeSigner{{by: p.person(p.p256, func(c *x509.Certificate) { c.EmailAddresses = []string{"list@example.com"} })}}}
	outer.certs = []*x509.Certificate{outer.signers[0].by.cert}
	var out bytes.Buffer
	r, err := Open(context.Background(), bytes.NewReader(outer.der()), &out, p.options())
	if err != nil || r.State != AddressMismatch {
		t.Errorf("outside: %s, %v", detail(r), err)
	}
	var text bytes.Buffer
	r, err = Open(context.Background(), &out, &text, p.options())
	if err != nil || r.State != Valid || !bytes.Equal(text.Bytes(), letter()) {
		t.Errorf("inside: %s, %v", detail(r), err)
	}
}

// Our own failures are errors, whichever side they are on, and no result.
func TestFailures(t *testing.T) {
	p := newPKI(t)
	detached, opaque := detachedBy(rsaPerson)(p), opaqueBy(rsaPerson)(p)
	ours := errors.New("disk")
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	run := func(ctx context.Context, signature, content io.Reader) error {
		_, err := Verify(ctx, signature, content, p.options())
		return err
	}
	open := func(ctx context.Context, r io.Reader, w io.Writer) error {
		_, err := Open(ctx, r, w, p.options())
		return err
	}
	for name, c := range map[string]struct{ got, want error }{
		"signature":          {run(t.Context(), io.MultiReader(bytes.NewReader(detached.cms[:100]), iotest.ErrReader(ours)), bytes.NewReader(letter())), ours},
		"end of signature":   {run(t.Context(), io.MultiReader(bytes.NewReader(detached.cms), iotest.ErrReader(ours)), bytes.NewReader(letter())), ours},
		"content":            {run(t.Context(), bytes.NewReader(detached.cms), iotest.ErrReader(ours)), ours},
		"content given up":   {run(ended, bytes.NewReader(detached.cms), bytes.NewReader(letter())), context.Canceled},
		"opaque":             {open(t.Context(), io.MultiReader(bytes.NewReader(opaque.cms[:100]), iotest.ErrReader(ours)), io.Discard), ours},
		"opaque, to nowhere": {open(t.Context(), bytes.NewReader(opaque.cms), failing{ours}), ours},
		"opaque, given up":   {open(ended, bytes.NewReader(opaque.cms), io.Discard), context.Canceled},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// All the worst at once is judged in a bounded time: 16 signers, each with a certificate of its own, below 48 authorities of one name.
func TestWorstMessage(t *testing.T) {
	p := newPKI(t)
	m := made{content: letter()}
	for range 16 {
		id := p.person(p.p521)
		m.signers = append(m.signers, madeSigner{by: id, hash: crypto.SHA512})
		m.certs = append(m.certs, id.cert)
	}
	for range 48 {
		m.certs = append(m.certs, p.issue(identity{authority("RootCA chuyên dùng G9"), p.p384}, p.rsa, authority("CA phục vụ các cơ quan G9")).cert)
	}
	slices.Reverse(m.certs)
	start := time.Now()
	r := verify(t, m.der(), letter(), p.options())
	if took := time.Since(start); r.State != Valid || took > 30*time.Second {
		t.Errorf("%s after %s", detail(r), took)
	} else {
		t.Log(took)
	}
}
