package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"congthu/filter/message"
)

// packedMail is a mail with a zip of two files, of which the second is a zip of a letter, and a leaf of text.
func packedMail(t testing.TB) (*message.Message, *message.Part) {
	t.Helper()
	file := string(zipOf(t, "a.txt", "first", "b.zip", string(zipOf(t, "c.txt", "second"))))
	mail := "Content-Type: application/zip\r\nContent-Transfer-Encoding: binary\r\n\r\n" + file
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for p := range m.Contents() {
		return m, p
	}
	t.Fatal("no leaf")
	return nil, nil
}

// The files that are wanted are shown, with the octets that the inspection told the hash of; others are not.
func TestOpen(t *testing.T) {
	in, err := New(Options{Limits: DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	m, p := packedMail(t)
	found, err := in.Inspect(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	hashes := map[string]string{}
	for _, f := range found.Leaves[0].Files {
		hashes[f.Path] = f.SHA256
	}
	for _, tc := range []struct{ wanted, want []string }{
		{[]string{"/1"}, []string{"/1 first"}},
		{[]string{"/2/1"}, []string{"/2/1 second"}},
		{[]string{"/2/1", "/1"}, []string{"/1 first", "/2/1 second"}},
		{[]string{"/3", "/2/2", "/1/1"}, nil},
		{nil, nil},
	} {
		var got []string
		err := in.Open(t.Context(), []Wanted{{p, tc.wanted}}, func(part *message.Part, f *File, octets io.ReaderAt) error {
			b, err := io.ReadAll(io.NewSectionReader(octets, 0, f.Size))
			if part != p || f.SHA256 != hashes[f.Path] {
				t.Errorf("%+v of part %q", f, part.ID)
			}
			got = append(got, f.Path+" "+string(b))
			return err
		})
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%q: %q, %v", tc.wanted, got, err)
		}
	}
}

// The limits hold here too, and nothing is shown behind one.
func TestOpenLimits(t *testing.T) {
	l := DefaultLimits()
	l.MemberBytes = 4
	in, err := New(Options{Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	_, p := packedMail(t)
	if err := in.Open(t.Context(), []Wanted{{p, []string{"/1", "/2"}}}, func(*message.Part, *File, io.ReaderAt) error {
		t.Error("a file over the limit was shown")
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// What whoever looks at the files says ends the reading, and so does the end of the time.
func TestOpenEnds(t *testing.T) {
	in, err := New(Options{Limits: DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	_, p := packedMail(t)
	wanted := []Wanted{{p, []string{"/1", "/2", "/2/1"}}}
	enough, shown := errors.New("enough"), 0
	if err := in.Open(t.Context(), wanted, func(*message.Part, *File, io.ReaderAt) error { shown++; return enough }); !errors.Is(err, enough) || shown != 1 {
		t.Errorf("%v after %d files", err, shown)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	if err := in.Open(ctx, wanted, func(*message.Part, *File, io.ReaderAt) error { return errors.New("shown") }); !errors.Is(err, enough) {
		t.Error(err)
	}
}

// Files that a worker takes out of their container are shown as well.
func TestOpenWithWorker(t *testing.T) {
	p, _ := workersOf(t, compiled(t), 1, 30*time.Second)
	in, err := New(Options{Limits: DefaultLimits(), Pool: p})
	if err != nil {
		t.Fatal(err)
	}
	mail := "Content-Type: application/x-7z-compressed\r\nContent-Transfer-Encoding: binary\r\n\r\n" + sample(t, "plain.7z")
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for part := range m.Contents() {
		if err := in.Open(t.Context(), []Wanted{{part, []string{"/1"}}}, func(_ *message.Part, f *File, octets io.ReaderAt) error {
			b, err := io.ReadAll(io.NewSectionReader(octets, 0, f.Size))
			got = append(got, fmt.Sprintf("%s %.5s %d", f.Path, b, len(b)))
			return err
		}); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(got, []string{"/1 <?xml 2855"}) {
		t.Errorf("%q", got)
	}
}
