package deploy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"congthu/internal/peer"
)

// TestSpamTrouble: an rspamd that hangs, talks nonsense, closes or redirects for one message, through a real Postfix at both
// doors. The message passes within the rule's time and says that nobody looked, and the next one on the same connection is
// judged by its own answer.
func TestSpamTrouble(t *testing.T) {
	for name, kind := range map[string]string{"milter": milterTCP, "relay": proxyFilter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(troubled))
			t.Cleanup(server.Close)
			s := newStand(t, kind, fmt.Sprintf("rules: {spam: {mode: enforce, address: %q, timeout: 2s}}\n", server.URL))
			c := s.client(t, outside)
			troubles := []string{"hangs", "nonsense", "closes", "redirects", "refuses", "unknown"}
			for i, trouble := range troubles {
				for _, answer := range []string{trouble, "advert"} {
					key := fmt.Sprint(answer, "-", i)
					l := letter{key: key, from: "khach@example.com", subject: "Thu moi"}
					m := l.mail()
					m.From = "khach@example.com"
					if a := sendOn(t, c, m).Last(); a.Code != 250 {
						t.Fatalf("%s: answered %s", key, a)
					}
				}
			}
			must(t, c.Quit())
			must(t, s.mx.WaitEmpty(patience))
			for i, trouble := range troubles {
				for answer, looked := range map[string]bool{trouble: false, "advert": true} {
					d := string(s.delivered(t, fmt.Sprint(answer, "-", i)).Bytes)
					if strings.Contains(d, "Congthu-Fail-Open: rspamd") == looked || strings.Contains(d, "Congthu-Verdict: spam [11.5]") != looked {
						t.Errorf("%s-%d: the header is wrong:\n%s", answer, i, d)
					}
				}
			}
			if n, err := s.gate.Metric("congthu_fail_open_total", `engine="rspamd"`); err != nil || int(n) != len(troubles) {
				t.Errorf("congthu_fail_open_total %v, %v", n, err)
			}
		})
	}
}

// troubled does to a message what its key says.
func troubled(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	does, _, _ := strings.Cut(peer.Field(body, "X-Peer-Key"), "-")
	switch does {
	case "hangs":
		<-q.Context().Done()
	case "nonsense":
		io.WriteString(w, `{"action":["reject"],"symbols":`)
	case "closes":
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, `{"action":"reject"`)
	case "redirects":
		http.Redirect(w, q, "http://192.0.2.1/checkv2", http.StatusTemporaryRedirect)
	case "refuses":
		http.Error(w, "password", http.StatusForbidden)
	case "unknown":
		io.WriteString(w, `{"action":"explode\r\nX: y","score":1e3}`)
	default:
		io.WriteString(w, `{"action":"add header","score":7.5,"required_score":15}`)
	}
}
