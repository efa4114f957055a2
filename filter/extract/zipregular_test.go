package extract

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"testing"

	"congthu/internal/files"
)

// Zips that programs open by their directory, and scanners by what stands before the files.
func TestIrregularZip(t *testing.T) {
	plain := string(zipOf(t, "a.txt", "letter", "thu-muc/b.txt", strings.Repeat("letter ", 100)))
	directory := strings.Index(plain, "PK\x01\x02")
	stored := storedZip(t)
	change := func(file string, at int, octets string) string { return file[:at] + octets + file[at+len(octets):] }
	for _, tc := range []struct {
		name, file string
		want       bool
	}{
		{"plain", plain, false},
		{"sizes before the file", stored, false},
		{"without files", string(zipOf(t)), true},
		{"document", string(docx(t, "<w:p/>")), false},
		{"method differs", change(plain, 8, "\x00\x00"), true},
		{"encrypted before the file only", change(plain, 6, "\x09"), true},
		{"size differs", change(stored, 18, "\x00\x00\x00\x00"), true},
		{"size of zip64", change(stored, 18, "\xff\xff\xff\xff\xff\xff\xff\xff"), true},
		{"a rare method", change(change(plain, 8, "\x5d"), directory+10, "\x5d"), true},
		{"no header", change(plain, 0, "XXXX"), true},
		{"behind something", "GIF89a" + plain, true},
		{"no directory", plain[:directory], true},
		{"a long extra field", longExtra(t, zipBefore), true},
		{"an extra field", longExtra(t, 100), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, _ := readBytes(readZip, tc.file)
			if got := slices.Contains(f.lines, "fact wrapped"); got != tc.want {
				t.Errorf("wrapped: %v\n%s", got, strings.Join(f.lines, "\n"))
			}
		})
	}
}

// storedZip is a zip that says how long its file is before it.
func storedZip(t testing.TB) string { return rawZip(t, &zip.FileHeader{Name: "a.txt"}) }

func longExtra(t testing.TB, size int) string {
	return rawZip(t, &zip.FileHeader{Name: "a.txt", Extra: append(binary.LittleEndian.AppendUint16([]byte{0xfe, 0xca}, uint16(size-4)), make([]byte, size-4)...)})
}

func rawZip(t testing.TB, h *zip.FileHeader) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h.CompressedSize64, h.UncompressedSize64 = 6, 6
	w, err := z.CreateRaw(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "letter"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func FuzzZipHeaders(f *testing.F) {
	f.Add([]byte(storedZip(f)))
	f.Add(zipOf(f, "a.txt", "letter", "b.txt", "letter"))
	f.Add([]byte(files.Compound(map[string]string{"a": "PK\x03\x04"})))
	f.Fuzz(func(t *testing.T, file []byte) {
		z, err := openZip(memory(string(file)))
		if err != nil {
			return
		}
		if told, again := irregular(memory(string(file)), z), irregular(memory(string(file)), z); told != again {
			t.Errorf("one file is told in two ways: %v and %v", told, again)
		}
		for _, entry := range z.File {
			if at, err := entry.DataOffset(); err == nil {
				if h := entryHeader(memory(string(file)), at); h != nil && (len(h) != zipHeader || !bytes.HasPrefix(h, []byte("PK\x03\x04"))) {
					t.Errorf("header %q", h)
				}
			}
		}
	})
}
