//go:build long

package message

import (
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"congthu/internal/corpus"
)

const (
	minMails  = 6000
	maxOddHam = 0.03 // share of ordinary mails in which something is called ambiguous
)

// TestLongCorpus reads real mail of every kind: nothing panics, limits and invariants hold, and what people
// wrote to one another is hardly ever called ambiguous. It prints what was found, by kind.
func TestLongCorpus(t *testing.T) {
	var total, ham, oddHam, guessed int
	kinds, examples, missed := map[AnomalyKind]int{}, map[AnomalyKind]string{}, map[Reason]int{}
	corpus.Each(t, func(name string, raw []byte) {
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
