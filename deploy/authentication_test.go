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

	"congthu/internal/peer"
	"congthu/signing/mailauth"
)

// TestSenderAuthentication sends mail from outside through Postfix to a gate with a DNS: the next hop's copy has the
// results in one field of ours and a signature that still holds, and a forgery of ours is refused.
func TestSenderAuthentication(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	key, err := mailauth.NewKey(private, "doitac.example", "s1")
	must(t, err)
	record, err := key.Record()
	must(t, err)
	dns := &peer.NameServer{Texts: map[string][]string{
		"doitac.example": {"v=spf1 ip4:" + outside + " -all"}, "_dmarc.doitac.example": {"v=DMARC1; p=reject"}, key.Name(): {record},
		ours: {"v=spf1 ip4:192.0.2.1 -all"}, "_dmarc." + ours: {"v=DMARC1; p=reject"},
	}}
	at, err := dns.Start()
	must(t, err)
	t.Cleanup(dns.Stop)
	signer := mailauth.NewSigner([]mailauth.Key{key}, 0, time.Now)
	for _, kind := range hookups() {
		t.Run(kind, func(t *testing.T) {
			s := newStand(t, kind, fmt.Sprintf("authentication: {resolvers: [%q]}\nrules:\n  sender-authentication: {mode: enforce}\n", at))
			good := letter{key: kind + "-proven", subject: "Bao cao", from: "an@doitac.example", body: "Kính gửi  Ông,\r\n\r\nBáo cáo \t tháng 1. \r\n\r\n"}
			m := good.mail()
			m.From, m.Params = "an@doitac.example", "BODY=8BITMIME"
			head, body, _ := bytes.Cut(m.Bytes, []byte("\r\n\r\n"))
			fields, err := signer.Sign("doitac.example", bytes.NewReader(append(head, "\r\n"...)), bytes.NewReader(body))
			must(t, err)
			forged := "Authentication-Results: " + ours + ";\r\n\tdkim=fail header.d=doitac.example\r\n"
			theirs := "Authentication-Results: mx.doitac.example; spf=pass smtp.mailfrom=doitac.example\r\n"
			plain := good.bytes()
			keyField, rest, _ := bytes.Cut(plain, []byte("\r\n"))
			m.Bytes = []byte(string(keyField) + "\r\n" + forged + theirs + fields[0] + string(rest))
			if got := s.send(t, outside, m).Last(); !got.OK() {
				t.Fatal(got)
			}
			d := s.delivered(t, good.key)
			var results []string
			for _, f := range peer.Fields(d.Bytes) {
				if strings.HasPrefix(f, "Authentication-Results: "+ours) {
					results = append(results, f)
				}
			}
			want := "Authentication-Results: " + ours + ";\r\n\tspf=pass smtp.mailfrom=doitac.example;\r\n\tdkim=pass header.d=doitac.example header.s=s1 header.a=ed25519-sha256 header.b="
			if len(results) != 1 || !strings.HasPrefix(results[0], want) || !strings.HasSuffix(results[0], ";\r\n\tdmarc=pass policy.dmarc=reject header.from=doitac.example") {
				t.Errorf("%q", results)
			}
			if !bytes.Contains(d.Bytes, []byte(theirs)) || bytes.Contains(d.Bytes, []byte("\r\r")) {
				t.Errorf("the next hop has\n%.1500s", d.Bytes)
			}
			// The next hop's copy verifies.
			head, body, _ = bytes.Cut(d.Bytes, []byte("\r\n\r\n"))
			r, err := mailauth.New(mailauth.NewResolver([]netip.AddrPort{at}), mailauth.Limits{}, time.Now).Check(t.Context(),
				mailauth.Message{Header: bytes.NewReader(head), Body: bytes.NewReader(body)})
			if err != nil || len(r.DKIM) != 1 || r.DKIM[0].Result != mailauth.Pass {
				t.Errorf("in the next hop's copy: %+v, %v", r.DKIM, err)
			}

			bad := letter{key: kind + "-forged", subject: "Lenh cua Bo truong"}
			m = bad.mail()
			m.From = "ai@khach.example"
			if got := s.send(t, outside, m).Last(); !strings.HasPrefix(got.String(), "550 5.7.1 [10.5] ") {
				t.Errorf("a forgery: %s", got)
			}
			s.notDelivered(t, bad.key)
		})
	}
}
