package rules

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"testing"

	"congthu/filter"
	"congthu/filter/message"
)

// archived is a zip of one file that is stored as it is.
func archived(t testing.TB, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Archives behind each other in one file are shown one by one too, for scanners open none of them then. One in another
// is not shown twice.
func TestVirusInZipsBehindEachOther(t *testing.T) {
	one, two := archived(t, "a.txt", "one"), archived(t, "b.txt", "two")
	for _, tc := range []struct {
		name, file string
		shown      []string // of the pieces
	}{
		{"two", one + two, []string{one, two}},
		{"with junk between", "junk" + one + "more junk" + two + "rest", []string{one, two}},
		{"one", one, nil},
		{"one behind a program", "MZ" + one, nil},
		{"one in another", archived(t, "c.zip", one), nil},
		{"one in another, and one more", archived(t, "c.zip", one) + two, []string{archived(t, "c.zip", one), two}},
		{"an end of nothing", "PK\x05\x06" + one, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := &fakeEngine{name: "clamd"}
			if _, err := checkVirus(t, virusMail(t, fmt.Sprintf(twoFiles, encoded(tc.file), encoded("b"))), Viruses{}, VirusEngine{Scanner: e}); err != nil {
				t.Fatal(err)
			}
			if len(e.shown) != 4+len(tc.shown) { // two files, a letter, the message as it came
				t.Errorf("%d objects were shown", len(e.shown))
			}
			for _, want := range tc.shown {
				if !e.saw(want) {
					t.Errorf("it was not shown %q", want)
				}
			}
		})
	}
	var many string
	for i := range maxZips + 1 {
		many += archived(t, "a.txt", fmt.Sprint(i))
	}
	found, err := checkVirus(t, virusMail(t, fmt.Sprintf(twoFiles, encoded(many), encoded("b"))), Viruses{}, VirusEngine{Scanner: &fakeEngine{name: "clamd"}})
	if err != nil || !slices.ContainsFunc(found, func(f filter.Finding) bool { return f.NotInspected == message.TooMany && f.Part == "2" }) {
		t.Errorf("%d archives: %+v, %v", maxZips+1, found, err)
	}
}

// Ends are found wherever what is written is cut.
func TestZipEndsInPieces(t *testing.T) {
	file := []byte(archived(t, "a.txt", "one") + archived(t, "b.txt", "two"))
	var whole zipEnds
	whole.Write(file)
	for size := 1; size < 60; size++ {
		var z zipEnds
		for b := range slices.Chunk(file, size) {
			if n, err := z.Write(b); n != len(b) || err != nil {
				t.Fatal(n, err)
			}
		}
		if !slices.Equal(z.behindEachOther(), whole.behindEachOther()) || len(whole.behindEachOther()) != 2 {
			t.Errorf("pieces of %d: %v, whole: %v", size, z.ranges, whole.ranges)
		}
	}
}

func FuzzZipEnds(f *testing.F) {
	f.Add([]byte(archived(f, "a.txt", "one")+archived(f, "b.txt", "two")), 7)
	f.Add([]byte("PK\x05\x06PK\x05\x06"), 1)
	f.Fuzz(func(t *testing.T, file []byte, size int) {
		var z zipEnds
		for b := range slices.Chunk(file, max(1, size&0xff)) {
			z.Write(b)
		}
		for i, r := range z.behindEachOther() {
			if r.from < 0 || r.from > r.to || r.to > int64(len(file)) || i > 0 && r.from <= z.ranges[i-1].from {
				t.Errorf("%v of %d octets", z.ranges, len(file))
			}
		}
	})
}
