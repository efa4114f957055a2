package message

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each reading of the root's header is given, the usual one first.
func TestHeaders(t *testing.T) {
	for _, test := range []struct {
		name, raw string
		want      []string // the names of the fields of each reading, without lines that are none
	}{
		{"one way", "From: a@b.vn\nSubject: x\n\nhi\n", []string{"From Subject"}},
		{"no header", "hello\n\nhi\n", []string{""}},
		{"a line without a colon", "From: a@b.vn\nbad line\nSubject: x\n\nhi\n", []string{"From Subject", "From"}},
		{"a line without a colon first", "bad line\nReply-To: a@b.vn\n\nhi\n", []string{"Reply-To", ""}},
		{"a fold of blanks only", "From: a@b.vn\n \nSubject: x\n\nhi\n", []string{"From Subject", "From"}},
		{"two such lines", "From: a@b.vn\nbad\nTo: c@d.vn\nbad\nSubject: x\n\nhi\n", []string{"From To Subject", "From"}},
		{"a CR alone", "From: a@b.vn\rSubject: x\nTo: c@d.vn\n\nhi\n", []string{"From To", "From Subject To"}},
		{"a CR alone and a bad line after it", "X: a\rbad\nSubject: x\nFrom: a@b.vn\n\nhi\n",
			[]string{"X Subject From", "X Subject From", "X"}},
		{"an mbox line is none", "From a@b.vn now\nSubject: x\n\nhi\n", []string{"Subject"}},
	} {
		m := read(t, crlf(test.raw))
		var got []string
		for _, h := range m.Headers() {
			var names []string
			for _, f := range h.Fields {
				if f.Name != "" {
					names = append(names, f.Name)
				}
			}
			got = append(got, strings.Join(names, " "))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if m.Headers()[0] != m.Header {
			t.Errorf("%s: the first is not Message.Header", test.name)
		}
	}
	byHand := &Message{Header: &Header{}}
	if got := byHand.Headers(); len(got) != 1 || got[0] != byHand.Header {
		t.Errorf("a message made by hand: %v", got)
	}
}

// Addresses are those of every reading.
func TestAddressesOfEveryReading(t *testing.T) {
	m := read(t, crlf("From: a@b.vn\nX: y\rReply-To: c@d.vn\nReply-To: e@f.vn\nbad line\nReply-To: g@h.vn\n\nhi\n"))
	got, ok := m.Addresses("Reply-To")
	want := []Address{{"", "e", "f.vn"}, {"", "g", "h.vn"}, {"", "c", "d.vn"}}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("well-formed %v (-want +got):\n%s", ok, diff)
	}
}
