package extract

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"congthu/filter/message"
)

// inLZMA and inLzip are "what stands in it, and again what stands in it\n" as xz --format=lzma and lzip write it.
func inLZMA(t testing.TB) string {
	return decoded(t, "XQAAgAD//////////wA7mghIaepxBIeeXlT+hpAI5WaPeB6Xq+kDxYo8M/XS9cZ//84mQAA=")
}
func inLzip(t testing.TB) string {
	return decoded(t, "TFpJUAEQADuaCEhp6nEEh55eVP6GkAjlZo94Hper6QPFijwz9dL1xn//ziZAAMX6G+YvAAAAAAAAAEIAAAAAAAAA")
}

func decoded(t testing.TB, s string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLZMA(t *testing.T) {
	const text = "what stands in it, and again what stands in it\n"
	member := func(times int) string {
		return fmt.Sprintf("member [\"a.txt\"] %d octets, beginning %q, error <nil>", times*len(text), text[:20])
	}
	alone, lzip := inLZMA(t), inLzip(t)
	for _, tc := range []struct {
		name, file, want string
		err              error // nil: none is looked for
	}{
		{"alone", alone, member(1), nil},
		{"lzip", lzip, member(1), nil},
		{"lzip, three members", lzip + lzip + lzip, member(3), nil},
		{"lzip, something behind it", lzip + "something", member(1), nil},
		{"alone, a big dictionary", alone[:1] + "\x00\x00\x00\x20" + alone[5:], "", stop{message.TooBig}},
		{"lzip, too many members", strings.Repeat(lzip, lzipMembers+1), "", stop{message.TooMany}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			kind, _, ok := lzmaMagic([]byte(tc.file))
			if !ok {
				t.Fatal("it is not told")
			}
			f, err := readBytes(formats()[kind].read, tc.file, "a.txt.lz", "a.txt.lzma")
			if err != tc.err {
				t.Errorf("error %v", err)
			}
			if tc.want != "" {
				wants(t, f, tc.want)
			}
			for n := 0; n < min(len(tc.file), 200); n += 3 {
				readBytes(formats()[kind].read, tc.file[:n])
			}
		})
	}
	if f, _ := readBytes(readLzip, lzip[:5]+"\x1d"+lzip[6:]); len(f.lines) != 1 || !strings.Contains(f.lines[0], "too big") {
		t.Errorf("lzip, a big dictionary: %q", f.lines)
	}
	for _, head := range []string{"", "]", "] mot van ban", "LZIP", "]\x00\x00\x80\x00" + strings.Repeat("\xff", 8) + "\x01", "]\x00\x00\x83\x00" + strings.Repeat("\xff", 8) + "\x00"} {
		if kind, _, ok := lzmaMagic([]byte(head)); ok {
			t.Errorf("%q is told as %s", head, kind)
		}
	}
}

// inZipLZMA is the same in a zip, as Python writes it.
func inZipLZMA(t testing.TB) string {
	return decoded(t, "UEsDBD8AAgAOAAAAIQDF+hvmMQAAAC8AAAAFAAAAYS50eHQJBAUAXQAAgAAAO5oISGnqcQSHnl5U/oaQCOVmj3gel6vpA8WKPDP10vXGf//OJkAAUEsBAj8DPwACAA4AAAAhAMX6G+YxAAAALwAAAAUAAAAAAAAAAAAAAIABAAAAAGEudHh0UEsFBgAAAAABAAEAMwAAAFQAAAAAAA==")
}

func TestZipLZMA(t *testing.T) {
	file := inZipLZMA(t)
	begins := strings.Index(file, "a.txt") + len("a.txt") // version, length of the properties, properties
	change := func(at int, octets string) string { return file[:begins+at] + octets + file[begins+at+len(octets):] }
	for _, tc := range []struct{ name, file, want string }{
		{"as it is", file, `member ["a.txt"] 47 octets, beginning "what stands in it, a", error <nil>`},
		{"a big dictionary", change(5, "\x01\x00\x00\x01"), `member ["a.txt"] 0 octets, beginning "", error not inspected: too big`},
		{"other properties", change(2, "\x06"), `member ["a.txt"] 0 octets, beginning "", error not inspected: unknown type`},
	} {
		f, err := readBytes(readZip, tc.file)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		wants(t, f, "fact wrapped", tc.want)
	}
	for n := 0; n < 9; n++ {
		if _, err := openZipLZMA(strings.NewReader(file[begins : begins+n])).Read(make([]byte, 9)); err == nil {
			t.Errorf("cut after %d octets: no error", n)
		}
	}
	if b, err := io.ReadAll(withoutMark{io.MultiReader(strings.NewReader("text"), iotest.ErrReader(io.ErrUnexpectedEOF))}); err != nil || string(b) != "text" {
		t.Errorf("without a mark: %q, %v", b, err)
	}
}

func FuzzLZMA(f *testing.F) {
	f.Add([]byte(inLZMA(f)))
	f.Add([]byte(inLzip(f) + inLzip(f)))
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, name := range []string{"lzma", "lzip"} {
			if name == "lzma" && len(file) > 4 && file[4] > 1 || name == "lzip" && len(file) > 5 && file[5]&0x1f > 24 {
				continue // what a worker's memory bounds
			}
			got, _ := readBytes(formats()[name].read, string(file))
			if len(got.lines) > 1 {
				t.Errorf("%s: %q", name, got.lines)
			}
		}
	})
}
