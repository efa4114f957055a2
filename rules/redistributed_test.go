package rules_test

import (
	"testing"

	"congthu/filter"
)

// A citizen's mail that a server of ours sends on is the citizen's; an official's own from free-mail is not.
func TestRedistributedMail(t *testing.T) {
	const (
		citizen = "From: <dan@gmail.com>\n"
		nvan    = "nvan@monre.gov.vn"
		counted = "(from accept)"
	)
	for _, tc := range []struct{ name, from, fields, want string }{
		{"a list of ours", "ds-bounces@monre.gov.vn", citizen, counted},
		{"owner-", "owner-ds@monre.gov.vn", citizen, counted},
		{"VERP", "ds-bounces+vanthu=laocai.gov.vn@monre.gov.vn", citizen, counted},
		{"VERP of ezmlm", "ds-return-5-vanthu=laocai.gov.vn@monre.gov.vn", citizen, counted},
		{"VERP with a plus", "ds+vanthu=laocai.gov.vn@monre.gov.vn", citizen, counted},
		{"SRS", "SRS0=ab=cd=gmail.com=dan@monre.gov.vn", citizen, counted},
		{"List-Id", "ds@monre.gov.vn", "List-Id: <ds.monre.gov.vn>\n" + citizen, counted},
		{"List-Post", "ds@monre.gov.vn", "List-Post: <mailto:ds@monre.gov.vn>\n" + citizen, counted},
		{"Precedence", "ds@monre.gov.vn", "Precedence: list\n" + citizen, counted},
		{"Precedence bulk", "ds@monre.gov.vn", "Precedence: Bulk\n" + citizen, counted},
		{"Resent", nvan, "Resent-From: <nvan@monre.gov.vn>\n" + citizen, counted},
		{"Delivered-To", nvan, "Delivered-To: nvan@monre.gov.vn\n" + citizen, counted},
		{"X-Forwarded-To", nvan, "X-Forwarded-To: a@b.example\n" + citizen, counted},
		{"Auto-Submitted", nvan, "Auto-Submitted: auto-forwarded\n" + citizen, counted},
		{"Sender is the list", "x@monre.gov.vn", "Sender: <ds@monre.gov.vn>\n" + citizen, counted},
		{"with Reply-To", "ds-bounces@monre.gov.vn", citizen + "Reply-To: <dan@gmail.com>\n", "(from accept) (reply-to accept)"},
		{"a partner's server", "dan@example.com", citizen, counted},
		{"the null reverse-path", "", citizen, counted},
		{"forwarded without SRS", "dan@gmail.com", "Delivered-To: nvan@monre.gov.vn\n" + citizen, "(from accept) (reverse-path accept)"},

		{"an official", nvan, citizen, "from"},
		{"an official who says who sends", nvan, "Sender: <NVan@monre.gov.vn>\n" + citizen, "from"},
		{"an official whose mail is not automatic", nvan, "Auto-Submitted: no\n" + citizen, "from"},
		{"an official with an urgent letter", nvan, "Precedence: first-class\n" + citizen, "from"},
		{"an official with an empty mark", nvan, "List-Id:\n" + citizen, "from"},
		{"an official's name with a hyphen", "nguyen-van-an@monre.gov.vn", citizen, "from"},
		{"an official with an address for orders", "nvan+order@monre.gov.vn", citizen, "from"},
		{"free-mail through our server", "nvan@gmail.com", citizen, "from reverse-path"},
		{"no domain", "nvan", citizen, "from"},
		{"ours beside free-mail, over a list", "ds-bounces@monre.gov.vn", "From: <nvan@monre.gov.vn>, <dan@gmail.com>\nList-Id: <ds.monre.gov.vn>\n", "from"},
		{"ours in another reading", nvan, "List-Id: <ds.monre.gov.vn>\nFrom: <dan@gmail.com>\nX: y\rFrom: <nvan@monre.gov.vn>\n", "from"},
		{"no From", nvan, "Reply-To: <nvan@gmail.com>\n", "reply-to"},
		{"free-mail behind a line without a colon", nvan, "From: <nvan@monre.gov.vn>\nX: y\rReply-To: <nvan@gmail.com>\n", "reply-to"},
	} {
		if got := freeMail(t, config(t), filter.Outbound, tc.from, "vanthu@laocai.gov.vn", tc.fields); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}
