package marking

import "testing"

func TestTurned(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"a\u202eTẬM IỐT\u202cb", "aTỐI MẬT\u202cb"},
		{"\u202eTẬM\nabc", "MẬT\nabc"},
		{"\u202eTA\u0323\u0302M", "MẬT"},
		{"\u202ecba\tTẬM\nx", "abc\tMẬT\nx"},
		{"\u202eba\u202edc", "abcd"},
		{"\u202e", ""},
		{"không có gì", "không có gì"},
	} {
		if got := turned(tc.in); got != tc.want {
			t.Errorf("turned(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}

// Tones may stand before the marks that make the letter: programs show the same.
func TestSettled(t *testing.T) {
	for _, in := range []string{"TO\u0301\u0302I MA\u0323\u0302T", "T\u00d3\u0302I M\u1ea0\u0302T", "TO\u0302\u0301I MA\u0302\u0323T"} {
		if got := visible(in); got != "TỐI MẬT" {
			t.Errorf("visible(%q) = %q", in, got)
		}
	}
}

func TestBackwardIsFound(t *testing.T) {
	got := builtIn(t).Find(Text{Kind: Body, Readings: []string{"\u202eTẬM IỐT\u202c\nKính gửi Vụ\n"}})
	if len(got) == 0 || got[0].Level != ToiMat {
		t.Errorf("found %v", got)
	}
}
