package rules_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/rules"
	"congthu/signing/mailauth"
)

// names is the DNS of the test: texts by name; "!" is a temporary failure.
type names map[string]string

func (n names) LookupTXT(_ context.Context, name string) ([]string, error) {
	name = strings.TrimSuffix(name, ".")
	switch text, ok := n[name]; {
	case !ok:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	case text == "!":
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	default:
		return []string{text}, nil
	}
}

func (n names) LookupMX(context.Context, string) ([]*net.MX, error) { return nil, n.none() }
func (n names) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) {
	return nil, n.none()
}
func (n names) LookupAddr(context.Context, string) ([]string, error) { return nil, n.none() }
func (n names) none() error                                          { return &net.DNSError{Err: "no such host", IsNotFound: true} }

func world() names {
	return names{
		"monre.gov.vn": "v=spf1 ip4:203.0.113.1 -all", "_dmarc.monre.gov.vn": "v=DMARC1; p=reject",
		"mae.gov.vn":   "v=spf1 ip4:203.0.113.1 -all", // without a DMARC record
		"good.example": "v=spf1 ip4:198.51.100.1 -all", "_dmarc.good.example": "v=DMARC1; p=reject",
		"lax.example": "v=spf1 ip4:198.51.100.1 -all", "_dmarc.lax.example": "v=DMARC1; p=none",
		"strict.example":      "v=spf1 ip4:198.51.100.1 -all",
		"slow.example":        "!",
		"_dmarc.slow.example": "v=DMARC1; p=reject",
	}
}

// authenticated runs the rule alone over a message.
func authenticated(t *testing.T, tx *filter.Transaction, dns names) ([]filter.Finding, error) {
	t.Helper()
	c := config(t)
	c.ClientOurs = filter.Organisation{TrustedNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}.ClientIsOurs
	c.AuthservID = "monre.gov.vn"
	if dns != nil {
		c.Authentication = mailauth.New(dns, mailauth.Limits{}, time.Now)
	}
	for _, r := range rules.All(c) {
		if r.Name == rules.NameSenderAuthentication {
			return r.Check(t.Context(), tx)
		}
	}
	t.Fatal("no such rule")
	return nil, nil
}

func fromOutside(t *testing.T, client, reverse, header string) *filter.Transaction {
	t.Helper()
	raw := header + "Subject: x\r\n\r\nText\r\n"
	m, err := message.Read(strings.NewReader(raw), int64(len(raw)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	tx := &filter.Transaction{Direction: filter.Inbound, ReversePath: filter.ParsePath(reverse, ""), Message: m}
	tx.Session.Helo = "mail.example"
	if client != "" {
		tx.Session.Client = netip.MustParseAddr(client)
	}
	return tx
}

func TestSenderAuthentication(t *testing.T) {
	const ours, good = "From: Bo <bo@monre.gov.vn>\r\n", "From: a@good.example\r\n"
	tests := []struct{ name, client, reverse, header, want string }{
		{"ours by our server", "203.0.113.1", "bo@monre.gov.vn", ours, "accept own domain, proven"},
		{"ours without a DMARC record, by our server", "203.0.113.1", "bo@mae.gov.vn", "From: bo@mae.gov.vn\r\n", "accept own domain, proven"},
		{"ours, another domain of ours on the envelope", "203.0.113.1", "bo@mae.gov.vn", ours, "accept own domain, proven"},
		{"ours from a stranger", "198.51.100.9", "bo@monre.gov.vn", ours, "unset own domain, forged"},
		{"ours on a stranger's envelope", "198.51.100.1", "a@good.example", ours, "unset own domain, forged"},
		{"a subdomain of ours that nobody has", "198.51.100.9", "x@good.example", "From: x@vpcp.monre.gov.vn\r\n", "unset own domain, forged"},
		{"ours in capitals", "198.51.100.9", "", "From: <BO@MONRE.GOV.VN>\r\n", "unset own domain, forged"},
		{"ours beside another author", "198.51.100.1", "a@good.example", "From: a@good.example, bo@monre.gov.vn\r\n", "unset own domain, forged"},
		{"ours in a second From field", "198.51.100.1", "a@good.example", good + ours, "unset own domain, forged"},
		{"ours in two From fields, by our server", "203.0.113.1", "bo@monre.gov.vn", ours + ours, "unset own domain, forged"},
		{"ours handed on by a relay of ours", "10.0.0.1", "bo@monre.gov.vn", ours, "tag own domain, unknown"},
		{"ours by a client that nobody knows", "", "bo@monre.gov.vn", ours, "tag own domain, unknown"},
		{"ours over loopback", "127.0.0.1", "bo@monre.gov.vn", ours, "tag own domain, unknown"},

		{"good", "198.51.100.1", "a@good.example", good, "accept proven"},
		{"against the policy", "198.51.100.9", "a@good.example", good, "tag against its policy"},
		{"owner asks for nothing, SPF fails", "198.51.100.9", "a@lax.example", "From: a@lax.example\r\n", "tag not its server"},
		{"owner asks for nothing, another's envelope", "198.51.100.1", "a@good.example", "From: a@lax.example\r\n", "accept unproven"},
		{"no policy, SPF fails", "198.51.100.9", "a@strict.example", "From: a@strict.example\r\n", "tag not its server"},
		{"nothing published", "198.51.100.9", "a@none.example", "From: a@none.example\r\n", "accept unproven"},
		{"two From fields", "198.51.100.1", "a@good.example", good + good, "tag several From fields"},
		{"DNS fails", "198.51.100.1", "a@slow.example", "From: a@slow.example\r\n", "accept unknown"},
		{"bounce", "198.51.100.1", "", "From: mailer-daemon@none.example\r\n", "accept unproven"},
		{"no author", "198.51.100.1", "", "From: undisclosed:;\r\n", "accept unproven"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			found, err := authenticated(t, fromOutside(t, test.client, test.reverse, test.header), world())
			if err != nil || len(found) != 1 {
				t.Fatalf("%+v, %v", found, err)
			}
			f := found[0]
			if got := f.Disposition.String() + " " + f.Detail; got != test.want {
				t.Errorf("%s, want %s\n%s", got, test.want, f.Results)
			}
			if !strings.HasPrefix(f.Results, "monre.gov.vn;\r\n\t") {
				t.Errorf("%q", f.Results)
			}
		})
	}
}

// A missing answer about our own domain is no forgery.
func TestSenderAuthenticationWithoutDNS(t *testing.T) {
	found, err := authenticated(t, fromOutside(t, "198.51.100.1", "bo@monre.gov.vn", "From: bo@monre.gov.vn\r\n"), names{"monre.gov.vn": "!"})
	if err != nil || len(found) != 1 || found[0].Disposition != filter.Tag || found[0].Detail != "own domain, unknown" {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestSenderAuthenticationIsSilent(t *testing.T) {
	tx := fromOutside(t, "198.51.100.1", "a@good.example", "From: a@good.example\r\n")
	if found, err := authenticated(t, tx, nil); err != nil || found != nil {
		t.Errorf("without resolvers: %+v, %v", found, err)
	}
	tx.Direction = filter.Outbound
	if found, err := authenticated(t, tx, world()); err != nil || found != nil {
		t.Errorf("outbound: %+v, %v", found, err)
	}
}

// What the rule signs off on is the mail as it came: a signature of ours over header and body passes.
func TestSenderAuthenticationReadsTheMail(t *testing.T) {
	dns := world()
	key := signingKey(t)
	record, err := key.Record()
	if err != nil {
		t.Fatal(err)
	}
	dns[key.Name()] = record
	header := "From: Bo <bo@monre.gov.vn>\r\nTo: a@b.example,\r\n\tc@d.example\r\nSubject: x\r\n"
	fields, err := mailauth.NewSigner([]mailauth.Key{key}, mailauth.SignerOptions{}, time.Now).Sign([]string{"monre.gov.vn"}, strings.NewReader(header), strings.NewReader("Text\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{"Bo": "own domain, proven", "Bo Moi": "own domain, forged"} {
		h := strings.Replace(fields[0].Field+strings.TrimSuffix(header, "Subject: x\r\n"), "From: Bo ", "From: "+from+" ", 1)
		found, err := authenticated(t, fromOutside(t, "198.51.100.1", "list@good.example", h), dns)
		if err != nil || len(found) != 1 || found[0].Detail != want {
			t.Errorf("%s: %+v, %v, want %s", from, found, err, want)
		}
	}
}

type brokenReader struct{}

func (brokenReader) Check(_ context.Context, m mailauth.Message) (mailauth.Results, error) {
	_, _ = io.Copy(io.Discard, m.Body)
	return mailauth.Results{}, errors.New("disk")
}

func TestSenderAuthenticationTrouble(t *testing.T) {
	c := config(t)
	c.Authentication = brokenReader{}
	for _, r := range rules.All(c) {
		if r.Name != rules.NameSenderAuthentication {
			continue
		}
		found, err := r.Check(t.Context(), fromOutside(t, "198.51.100.1", "", "From: a@b.example\r\n"))
		if diff := cmp.Diff("authenticating the sender: disk", err.Error()); diff != "" || found != nil {
			t.Errorf("%v %s", found, diff)
		}
	}
}

func signingKey(t *testing.T) mailauth.Key {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := mailauth.NewKey(private, "monre.gov.vn", "s1")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// results answers with what it is.
type results mailauth.Results

func (r results) Check(context.Context, mailauth.Message) (mailauth.Results, error) {
	return mailauth.Results(r), nil
}

// A mailing list that is trusted may change mail of ours; one that is not vouches for nothing.
func TestSenderAuthenticationVouched(t *testing.T) {
	const ours, both = "From: bo@monre.gov.vn\r\n", "From: bo@monre.gov.vn, a@good.example\r\n"
	for _, test := range []struct {
		header, said string
		sealers      []string
		fromFields   int
		want         string
	}{
		{ours, "dmarc=pass header.from=monre.gov.vn", []string{"lists.example"}, 1, "vouched for"},
		{ours, "dmarc=fail header.from=monre.gov.vn", []string{"lists.example"}, 1, "own domain, forged"},
		{ours, "dmarc=pass header.from=monre.gov.vn", []string{"evil.example"}, 1, "own domain, forged"},
		{ours, "dmarc=pass header.from=monre.gov.vn", []string{"lists.example", "evil.example"}, 1, "own domain, forged"},
		{ours, "dmarc=pass header.from=monre.gov.vn", []string{"lists.example"}, 2, "own domain, forged"},
		{both, "dmarc=pass header.from=monre.gov.vn", []string{"lists.example"}, 1, "own domain, forged"},
	} {
		r := results{FromFields: test.fromFields, ARC: mailauth.ARC{Result: mailauth.Pass},
			DMARC: []mailauth.DMARC{{Result: mailauth.Fail, Policy: mailauth.RequestReject}}}
		for i, d := range test.sealers {
			r.ARC.Sealers = append(r.ARC.Sealers, mailauth.Sealer{Instance: i + 1, Domain: d, Results: "lists.example; " + test.said})
		}
		c := config(t)
		c.Authentication, c.TrustedSealers = r, []string{"lists.example"}
		for _, rule := range rules.All(c) {
			if rule.Name != rules.NameSenderAuthentication {
				continue
			}
			found, err := rule.Check(t.Context(), fromOutside(t, "198.51.100.1", "l@lists.example", test.header))
			if err != nil || len(found) != 1 || found[0].Detail != test.want {
				t.Errorf("%q %q: %+v, %v, want %s", test.said, test.sealers, found, err, test.want)
			}
		}
	}
}
