package rules_test

import (
	"net/netip"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/rules"
)

// What servers leave in mail that they forward, and what looks like it.
func TestForwarding(t *testing.T) {
	const (
		citizen  = "From: <dan@example.com>\nTo: <nvan@monre.gov.vn>\n"
		official = "From: <lthoa@monre.gov.vn>\nTo: <nvan@monre.gov.vn>\n"
		box      = "nvan.rieng@gmail.com"
		us       = "nvan@monre.gov.vn"
	)
	held := func(sign string) string { return "forwarded: " + sign + ", recipient" }
	for _, tc := range []struct {
		name, from, to, fields, want string // want: the forwarding finding, "" for none
	}{
		{"SRS", "SRS0=ab=cd=example.com=dan@monre.gov.vn", box, citizen, held("srs")},
		{"SRS of a host of ours, lower case", "srs1+ab=x==y@mx.monre.gov.vn", box, citizen, held("srs")},
		{"SRS of others", "SRS0=ab=cd=example.com=dan@example.org", box, citizen, "(" + held("foreign sender") + " accept)"},
		{"no SRS", "SRS0@monre.gov.vn", box, official, ""},
		{"SRS to a partner", "SRS0=ab=cd=example.com=dan@monre.gov.vn", "a@example.org", citizen, ""},

		{".forward", "dan@example.com", box, "Delivered-To: nvan@monre.gov.vn\n" + citizen, held("delivered")},
		{".forward of a colleague's mail", "lthoa@monre.gov.vn", box, "Delivered-To: nvan@monre.gov.vn\n" + official, held("delivered")},
		{"X-Original-To", "dan@example.com", box, "X-Original-To: <nvan@monre.gov.vn>\n" + citizen, held("delivered")},
		{"delivered elsewhere before", us, box, "Delivered-To: dan@example.com\n" + official, ""},
		{"virtual alias", "dan@example.com", box, "Received: from a by b with SMTP id 1\n\tfor <nvan@monre.gov.vn>; Mon\n" + citizen, held("received for")},
		{"virtual alias, no brackets", "dan@example.com", box, "Received: from a by b for nvan@monre.gov.vn; Mon\n" + citizen, held("received for")},
		{"a hop for the one who gets it", "dan@example.com", box, "Received: from a by b for <" + box + ">; Mon\n" + citizen, "(" + held("foreign sender") + " accept)"},
		{"came for one who still gets it", us, us + " " + box, "Received: from a by b for <NVan@monre.gov.vn>; Mon\nFrom: <x@gmail.com>\n", ""},
		{"two hops of ours for a letter of ours", us, box, "Received: from a by b for <relay@monre.gov.vn>; Mon\n" + official, ""},

		{"Sieve", us, box, "X-Sieve-Redirected-From: nvan@monre.gov.vn\n" + citizen, held("forward field")},
		{"Zimbra", us, box, "X-Zimbra-Forwarded: nvan@monre.gov.vn\n" + citizen, held("forward field")},
		{"Exchange rule", us, box, "X-MS-Exchange-Inbox-Rules-Loop: nvan@monre.gov.vn\n" + citizen, held("forward field")},
		{"Exchange mailbox", us, box, "X-MS-Exchange-ForwardingLoop: nvan@monre.gov.vn;0123\n" + citizen, held("forward field")},
		{"Exchange rules agent", us, box, "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent\n" + official, held("forward field")},
		{"Gmail", us, box, "X-Forwarded-To: nvan.rieng@gmail.com\nX-Forwarded-For: nvan@monre.gov.vn nvan.rieng@gmail.com\n" + citizen, held("forward field")},
		{"forwarded among strangers before", us, box, "X-Forwarded-To: dan@example.org\n" + official, ""},
		{"Resent", "nvan@monre.gov.vn", box, "Resent-From: <nvan@monre.gov.vn>\n" + citizen, held("resent")},
		{"own mail sent again", us, box, "Resent-From: <lthoa@monre.gov.vn>\n" + official, ""},
		{"auto-forwarded", us, box, "Auto-Submitted: auto-forwarded (rule)\n" + official, held("auto-submitted")},

		{"automatic answer", "", box, "Auto-Submitted: auto-replied\nX-MS-Exchange-Inbox-Rules-Loop: nvan@monre.gov.vn\nFrom: <nvan@monre.gov.vn>\n", ""},
		{"notice", us, box, "Auto-Submitted: auto-generated\nFrom: <nvan@monre.gov.vn>\n", ""},
		{"list of ours", "tin-bounces@monre.gov.vn", box, "Delivered-To: tin@monre.gov.vn\nList-Id: <tin.monre.gov.vn>\n" + citizen, ""},
		{"list of others, forwarded", "tin-bounces@example.org", box, "Delivered-To: nvan@monre.gov.vn\nList-Id: <tin.example.org>\n" + citizen, held("delivered")},
		{"by hand", us, box, "Subject: Fwd: x\nReferences: <1@example.com>\nFrom: <nvan@monre.gov.vn>\n", ""},

		{"a stranger's, no sign", "dan@example.com", box, citizen, "(" + held("foreign sender") + " accept)"},
		{"a stranger's to a partner, no sign", "dan@example.com", "a@example.org", citizen, ""},
		{"several", "dan@example.com", us + " " + box + " a@example.org x@yahoo.com", "Delivered-To: nvan@monre.gov.vn\n" + citizen, "forwarded: delivered, recipients 2 4 of 4"},
	} {
		for _, d := range []filter.Direction{filter.Outbound, filter.Inbound} {
			tx := transaction(t, d, tc.from, tc.to, tc.fields)
			tx.Session.Client = netip.MustParseAddr("10.0.0.1")
			got := ""
			for _, f := range forwardings(t, tx) {
				got = f.Detail
				if f.Mode == filter.Monitor {
					got = "(" + f.Detail + " " + f.Disposition.String() + ")"
				} else if f.Disposition != filter.Hold {
					t.Errorf("%s: %+v", tc.name, f)
				}
			}
			if got != tc.want {
				t.Errorf("%s, %s: got %q, want %q", tc.name, d, got, tc.want)
			}
		}
	}
}

// forwardings are the findings about forwarding.
func forwardings(t *testing.T, tx *filter.Transaction) []filter.Finding {
	t.Helper()
	c := config(t)
	c.ClientOurs = filter.Organisation{TrustedNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}.ClientIsOurs
	var out []filter.Finding
	for _, f := range check(t, c, rules.NameFreeMail, tx) {
		if strings.HasPrefix(f.Detail, "forwarded") {
			out = append(out, f)
		}
	}
	return out
}

// A stranger's server that sends a stranger's mail says nothing of ours.
func TestForwardingNeedsAClientOfOurs(t *testing.T) {
	tx := transaction(t, filter.Inbound, "dan@example.com", "x@gmail.com", "From: <dan@example.com>\n")
	tx.Session.Client = netip.MustParseAddr("203.0.113.1")
	if got := forwardings(t, tx); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

// Senders of forwarded mail are the stranger's own and are counted; a clerk's are acted on.
func TestForwardedSendersAreCounted(t *testing.T) {
	c := config(t)
	for _, tc := range []struct{ from, fields, want string }{
		{"SRS0=a=b=gmail.com=dan@monre.gov.vn", "From: <dan@gmail.com>\n", "(from accept)"},
		{"nvan@monre.gov.vn", "X-Sieve-Redirected-From: nvan@monre.gov.vn\nFrom: <dan@gmail.com>\nReply-To: <dan@gmail.com>\n", "(from accept) (reply-to accept)"},
		{"nvan@monre.gov.vn", "From: <dan@gmail.com>\n", "from"},
		{"nvan@monre.gov.vn", "Delivered-To: nvan@monre.gov.vn\nFrom: <nvan@monre.gov.vn>\nReply-To: <dan@gmail.com>\n", "reply-to"},
	} {
		if got := freeMail(t, c, filter.Outbound, tc.from, "a@example.com", tc.fields); got != tc.want {
			t.Errorf("%s %q: got %q, want %q", tc.from, tc.fields, got, tc.want)
		}
	}
	c.Forwarded = filter.Tag
	found := check(t, c, rules.NameFreeMail, transaction(t, filter.Outbound, "a@monre.gov.vn", "x@gmail.com", "From: <a@monre.gov.vn>\nDelivered-To: a@monre.gov.vn\n"))
	if len(found) != 2 || found[0].Disposition != filter.Tag {
		t.Errorf("the policy's disposition is not asked: %+v", found)
	}
}

// A finding names single recipients by their places, and not all of a great many.
func TestWhichRecipients(t *testing.T) {
	c := config(t)
	for to, want := range map[string]string{
		"x@gmail.com":                                       "(recipient accept)",
		"a@b.example x@gmail.com c@b.example":               "(recipient 2 of 3 accept)",
		"x@gmail.com a@b.example y@yahoo.com":               "(recipients 1 3 of 3 accept)",
		strings.Repeat("x@gmail.com ", 10):                  "(recipients 1 2 3 4 5 6 7 8 9 10 of 10 accept)",
		"a@b.example" + strings.Repeat(" x@gmail.com", 999): "(recipients 2 3 4 5 6 7 8 9 10 11 and 989 more of 1000 accept)",
	} {
		if got := freeMail(t, c, filter.Outbound, "a@monre.gov.vn", to, "From: <a@monre.gov.vn>\n"); got != want {
			t.Errorf("%.60s: got %q, want %q", to, got, want)
		}
	}
}
