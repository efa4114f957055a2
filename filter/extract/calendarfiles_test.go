package extract

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"congthu/filter/message"
)

// Files that stand in calendars and cards are files inside, whatever writes them.
func TestFilesInCalendars(t *testing.T) {
	file := strings.Repeat("a letter in a calendar ", 20)
	encoded := base64.StdEncoding.EncodeToString([]byte(file))
	folded := strings.Join(strings.SplitAfter(encoded, "g"), "\r\n ")
	member := func(names string) string {
		return fmt.Sprintf("member %s %d octets, beginning %q, error <nil>", names, len(file), file[:20])
	}
	for _, tc := range []struct {
		name, lines string
		want        []string
	}{
		{"RFC 5545", "ATTACH;FMTTYPE=text/plain;ENCODING=BASE64;VALUE=BINARY:" + folded, []string{member("[]")}},
		{"RFC 8607", "ATTACH;FILENAME=a.txt;VALUE=BINARY;ENCODING=BASE64:" + folded, []string{member(`["a.txt"]`)}},
		{"a name in quotes, escaped", `ATTACH;X-FILENAME="ke%20hoach; 1.txt";ENCODING=BASE64:` + folded, []string{member(`["ke hoach; 1.txt" "ke%20hoach; 1.txt"]`)}},
		{"a colon in quotes", `ATTACH;X-A="b:c";encoding=base64:` + folded, []string{member("[]")}},
		{"folded in the middle of the parameters", "ATTACH;ENCO\r\n DING=BASE64:" + folded, []string{member("[]")}},
		{"folded by LF and a tab", "ATTACH;ENCODING=BASE64:" + strings.ReplaceAll(folded, "\r\n ", "\n\t"), []string{member("[]")}},
		{"without padding", "ATTACH;ENCODING=BASE64:" + strings.TrimRight(folded, "="), []string{member("[]")}},
		{"junk in it", "ATTACH;ENCODING=BASE64:*" + strings.ReplaceAll(folded, "g", "g !"), []string{member("[]")}},
		{"vCard 2.1", "PHOTO;JPEG;BASE64:\r\n " + folded + "\r\n", []string{member("[]")}},
		{"vCard 3.0", "item1.PHOTO;ENCODING=b;TYPE=JPEG:" + folded, []string{member("[]")}},
		{"vCard 4.0", "PHOTO:data:image/jpeg;base64," + folded, []string{member("[]")}},
		{"an address that is no Base64", "ATTACH:data:text/plain,a%20letter", []string{`member [] 8 octets, beginning "a letter", error <nil>`}},
		{"two", "ATTACH;ENCODING=BASE64:" + folded + "\r\nX:y\r\nATTACH;ENCODING=BASE64:" + folded, []string{member("[]"), member("[]")}},
		{"a link", "ATTACH;FMTTYPE=text/plain:https://example.com/a.txt", nil},
		{"text", "DESCRIPTION:ENCODING=BASE64:" + encoded, nil},
		{"no value", "ATTACH;ENCODING=BASE64", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := readBytes(readCalendar, "BEGIN:VCALENDAR\r\n"+tc.lines+"\r\nEND:VCALENDAR\r\n")
			if err != nil {
				t.Error(err)
			}
			wants(t, f, tc.want...)
			if n := strings.Count(strings.Join(f.lines, "\n"), "member "); n != len(tc.want) {
				t.Errorf("%d files", n)
			}
		})
	}
}

// What is over a limit is not inspected.
func TestFilesInCalendarsLimits(t *testing.T) {
	line := "ATTACH;ENCODING=BASE64:YQ==\r\n"
	for _, tc := range []struct {
		name, file string
		files      int
		err        error
	}{
		{"files at the limit", strings.Repeat(line, calendarFiles), calendarFiles, nil},
		{"one file more", strings.Repeat(line, calendarFiles+1), calendarFiles, stop{message.TooMany}},
		{"parameters at the limit", "ATTACH;X=" + strings.Repeat("x", calendarHead-25) + ";ENCODING=BASE64:YQ==", 1, nil},
		{"longer parameters", "ATTACH;X=" + strings.Repeat("x", calendarHead) + ";ENCODING=BASE64:YQ==\r\n" + line, 1, nil},
	} {
		f := &sampled{most: 64 << 20}
		if err := filesInCalendar(strings.NewReader(tc.file), f); err != tc.err || len(f.lines) != tc.files {
			t.Errorf("%s: %d files, %v", tc.name, len(f.lines), err)
		}
	}
	f := &sampled{most: 64 << 20}
	if err := filesInCalendar(strings.NewReader("ATTACH:data:,"+strings.Repeat("x", calendarURL+1)), f); err != nil || !strings.Contains(f.lines[0], "too big") {
		t.Errorf("%v, %q", err, f.lines)
	}
	if err := filesInCalendar(io.MultiReader(strings.NewReader("ATTACH:x"), iotest.ErrReader(io.ErrNoProgress)), f); err != io.ErrNoProgress {
		t.Errorf("a reader that fails: %v", err)
	}
}

// Base64 decodes as the standard library does where both do, however it is cut.
func FuzzLooseBase64(f *testing.F) {
	f.Add([]byte("a letter"), 3)
	f.Add([]byte{0, 0xff, 0xfb, 0xef}, 1)
	f.Fuzz(func(t *testing.T, file []byte, size int) {
		text := base64.StdEncoding.EncodeToString(file)
		for _, s := range []string{text, strings.TrimRight(text, "="), strings.NewReplacer("+", "-", "/", "_", "A", "*A\n").Replace(text)} {
			got, err := io.ReadAll(&base64Octets{r: &slow{strings.NewReader(s), 1 + size&0xff}})
			if err != nil || !bytes.Equal(got, file) {
				t.Errorf("%q is read as %q, %v", s, got, err)
			}
		}
	})
}

// slow gives a few octets at a time.
type slow struct {
	r io.Reader
	n int
}

func (s *slow) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.n)]) }
