package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// The PDF's table leads to its objects: a reader need not search all of it for them.
func TestPDFIsWhole(t *testing.T) {
	b, err := content("pdf", 1, 30_000)
	if err != nil || len(b) != 30_000 {
		t.Fatal(len(b), err)
	}
	var table, entries int
	tail := string(b[bytes.LastIndex(b, []byte("startxref")):])
	if _, err := fmt.Sscanf(tail, "startxref\n%d\n", &table); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b[table:]), "\n")
	if _, err := fmt.Sscanf(lines[0]+" "+lines[1], "xref 0 %d", &entries); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < entries; i++ {
		var at int
		if _, err := fmt.Sscanf(lines[2+i], "%d 00000 n", &at); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("%d 0 obj", i); !bytes.HasPrefix(b[at:], []byte(want)) {
			t.Errorf("at %d stands %q, want %s", at, b[at:at+10], want)
		}
	}
}
