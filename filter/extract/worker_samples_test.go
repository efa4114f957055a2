package extract

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"congthu/filter/message"
)

// sampled is an out that keeps what a reader finds, for tests of one reader alone.
type sampled struct {
	lines []string
	most  int // octets of text and members; 0 is any number
	size  int
}

func (f *sampled) add(n int, format string, args ...any) error {
	f.lines = append(f.lines, fmt.Sprintf(format, args...))
	if f.size += n; f.most > 0 && f.size > f.most {
		return stop{message.TooBig}
	}
	return nil
}

func (f *sampled) text(t Text) error {
	where := string(t.Kind)
	if t.Name != "" {
		where += "=" + t.Name
	}
	if t.Page > 0 {
		where += fmt.Sprintf(" %d", t.Page)
	}
	if t.Reading > 0 {
		return f.add(len(t.Value), "reading %s %q", where, t.Value)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(t.Value, "\n"), "\n") {
		if err := f.add(len(line), "%s %q", where, line); err != nil {
			return err
		}
	}
	return nil
}
func (f *sampled) fact(fact Fact)          { f.add(0, "fact %s", fact) }
func (f *sampled) miss(why message.Reason) { f.add(0, "miss %s", why) }
func (f *sampled) member(names []string, r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, 64<<20))
	return f.add(len(b), "member %q %d octets, beginning %.20q, error %v", names, len(b), b, err)
}

func (f *sampled) has(line string) bool { return slices.Contains(f.lines, line) }

// readBytes has one reader read octets, in this process.
func readBytes(read reader, file string, names ...string) (*sampled, error) {
	f := &sampled{most: 64 << 20}
	in := &input{content: memory(file), head: []byte(file[:min(len(file), headBytes)]), file: &File{Names: names, Size: int64(len(file))}, limits: DefaultLimits()}
	err := read(context.Background(), in, f)
	return f, err
}

func memory(file string) content { return strings.NewReader(file) }

// sample is a committed file.
func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "worker", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// compiled is a directory for the PDF library's compiled code, the same for every run: to compile it takes many times as
// long as all tests that use it.
func compiled(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		return t.TempDir()
	}
	dir := filepath.Join(cache, "congthu-test")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return t.TempDir()
	}
	return dir
}

// wants compares what was found with lines that must be there, in this order, among others.
func wants(t *testing.T, f *sampled, lines ...string) {
	t.Helper()
	at := 0
	for _, want := range lines {
		i := slices.Index(f.lines[at:], want)
		if i < 0 {
			t.Errorf("no %s (after line %d) in\n%s", want, at, strings.Join(f.lines, "\n"))
			return
		}
		at += i + 1
	}
}
