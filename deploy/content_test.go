package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"congthu/internal/peer"
)

// TestWords: through a real Postfix, at both doors, mail with the administrator's words is refused with its clause and
// innocent mail on the same connection passes as it was sent; a dictionary that was changed holds from the reload on, and one
// that is wrong leaves the old one in force. The words are in no log and no evidence.
func TestWords(t *testing.T) {
	for name, kind := range map[string]string{"milter": milterTCP, "relay": proxyFilter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, err := peer.TempDir()
			must(t, err)
			t.Cleanup(func() { os.RemoveAll(dir) })
			words := filepath.Join(dir, "noi-bo.yml")
			write := func(text string) { must(t, os.WriteFile(words, []byte(text), 0o644)) }
			write("\ufeffentries:\r\n  - giá dự thầu\r\n")
			s := newStand(t, kind, fmt.Sprintf("rules: {content: {mode: enforce, outbound: refuse, inbound: refuse, dictionaries: [%q]}}\n", words))
			n, sent := 0, map[string][]byte{} // by key; nil is what was not taken
			send := func(c *peer.Client, body, want string) {
				t.Helper()
				n++
				l := letter{key: fmt.Sprint("tu-ngu-", n), subject: "Trao doi", body: body,
					fields: "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"}
				a := sendOn(t, c, l.mail()).Last()
				if !strings.HasPrefix(a.String(), want) {
					t.Errorf("%q: %s, want %s", body, a, want)
				}
				if sent[l.key] = nil; a.OK() {
					sent[l.key] = l.bytes()
				}
			}
			const refused, price, plan = "550 5.7.1 [10.2] ", "Gi=C3=\r\n=A1 d=E1=BB=B1 th=E1=\r\n=BA=A7u\r\n", "Ph=C6=B0=C6=A1ng =C3=A1n gi=E1=BA=A3i t=E1=\r\n=BB=8Fa\r\n"
			c := s.client(t, inside)
			send(c, price, refused)
			send(c, plan, "250 ")
			send(c, "Gi=C3=A1 c=E1=BA=A3, d=E1=BB=B1 th=E1=BA=A7u\r\n", "250 ")
			write("entries:\n  - giá dự thầu\n  - phương án giải tỏa\n")
			send(c, plan, "250 ")
			hup(t, s.gate, "configuration reloaded")
			send(c, plan, refused)
			write("entries:\n  - giá dự thầu\n  - {text: abc, weight: x}\n")
			hup(t, s.gate, "configuration not reloaded")
			send(c, plan, refused)
			send(c, price, refused)
			must(t, c.Quit())
			must(t, s.mx.WaitEmpty(patience))
			for key, bytes := range sent {
				got := s.sink.ByKey(key)
				if (len(got) == 1) != (bytes != nil) || len(got) > 1 {
					t.Fatalf("%s arrived %d times", key, len(got))
				}
				if bytes != nil {
					samePassed(t, got[0], bytes)
				}
			}
			if ok, err := s.gate.Metric("congthu_config_last_reload_successful"); err != nil || ok != 0 {
				t.Errorf("congthu_config_last_reload_successful %v, %v", ok, err)
			}
			if out := s.gate.Output(); !strings.Contains(out, "noi-bo.yml:3:17: weight:") {
				t.Error("the log does not name file and line")
			}
			told := s.gate.Output() + evidenceText(t, s.gate)
			for _, word := range []string{"dự thầu", "du thau", "giải tỏa", "giai toa"} {
				if strings.Contains(strings.ToLower(told), word) {
					t.Errorf("log or evidence say %q", word)
				}
			}
		})
	}
}
