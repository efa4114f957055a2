package deploy

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"congthu/internal/peer"
)

// TestSpam: through a real Postfix, at both doors, a real rspamd's answer becomes a tag or a refusal; stopped, mail flows,
// its header says so and the counter moves.
func TestSpam(t *testing.T) {
	for name, kind := range map[string]string{"milter": milterTCP, "relay": proxyFilter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peer.NeedRspamd(t)
			var ports peer.Ports
			addr, err := ports.Next()
			must(t, err)
			r := &peer.Rspamd{Addr: addr}
			must(t, r.Prepare())
			t.Cleanup(func() { os.RemoveAll(r.Dir) })
			must(t, r.Start())
			t.Cleanup(func() { r.Stop() })
			s := newStand(t, kind, fmt.Sprintf("rules: {spam: {mode: enforce, address: \"http://%s\", actions_inbound: {reject: refuse}}}\n", addr))
			send := func(key, text string) peer.Reply {
				l := letter{key: key, from: "khach@example.com", subject: "Thu moi", body: "Kinh gui anh chi,\r\n" + text + "\r\nTran trong.\r\n"}
				m := l.mail()
				m.From = "khach@example.com"
				return s.send(t, outside, m).Last()
			}
			if a := send("gtube", peer.GTUBE()); a.Code != 550 || !strings.Contains(a.String(), "5.7.1 [11.5] Thu co dau hieu la thu rac.") {
				t.Errorf("GTUBE: answered %s", a)
			}
			s.notDelivered(t, "gtube")
			if a := send("quang-cao", peer.RspamdWord); a.Code != 250 {
				t.Errorf("an advert: answered %s", a)
			}
			if d := string(s.delivered(t, "quang-cao").Bytes); !strings.Contains(d, "Congthu-Verdict: spam [11.5]") {
				t.Errorf("an advert is not tagged:\n%s", d)
			}
			must(t, r.Stop())
			if a := send("khong-ai-xem", "thu thuong"); a.Code != 250 {
				t.Errorf("without rspamd: answered %s", a)
			}
			if d := string(s.delivered(t, "khong-ai-xem").Bytes); !strings.Contains(d, "Congthu-Fail-Open: rspamd") {
				t.Errorf("the header does not say that nobody looked:\n%s", d)
			}
			if n, err := s.gate.Metric("congthu_fail_open_total", `engine="rspamd"`); err != nil || n != 1 {
				t.Errorf("congthu_fail_open_total %v, %v", n, err)
			}
		})
	}
}
