package rules_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/rules"
	"congthu/signing/mailauth"
)

// leaving is a message of ours on its way out.
func leaving(t *testing.T, raw string) *filter.Transaction {
	t.Helper()
	s := message.NewSpool(message.DefaultLimits(), nil)
	t.Cleanup(func() { s.Close() })
	if _, err := io.WriteString(s, raw); err != nil {
		t.Fatal(err)
	}
	m, err := message.Read(s, s.Size(), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return &filter.Transaction{Message: m, Direction: filter.Outbound}
}

func ourDomain(d string) bool {
	d = strings.ToLower(d)
	return d == "monre.gov.vn" || strings.HasSuffix(d, ".monre.gov.vn") || d == "mae.gov.vn"
}

// TestOutgoing: who signs, or why nobody does.
func TestOutgoing(t *testing.T) {
	key := signingKey(t)
	for name, test := range map[string]struct {
		header string
		until  time.Time
		none   filter.Unsigned
	}{
		"ours":             {header: "From: Bo <bo@monre.gov.vn>\r\nSubject: x\r\n"},
		"a subdomain":      {header: "From: bo@tnmt.MONRE.gov.vn\r\n"},
		"two authors":      {header: "From: ai@doitac.example, bo@monre.gov.vn\r\nSender: bo@monre.gov.vn\r\n"},
		"repeated":         {header: "Subject: a\r\nSubject: b\r\nFrom: bo@monre.gov.vn\r\nTo: a@b.example\r\nTo: c@d.example\r\n"},
		"no key":           {header: "From: bo@mae.gov.vn\r\n", none: filter.UnsignedNoKey},
		"key ended":        {header: "From: bo@monre.gov.vn\r\n", until: time.Now().Add(-time.Hour), none: filter.UnsignedNoKey},
		"foreign":          {header: "From: bo@doitac.example\r\n", none: filter.UnsignedForeign},
		"look-alike":       {header: "From: bo@notmonre.gov.vn\r\n", none: filter.UnsignedForeign},
		"our name only":    {header: "From: \"bo@monre.gov.vn\" <ai@doitac.example>\r\n", none: filter.UnsignedForeign},
		"two From fields":  {header: "From: bo@monre.gov.vn\r\nFrom: ai@doitac.example\r\n", none: filter.UnsignedFrom},
		"no From":          {header: "Subject: x\r\n", none: filter.UnsignedFrom},
		"no address":       {header: "From: Bo\r\n", none: filter.UnsignedFrom},
		"hundreds of them": {header: strings.Repeat("Subject: x\r\n", 600) + "From: bo@monre.gov.vn\r\n", none: filter.UnsignedHeader},
		"many authors":     {header: "From: " + strings.Repeat("a@x.example,\r\n ", 2000) + "bo@monre.gov.vn\r\n"},
		"many domains":     {header: "From: " + manyDomains(2000) + "bo@monre.gov.vn\r\n", none: filter.UnsignedForeign},
	} {
		t.Run(name, func(t *testing.T) {
			k := key
			k.Until = test.until
			s := rules.NewOutgoing(mailauth.NewSigner([]mailauth.Key{k}, mailauth.SignerOptions{}, time.Now), ourDomain)
			got, err := s.Sign(t.Context(), leaving(t, test.header+"\r\nText\r\n"), nil, nil)
			if err != nil || got.None != test.none || (len(got.By) == 1) != (test.none == "") || len(got.Fields) != len(got.By) {
				t.Errorf("%+v, %v", got, err)
			}
			if len(got.By) == 1 && (got.By[0] != "monre.gov.vn "+k.Selector+" "+k.Algorithm() || got.Fields[0].Name != "DKIM-Signature" || strings.HasSuffix(got.Fields[0].Value, "\n")) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func manyDomains(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("a@x" + strings.Repeat("y", i%50) + string(rune('a'+i/50)) + ".example,\r\n ")
	}
	return b.String()
}

// TestOutgoingAsItLeaves: the signature is of the header with what is put on top and without what is taken out.
func TestOutgoingAsItLeaves(t *testing.T) {
	key := signingKey(t)
	record, err := key.Record()
	if err != nil {
		t.Fatal(err)
	}
	o := mailauth.SignerOptions{Fields: []string{"From", "X-Own", "Congthu-Id"}, Once: []string{"Congthu-Id", "X-Own"}}
	s := rules.NewOutgoing(mailauth.NewSigner([]mailauth.Key{key}, o, time.Now), ourDomain)
	const body = "Text  \r\n\r\n"
	tx := leaving(t, "Congthu-Id: forged\r\nFrom: bo@monre.gov.vn\r\nX-Own: a\r\n b\r\n\r\n"+body)
	add := []filter.HeaderField{{Name: "Congthu-Id", Value: "1"}}
	made, err := s.Sign(t.Context(), tx, add, []int{0})
	if err != nil || len(made.Fields) != 1 {
		t.Fatalf("%+v, %v", made, err)
	}
	for header, want := range map[string]mailauth.Value{
		"Congthu-Id: 1\r\nFrom: bo@monre.gov.vn\r\nX-Own: a\r\n b\r\n":                       mailauth.Pass,
		"From: bo@monre.gov.vn\r\nX-Own: a\r\n b\r\n":                                        mailauth.Fail,
		"Congthu-Id: 1\r\nCongthu-Id: forged\r\nFrom: bo@monre.gov.vn\r\nX-Own: a\r\n b\r\n": mailauth.Fail,
	} {
		m := mailauth.Message{Header: strings.NewReader("DKIM-Signature: " + made.Fields[0].Value + "\r\n" + header), Body: strings.NewReader(body)}
		r, err := mailauth.New(names{key.Name(): record}, mailauth.Limits{}, time.Now).Check(t.Context(), m)
		if err != nil || len(r.DKIM) != 1 || r.DKIM[0].Result != want {
			t.Errorf("%q: %+v, %v, want %s", header, r.DKIM, err, want)
		}
	}
}

// TestOutgoingTrouble: what goes wrong on our side is an error, also when judging ends meanwhile.
func TestOutgoingTrouble(t *testing.T) {
	key := signingKey(t)
	tx := leaving(t, "From: bo@monre.gov.vn\r\n\r\nText\r\n")
	s := rules.NewOutgoing(mailauth.NewSigner([]mailauth.Key{key}, mailauth.SignerOptions{}, time.Now), ourDomain)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the client is gone")
	cancel(gone)
	if got, err := s.Sign(ctx, tx, nil, nil); !errors.Is(err, gone) || len(got.Fields) > 0 {
		t.Errorf("judging has ended: %+v, %v", got, err)
	}
	broken := errors.New("no more memory")
	if got, err := rules.NewOutgoing(brokenSigner{broken}, ourDomain).Sign(t.Context(), tx, nil, nil); !errors.Is(err, broken) || got.None != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

type brokenSigner struct{ error }

func (brokenSigner) Has(string) bool { return true }
func (b brokenSigner) Sign([]string, io.Reader, io.Reader) ([]mailauth.Signature, error) {
	return nil, b.error
}

// TestUnsignedReasons: the list is whole, each once: it makes the labels of a metric.
func TestUnsignedReasons(t *testing.T) {
	all := filter.Unsigneds()
	for _, one := range []filter.Unsigned{filter.UnsignedNoKey, filter.UnsignedForeign, filter.UnsignedFrom, filter.UnsignedHeader, filter.UnsignedFailed} {
		if n := len(slices.DeleteFunc(slices.Clone(all), func(u filter.Unsigned) bool { return u != one })); n != 1 {
			t.Errorf("%s is %d times in the list", one, n)
		}
	}
}
