package rules

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/rules/virus"
)

// rememberingEngine is a fakeEngine that knows what it was shown.
type rememberingEngine struct {
	fakeEngine
	said map[string]virus.Answer // by hash
}

func (r *rememberingEngine) Known(_ context.Context, o virus.Object) (virus.Answer, bool) {
	a, ok := r.said[o.SHA256]
	return a, ok
}

func (r *rememberingEngine) Scan(ctx context.Context, o virus.Object) (virus.Answer, error) {
	if a, ok := r.said[o.SHA256]; ok {
		return a, nil
	}
	a, err := r.fakeEngine.Scan(ctx, o)
	r.said[o.SHA256] = a
	return a, err
}

// insideInspector looks into files for the rule, without workers.
func insideInspector(t testing.TB, limits extract.Limits) *extract.Inspector {
	t.Helper()
	in, err := NewInspector(Config{Virus: Viruses{Engines: []VirusEngine{{}}}}, extract.Options{Limits: limits, CacheSize: 100})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// inZstandard is a file in Zstandard.
func inZstandard(t testing.TB, file string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(w.EncodeAll([]byte(file), nil))
}

// inTar is a tar of files that are called after their place, in gzip.
func inTar(t testing.TB, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d.txt", i), Size: int64(len(f)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// inBzip2 is "VIRUS2 in bzip2\n" in bzip2, which Go cannot write.
func inBzip2(t testing.TB) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWU+CUFEAAATfgAAQQAAQAAAgGwAQIUAQIAAxANABAmE9Gj422LA+EJQ8LuSKcKEgnwSgog==")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(b))); err != nil || string(got) != "VIRUS2 in bzip2\n" {
		t.Fatalf("%q, %v", got, err)
	}
	return string(b)
}

// attachedMail is a mail with a file.
func attachedMail(file string) string {
	return "From: <a@example.com>\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded(file) + "\r\n"
}

// manyFiles is a mail with so many files.
func manyFiles(n int) string {
	var b strings.Builder
	b.WriteString("From: <a@example.com>\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")
	for i := range n {
		fmt.Fprintf(&b, "--b\r\nContent-Type: application/octet-stream\r\n\r\n%d\r\n", i)
	}
	return b.String() + "--b--\r\n"
}

// A file in a container that engines may not open is shown by itself, with its place; one in a container that they open is
// shown with it only.
func TestVirusInside(t *testing.T) {
	long := strings.Repeat("etaoin shrdlu VIRUS1 ", 3000)
	for _, tc := range []struct {
		name, file, want string // want is what must be shown
		part             string // of it; "" when it is not shown by itself
	}{
		{"Zstandard", inZstandard(t, long), long, "2/1"},
		{"bzip2", inBzip2(t), "VIRUS2 in bzip2\n", "2/1"},
		{"Zstandard in a tar in gzip", inTar(t, "x", inZstandard(t, long)), long, "2/1/2/1"},
		{"a zip in Zstandard", inZstandard(t, archived(t, "a.txt", "VIRUS3")), archived(t, "a.txt", "VIRUS3"), "2/1"},
		{"a mail in Zstandard", inZstandard(t, attachedMail("VIRUS3")), "VIRUS3", "2/1/1"},
		{"Zstandard in a mail in a zip", archived(t, "a.eml", attachedMail(inZstandard(t, long))), long, "2/1/1/1"},
		{"a zip", archived(t, "a.txt", "VIRUS3"), "VIRUS3", ""},
		{"a tar in gzip", inTar(t, "VIRUS3", "x"), "VIRUS3", ""},
		{"a tar in Zstandard", inZstandard(t, inTar(t, "x", "VIRUS3")), inTar(t, "x", "VIRUS3"), "2/1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := &fakeEngine{name: "clamd"}
			tx := virusMail(t, fmt.Sprintf(twoFiles, encoded(tc.file), encoded("b")))
			found, err := checkVirus(t, tx, Viruses{Inspector: insideInspector(t, extract.Limits{})}, VirusEngine{Scanner: e})
			if err != nil || e.saw(tc.want) != (tc.part != "") {
				t.Errorf("shown %v, %v", e.saw(tc.want), err)
			}
			if tc.part == "" {
				return
			}
			if bytes.Contains([]byte(tc.want), []byte("VIRUS")) && !slices.ContainsFunc(found, func(f filter.Finding) bool { return f.Part == tc.part && len(f.PartSHA256) == 64 }) &&
				!slices.ContainsFunc(found, func(f filter.Finding) bool { return strings.HasPrefix(tc.part, f.Part) && f.Told != "" }) {
				t.Errorf("%+v", found)
			}
		})
	}
}

// What engines know is not opened again, however many messages carry it; what one of them does not know is.
func TestVirusInsideOnce(t *testing.T) {
	in := insideInspector(t, extract.Limits{})
	a, b := &rememberingEngine{fakeEngine{name: "a"}, map[string]virus.Answer{}}, &rememberingEngine{fakeEngine{name: "b"}, map[string]virus.Answer{}}
	for n := range 5 {
		tx := virusMail(t, fmt.Sprintf(twoFiles, encoded(inZstandard(t, strings.Repeat("x", 1000)+"VIRUS1")), encoded(fmt.Sprint(n))))
		found, err := checkVirus(t, tx, Viruses{Inspector: in}, VirusEngine{Scanner: a}, VirusEngine{Scanner: b})
		if err != nil || len(found) != 2 || found[0].Told != "VIRUS1" {
			t.Errorf("message %d: %+v, %v", n, found, err)
		}
		if n == 3 {
			clear(b.said) // new signatures
		}
	}
	count := func(e *rememberingEngine) (n int) {
		for _, s := range e.shown {
			if s == strings.Repeat("x", 1000)+"VIRUS1" {
				n++
			}
		}
		return n
	}
	if count(a) != 1 || count(b) != 2 {
		t.Errorf("it was shown %d and %d times", count(a), count(b))
	}
}

// What nobody could look into is said to be unseen by each engine, and more than the rule shows too.
func TestVirusInsideLimits(t *testing.T) {
	small := extract.DefaultLimits()
	small.MemberBytes = 1000
	for _, tc := range []struct {
		name, file string
		limits     extract.Limits
		want       message.NotInspected
	}{
		{"a big file in Zstandard", inZstandard(t, strings.Repeat("x", 1001)), small, message.NotInspected{Part: "2/1", Reason: message.TooBig}},
		{"a big file in a mail in a zip", archived(t, "a.eml", attachedMail(strings.Repeat("x", 1001))), extract.Limits{Depth: 8, Members: 9, MemberBytes: 2000, TotalBytes: 2000, Ratio: 100, TextBytes: 1 << 20, XMLDepth: 9},
			message.NotInspected{Part: "2/1/1", Reason: message.TooBig}},
		{"a text that is shown, of which little is read", archived(t, "a.eml", attachedMail(strings.Repeat("v\xe0 ", 1<<19))), extract.Limits{}, message.NotInspected{}},
		{"more files than are counted", archived(t, "a.eml", manyFiles(10)), extract.Limits{Depth: 8, Members: 9, MemberBytes: 1 << 20, TotalBytes: 1 << 20, Ratio: 100, TextBytes: 1 << 20, XMLDepth: 9},
			message.NotInspected{Part: "2/1", Reason: message.TooMany}},
		{"a big file in a zip", archived(t, "a.txt", strings.Repeat("x", 1001)), small, message.NotInspected{}}, // the engine's matter
	} {
		t.Run(tc.name, func(t *testing.T) {
			tx := virusMail(t, fmt.Sprintf(twoFiles, encoded(tc.file), encoded("b")))
			found, err := checkVirus(t, tx, Viruses{Inspector: insideInspector(t, tc.limits)}, VirusEngine{Scanner: &fakeEngine{name: "clamd"}})
			if err != nil {
				t.Fatal(err)
			}
			var got message.NotInspected
			for _, f := range found {
				got = message.NotInspected{Part: f.Part, Reason: f.NotInspected}
			}
			if got != tc.want || len(found) > 1 {
				t.Errorf("%+v", found)
			}
		})
	}
}

// What is shown of one leaf is bounded, in files and in octets; equal files count once.
func TestVirusInsideOfOneLeaf(t *testing.T) {
	gather := func(sizes ...int64) insideFiles {
		r := newFilesInside(t.Context())().(*filesInside)
		r.File(&extract.File{Size: 10})
		r.Fact(&extract.File{}, extract.Wrapped)
		for i, size := range sizes {
			r.File(&extract.File{Path: fmt.Sprintf("/%d", 2*i+1), Size: size, SHA256: fmt.Sprint(i)})
			r.File(&extract.File{Path: fmt.Sprintf("/%d", 2*i+2), Size: size, SHA256: fmt.Sprint(i)})
		}
		return r.out
	}
	if out := gather(maxInsideOctets-10, 11, 10, 1); len(out.files) != 2 || out.files[1].path != "/5" || out.more != message.TooBig {
		t.Errorf("octets: %d files, %q", len(out.files), out.more)
	}
	many := slices.Repeat([]int64{1}, maxInside)
	if out := gather(many...); len(out.files) != maxInside || out.more != "" {
		t.Errorf("%d files, %q", len(out.files), out.more)
	}
	out := gather(append(many, 1)...)
	if len(out.files) != maxInside || out.more != message.TooMany {
		t.Errorf("one more: %d files, %q", len(out.files), out.more)
	}
	s := &virusScan{engines: []VirusEngine{{Scanner: &fakeEngine{name: "clamd"}}}}
	s.unshown(extract.Leaf{Part: &message.Part{ID: "2"}}, out)
	if len(s.unseen) != 1 || s.unseen[0].Part != "2" || s.unseen[0].NotInspected != message.TooMany {
		t.Errorf("%+v", s.unseen)
	}
}
