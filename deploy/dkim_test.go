package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"congthu/internal/peer"
	"congthu/signing/mailauth"
)

// abroad is a recipient of somebody else's.
const abroad = "ong.smith@doitac.example"

// signingGate is what a gate signs with, and the zone that others verify by.
type signingGate struct {
	dir  string
	keys []mailauth.Key
	zone map[string][]string
}

// newSigningGate makes an RSA and an Ed25519 key of ours with congthu itself.
func newSigningGate(t *testing.T) signingGate {
	t.Helper()
	peer.Need(t, exec.Command("/usr/bin/python3", "-c", "import dkim, nacl").Run() == nil, "Debian's python3-dkim and python3-nacl")
	_, err := exec.LookPath("opendkim")
	peer.Need(t, err == nil, "Debian's opendkim")
	g := signingGate{zone: map[string][]string{}}
	g.dir, err = peer.TempDir()
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(g.dir) })
	for _, algorithm := range []string{"rsa-sha256", "ed25519-sha256"} { // OpenDKIM 2.11 reports of the first alone
		selector, _, _ := strings.Cut(strings.TrimSuffix(algorithm, "25519-sha256"), "-")
		file := filepath.Join(g.dir, selector+".pem")
		out, err := exec.Command(gateBinary.path(t), "dkim", "keygen", "--domain", ours, "--selector", selector, "--algorithm", algorithm, file).CombinedOutput()
		if err != nil {
			t.Fatalf("dkim keygen: %v\n%s", err, out)
		}
		k, err := mailauth.ReadKey(file, ours, selector)
		must(t, err)
		must(t, os.Chown(file, unprivileged, unprivileged))
		record, err := k.Record()
		must(t, err)
		g.keys, g.zone[k.Name()] = append(g.keys, k), []string{record}
	}
	return g
}

// config are lines for the gate's.
func (g signingGate) config(more string) string {
	var keys []string
	for _, k := range g.keys {
		keys = append(keys, fmt.Sprintf("{domain: %s, selector: %s, file: %q}", ours, k.Selector, filepath.Join(g.dir, k.Selector+".pem")))
	}
	return "signing: {dkim: {keys: [" + strings.Join(keys, ", ") + "]" + more + "}}\n"
}

// verified is what python3-dkim says of each signature of a message.
func (g signingGate) verified(t *testing.T, message []byte) []any {
	t.Helper()
	in, err := json.Marshal(map[string]any{"do": "verify", "message": message, "zone": g.zone})
	must(t, err)
	cmd := exec.Command("/usr/bin/python3", "../signing/mailauth/testdata/dkimpy.py")
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	must(t, err)
	var all []any
	must(t, json.Unmarshal(out, &all))
	return all
}

// opendkim is what OpenDKIM reports of a message in its test mode; it knows RSA only.
func (g signingGate) opendkim(t *testing.T, message []byte) string {
	t.Helper()
	dir := t.TempDir()
	var zone strings.Builder
	for name, records := range g.zone {
		fmt.Fprintf(&zone, "%s %s\n", name, records[0])
	}
	for name, data := range map[string]string{"zone": zone.String(), "conf": "Mode v\nTestDNSData " + filepath.Join(dir, "zone") + "\n", "message": string(message)} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600))
	}
	out, err := exec.Command("opendkim", "-v", "-v", "-v", "-x", filepath.Join(dir, "conf"), "-t", filepath.Join(dir, "message")).CombinedOutput()
	if err != nil {
		t.Fatalf("opendkim: %v\n%s", err, out)
	}
	return string(out)
}

// holds checks that both signatures of a message hold, for all who verify, and that one more of a field breaks them.
func (g signingGate) holds(t *testing.T, name string, message []byte) {
	t.Helper()
	if got := g.verified(t, message); len(got) != 2 || got[0] != true || got[1] != true {
		t.Errorf("%s: python3-dkim says %v of\n%.3000s", name, got, message)
	}
	if got := g.opendkim(t, message); !strings.Contains(got, "verification (s=rsa, d="+ours+", 2048-bit key) succeeded") {
		t.Errorf("%s: OpenDKIM says %s", name, got)
	}
	list := []string{"Subject: Khac", "From: <ke.gia@doitac.example>", "To: <them@doitac.example>", "Date: Wed, 07 Oct 2026 08:00:00 +0700", "Reply-To: <ke.gia@doitac.example>"}
	more := list[len(name)%len(list)] // each with some of the messages
	if got := g.verified(t, append([]byte(more+"\r\n"), message...)); slices.Contains(got, any(true)) {
		t.Errorf("%s: with %q on top python3-dkim says %v", name, more, got)
	}
}

const mime8 = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"

// signedLetters are outgoing mails that a signature has to bear.
func signedLetters() map[string]letter {
	return map[string]letter{
		"plain":     {subject: "Bao cao"},
		"eight":     {subject: "Bao cao", fields: mime8, body: "Kính gửi  Ông,\r\n\r\n.báo cáo \t tháng 1. \r\n\r\n\r\n"},
		"undated":   {subject: "Bao cao", noDate: true},
		"repeated":  {subject: "Bao cao", fields: "Subject: Mot su that khac\r\nTo: <mot.nguoi.khac@doitac.example>\r\nComments: a\r\nComments: b\r\n"},
		"forged":    {subject: "Bao cao", fields: "Congthu-Id: gia\r\nAuthentication-Results: " + ours + "; dkim=pass\r\n"},
		"folded":    {subject: "Bao\r\n\t cao   \r\n  thang", fields: "X-Khong-Trang:x\r\nReply-To:\r\n <van.thu@" + ours + ">\r\nReferences: <a@" + ours + ">\r\n\t<b@" + ours + ">\r\n"},
		"subdomain": {subject: "Bao cao", from: "an@tnmt." + ours},
		"empty":     {subject: "Bao cao", body: "\r\n"},
		"long":      {subject: "Bao cao", body: strings.Repeat("Dong cua mot bao cao dai, co  hai khoang trang.\r\n", 6_000)},
	}
}

func abroadMail(key string, l letter) peer.Mail {
	l.key = key
	m := l.mail()
	m.To = []string{abroad}
	if slices.ContainsFunc(m.Bytes, func(b byte) bool { return b >= 0x80 }) {
		m.Params = "BODY=8BITMIME"
	}
	return m
}

// TestDKIM sends mail out through Postfix by each door: what the next hop gets is signed by both keys, as others verify.
// All messages come on one connection.
func TestDKIM(t *testing.T) {
	g := newSigningGate(t)
	for _, kind := range hookups() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, kind, g.config(""))
			c := s.client(t, inside)
			for name, l := range signedLetters() {
				m := abroadMail(name, l)
				if name == "empty" { // an automatic answer
					m.From = ""
				}
				if got := sendOn(t, c, m).Last(); !got.OK() {
					t.Errorf("%s: answered %s", name, got)
					continue
				}
				d := s.delivered(t, name)
				g.holds(t, name, d.Bytes)
				line := s.logged(t, peer.Field(d.Bytes, "Congthu-Id"))
				if got := fmt.Sprint(line["signed"]); !strings.Contains(got, ours+" rsa rsa-sha256") || !strings.Contains(got, ours+" ed ed25519-sha256") {
					t.Errorf("%s: logged %q", name, got)
				}
			}
			s.unsigned(t, c)
			must(t, c.Quit())
		})
	}
}

// unsigned sends what is not signed: mail that stays inside, and what others wrote.
func (s *stand) unsigned(t *testing.T, c *peer.Client) {
	t.Helper()
	foreign := letter{key: "foreign", subject: "Bao cao", from: "ai@doitac.example"}.mail()
	foreign.To = []string{abroad}
	own := letter{key: "internal", subject: "Bao cao"}.mail()
	for name, test := range map[string]struct {
		mail peer.Mail
		why  any
	}{"foreign": {foreign, "foreign-author"}, "internal": {own, nil}} {
		if got := sendOn(t, c, test.mail).Last(); !got.OK() {
			t.Errorf("%s: answered %s", name, got)
			continue
		}
		d := s.delivered(t, name)
		line := s.logged(t, peer.Field(d.Bytes, "Congthu-Id"))
		if peer.Field(d.Bytes, "DKIM-Signature") != "" || line["signed"] != nil || line["unsigned"] != test.why {
			t.Errorf("%s: signed %v, unsigned %v\n%.1500s", name, line["signed"], line["unsigned"], d.Bytes)
		}
	}
}

// TestDKIMToSevenBits: a Postfix whose next hop takes 7 bits only changes 8-bit mail after it was signed, which breaks
// the signature, and leaves other mail as it is (docs/sender-authentication.md).
func TestDKIMToSevenBits(t *testing.T) {
	g := newSigningGate(t)
	s := newStand(t, milterTCP, g.config(", canonicalization: simple/simple"), "smtp_discard_ehlo_keywords = 8bitmime, smtputf8") // SMTPUTF8 implies the other
	for name, want := range map[string]bool{"plain": true, "eight": false} {
		if got := s.send(t, inside, abroadMail(name, signedLetters()[name])).Last(); !got.OK() {
			t.Fatal(got)
		}
		if got := g.verified(t, s.delivered(t, name).Bytes); len(got) != 2 || (got[0] == true) != want || (got[1] == true) != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
