package deploy

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"congthu/internal/peer"
	"congthu/signing/mailauth"
)

// partner is a domain that proves its mail, and the DNS that says so.
type partner struct {
	domain   string
	private  ed25519.PrivateKey
	key      mailauth.Key
	resolver netip.AddrPort
}

func newPartner(t *testing.T) partner {
	t.Helper()
	p := partner{domain: "doitac.example"}
	var err error
	_, p.private, err = ed25519.GenerateKey(rand.Reader)
	must(t, err)
	p.key, err = mailauth.NewKey(p.private, p.domain, "s1")
	must(t, err)
	record, err := p.key.Record()
	must(t, err)
	dns := &peer.NameServer{Texts: map[string][]string{
		p.domain: {"v=spf1 ip4:" + outside + " -all"}, "_dmarc." + p.domain: {"v=DMARC1; p=reject"}, p.key.Name(): {record},
		ours: {"v=spf1 ip4:192.0.2.1 -all"}, "_dmarc." + ours: {"v=DMARC1; p=reject"},
	}}
	p.resolver, err = dns.Start()
	must(t, err)
	t.Cleanup(dns.Stop)
	return p
}

// letter is one of the partner's, signed. In simple form every octet of the header counts, however it is written.
func (p partner) letter(t *testing.T, key string, simple bool) (l letter, signature string) {
	t.Helper()
	l = letter{key: key, subject: "Bao cao", from: "an@" + p.domain, body: "Kính gửi  Ông,\r\n\r\nBáo cáo \t tháng 1. \r\n\r\n"}
	l.fields = "X-Khong-Trang:x\r\nX-Gap:\r\n\t  hai   dong \r\nX-Hai:  hai trang\r\n"
	if !simple {
		head, body, _ := bytes.Cut(l.bytes(), []byte("\r\n\r\n"))
		fields, err := mailauth.NewSigner([]mailauth.Key{p.key}, mailauth.SignerOptions{}, time.Now).Sign([]string{p.domain}, bytes.NewReader(append(head, "\r\n"...)), bytes.NewReader(body))
		must(t, err)
		return l, fields[0].Field
	}
	s, err := dkim.NewSigner(&dkim.SignOptions{Domain: p.domain, Selector: p.key.Selector, Signer: p.private,
		HeaderKeys: []string{"From", "To", "Subject", "X-Khong-Trang", "X-Gap", "X-Hai"}})
	must(t, err)
	_, err = s.Write(l.bytes())
	must(t, err)
	must(t, s.Close())
	return l, s.Signature()
}

// TestSenderAuthentication sends mail from outside through Postfix to a gate with a DNS: the next hop's copy has the
// results in one field of ours and a signature that still holds, and a forgery of ours is refused.
func TestSenderAuthentication(t *testing.T) {
	p := newPartner(t)
	for _, kind := range hookups() {
		t.Run(kind, func(t *testing.T) {
			s := newStand(t, kind, fmt.Sprintf("authentication: {resolvers: [%q]}\nrules:\n  sender-authentication: {mode: enforce}\n", p.resolver))
			s.proven(t, p, false)
			s.proven(t, p, true)
			bad := letter{key: kind + "-not-ours", subject: "Lenh cua Bo truong"}
			m := bad.mail()
			m.From = "ai@khach.example"
			if got := s.send(t, outside, m).Last(); !strings.HasPrefix(got.String(), "550 5.7.1 [10.5] ") {
				t.Errorf("a forgery: %s", got)
			}
			s.notDelivered(t, bad.key)
		})
	}
}

// proven sends a letter of the partner's, with a forged field of results on it and one of another server.
func (s *stand) proven(t *testing.T, p partner, simple bool) {
	l, signature := p.letter(t, fmt.Sprintf("%s-proven-%v", s.kind, simple), simple)
	forged := "Authentication-Results: " + ours + ";\r\n\tdkim=fail header.d=" + p.domain + "\r\n"
	theirs := "Authentication-Results: mx.doitac.example; spf=pass smtp.mailfrom=doitac.example\r\n"
	keyField, rest, _ := bytes.Cut(l.bytes(), []byte("\r\n"))
	m := peer.Mail{From: "an@" + p.domain, Params: "BODY=8BITMIME", To: l.mail().To,
		Bytes: []byte(string(keyField) + "\r\n" + forged + theirs + signature + string(rest))}
	if got := s.send(t, outside, m).Last(); !got.OK() {
		t.Fatal(got)
	}
	d := s.delivered(t, l.key)
	var results []string
	for _, f := range peer.Fields(d.Bytes) {
		if strings.HasPrefix(f, "Authentication-Results: "+ours) {
			results = append(results, f)
		}
	}
	want := "Authentication-Results: " + ours + ";\r\n\tspf=pass smtp.mailfrom=doitac.example;\r\n\tdkim=pass header.d=doitac.example header.s=s1 header.a=ed25519-sha256 header.b="
	if len(results) != 1 || !strings.HasPrefix(results[0], want) || !strings.HasSuffix(results[0], ";\r\n\tdmarc=pass policy.dmarc=reject header.from=doitac.example") {
		t.Errorf("simple %v: %q", simple, results)
	}
	if !bytes.Contains(d.Bytes, []byte(theirs)) || bytes.Contains(d.Bytes, []byte("\r\r")) {
		t.Errorf("the next hop has\n%.1500s", d.Bytes)
	}
	head, body, _ := bytes.Cut(d.Bytes, []byte("\r\n\r\n"))
	r, err := mailauth.New(mailauth.NewResolver([]netip.AddrPort{p.resolver}), mailauth.Limits{}, time.Now).Check(t.Context(),
		mailauth.Message{Header: bytes.NewReader(head), Body: bytes.NewReader(body)})
	if err != nil || len(r.DKIM) != 1 || r.DKIM[0].Result != mailauth.Pass {
		t.Errorf("simple %v, in the next hop's copy: %+v, %v", simple, r.DKIM, err)
	}
}
