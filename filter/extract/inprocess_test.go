package extract

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"congthu/filter/message"
)

// seen is what readers in this process found in a file: "path kind[name] page: text", readings but the first left out,
// and "path fact", "path type". Pieces of one kind are joined.
type seen struct {
	lines    []string
	readings []string
	missed   []message.NotInspected
	octets   int
}

func (s *seen) File(f *File)            { s.lines = append(s.lines, f.Path+" is "+f.Type) }
func (s *seen) Fact(f *File, fact Fact) { s.lines = append(s.lines, f.Path+" fact "+string(fact)) }
func (s *seen) Text(f *File, t Text) {
	if len(t.Value) > MaxPiece || !slices.Contains([]Kind{Body, HeaderFooter, Comment, Property, Label, FileName}, t.Kind) {
		panic(fmt.Sprintf("a piece of %d octets of kind %q", len(t.Value), t.Kind))
	}
	if s.octets += len(t.Value); s.octets > 1<<20 {
		return // a test has no more memory than a consumer
	}
	for line := range strings.Lines(t.Value) {
		line = fmt.Sprintf("%s %s %s %d: %s", f.Path, t.Kind, t.Name, t.Page, strings.TrimRight(line, "\n"))
		if t.Reading > 0 {
			s.readings = append(s.readings, line)
		} else {
			s.lines = append(s.lines, line)
		}
	}
}
func (s *seen) Outcome() (any, bool) { return s, true }

// inspect looks into one file without workers.
func inspect(t testing.TB, name, mediaType string, file []byte, l Limits) *seen {
	t.Helper()
	return inspectWith(t, nil, name, mediaType, file, l)
}

// inspectWith looks into one file with workers.
func inspectWith(t testing.TB, p *Pool, name, mediaType string, file []byte, l Limits) *seen {
	t.Helper()
	in, err := New(Options{Limits: l, Pool: p, Consumers: map[string]NewConsumers{"all": func(context.Context) NewConsumer { return func() Consumer { return &seen{} } }}})
	if err != nil {
		t.Fatal(err)
	}
	mail := "Content-Type: " + mediaType + "; name=\"" + name + "\"\r\nContent-Transfer-Encoding: binary\r\n\r\n" + string(file)
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	found, err := in.Inspect(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	s := found.Leaves[0].Outcomes["all"].(*seen)
	s.missed = found.NotInspected
	return s
}

// want compares what was found with lines that must be there; one that begins with "!" must not.
func (s *seen) want(t testing.TB, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if no, ok := strings.CutPrefix(line, "!"); ok == slices.Contains(s.lines, strings.TrimPrefix(line, "!")) {
			t.Errorf("%q is %v in\n%s", no, !ok, strings.Join(s.lines, "\n"))
			return
		}
	}
}

// reasons is what was not inspected, as text.
func (s *seen) reasons() string {
	var out []string
	for _, n := range s.missed {
		out = append(out, n.Part+" "+string(n.Reason))
	}
	return strings.Join(out, ", ")
}

func officeSample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "office", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const octetStream = "application/octet-stream"
