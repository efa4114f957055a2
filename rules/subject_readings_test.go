package rules_test

import (
	"strings"
	"testing"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/rules"
)

// A subject must stand where every reader of the header finds it.
func TestSubjectInEveryReading(t *testing.T) {
	const armour = "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n"
	for _, tc := range []struct{ name, mail, want string }{
		{"as it should be", "From: <nvan@monre.gov.vn>\nSubject: So lieu\n\nx\n", ""},
		{"behind a line without a colon", "From: <nvan@monre.gov.vn>\nbad line\nSubject: So lieu\n\nx\n", "missing"},
		{"before one", "From: <nvan@monre.gov.vn>\nSubject: So lieu\nbad line\nTo: <a@b.example>\n\nx\n", ""},
		{"behind a field name with accents", "From: <nvan@monre.gov.vn>\nX-Ghi-chú: a\nSubject: So lieu\n\nx\n", "missing"},
		{"behind a fold of blanks", "From: <nvan@monre.gov.vn>\n \nSubject: So lieu\n\nx\n", "missing"},
		{"behind a CR alone, for some", "From: <nvan@monre.gov.vn>\nX: a\rSubject: So lieu\n\nx\n", "missing"},
		{"before and behind", "Subject: So lieu\nbad line\nSubject: So lieu\n\nx\n", ""},
		{"only prefixes for some", "Subject: Re:\nbad line\nSubject: So lieu\n\nx\n", "prefix"},
		{"automatic", "Auto-Submitted: auto-replied\nbad line\nSubject: So lieu\n\nx\n", ""},
		{"stand-in, encrypted", "Subject: ...\n\n" + armour, ""},
		{"stand-in, in clear", "Subject: ...\n\nKinh gui.\n", "blank"},
		{"stand-in, encrypted, missing for some", "X: a\nbad line\nSubject: ...\n\n" + armour, "missing"},
	} {
		mail := strings.ReplaceAll(tc.mail, "\n", "\r\n")
		m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		tx := &filter.Transaction{Message: m, ReversePath: filter.ParsePath("nvan@monre.gov.vn", ""), Direction: filter.Outbound}
		got := ""
		for _, f := range check(t, config(t), rules.NameSubject, tx) {
			got += f.Detail
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
