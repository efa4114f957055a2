package deploy

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"congthu/internal/peer"
)

// probe is a message that some servers change or do not take; docs/operating.md tells of it.
type probe struct {
	name   string
	letter letter
	want   map[string]string // by server: what becomes of it; "same" where nothing is said
}

// What becomes of a message; the first word is about what the gate sees, the second about what arrives.
const (
	intact        = "sees it; arrives"
	changedAfter  = "sees it; arrives changed"
	changedBefore = "sees it changed; arrives changed"
	notTaken      = "does not see it; does not arrive"
	byGate        = "refuses it; does not arrive"
	bounced       = "sees it; does not arrive"
)

func probes() []probe {
	const postfix, sendmail, relayPostfix, relayExim = "postfix-milter", "sendmail-milter", "relay-before-postfix", "relay-before-exim"
	const relaySendmail = "relay-before-sendmail"
	return []probe{
		{"plain", letter{}, nil},
		{"body-line-of-3000", letter{body: strings.Repeat("z", 3000) + "\r\nx\r\n"},
			map[string]string{postfix: changedAfter, relayPostfix: changedAfter, relayExim: bounced, sendmail: changedAfter, relaySendmail: changedAfter}},
		{"no-colon", letter{fields: "khong co hai cham\r\nX-After: a\r\n"},
			map[string]string{postfix: changedBefore, sendmail: changedBefore, relayPostfix: changedAfter, relayExim: changedAfter, relaySendmail: changedAfter}},
		{"space-before-colon", letter{fields: "X-Space : a\r\n"},
			map[string]string{postfix: changedBefore, sendmail: changedBefore, relayPostfix: changedAfter, relaySendmail: changedAfter}},
		{"lone-cr", letter{body: "a\rb\r\n"},
			map[string]string{postfix: changedBefore, sendmail: notTaken, relayPostfix: byGate, relayExim: byGate, relaySendmail: byGate}},
		{"nul", letter{body: "a\x00b\r\n"}, map[string]string{sendmail: notTaken}},
		{"nul-in-header", letter{fields: "X-Nul: a\x00b\r\nRep\x00ly-To: an@gmail.com\r\n"},
			map[string]string{postfix: changedBefore, sendmail: notTaken, relayPostfix: byGate, relayExim: byGate, relaySendmail: byGate}},
		{"name-of-101", letter{fields: strings.Repeat("x", 101) + ": a\r\n"},
			map[string]string{postfix: byGate, sendmail: changedBefore, relayPostfix: byGate, relayExim: byGate, relaySendmail: byGate}},
		{"content-line-of-1000", letter{fields: "Content-Location: " + strings.Repeat("x", 1000) + "\r\n"},
			map[string]string{postfix: byGate, sendmail: byGate, relayPostfix: byGate, relayExim: byGate, relaySendmail: byGate}},
		{"long-mailbox", letter{fields: "Cc: \"" + strings.Repeat("x", 240) + "\" <an@gmail.com.monre.gov.vn>\r\n"}, map[string]string{sendmail: changedAfter, relaySendmail: changedAfter}},
		{"free-mail-once-cut", letter{fields: "Reply-To: \"" + strings.Repeat("x", 240) + "\" <an@gmail.com.monre.gov.vn>\r\n"},
			map[string]string{postfix: byGate, sendmail: byGate, relayPostfix: byGate, relayExim: byGate, relaySendmail: byGate}},
		{"bcc-and-return-path", letter{fields: "Bcc: <an@monre.gov.vn>\r\nReturn-Path: <x@monre.gov.vn>\r\n"},
			map[string]string{postfix: changedBefore, sendmail: changedAfter, relayPostfix: changedAfter, relayExim: changedAfter, relaySendmail: changedAfter}},
		{"address-list", letter{fields: "Cc: an@monre.gov.vn,\"Tran, Binh\" <binh@monre.gov.vn> (Phong), Nhom: c@monre.gov.vn;\r\n"},
			map[string]string{sendmail: changedAfter, relaySendmail: changedAfter}},
		{"no-date", letter{noDate: true}, map[string]string{postfix: changedBefore, relayPostfix: changedAfter}},
	}
}

// TestWhatServersChange holds the table in docs/operating.md to the servers: what they change before the
// gate sees a message, and after.
func TestWhatServersChange(t *testing.T) {
	for _, h := range append(roads(), hookup{name: "relay-before-sendmail", start: relayBeforeSendmail}) {
		if h.after || h.name == "postfix-milter-unix" || h.name == "sendmail-milter-unix" || h.name == "postfix-proxy-filter" {
			continue // as over TCP; behind the proxy or a queue the gate sees a Received field, too
		}
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			r := h.begin(t)
			for _, p := range probes() {
				want := intact
				for server, w := range p.want {
					if strings.HasPrefix(h.name, server) {
						want = w
					}
				}
				if got := r.becomes(t, p); got != want {
					t.Errorf("%s: the gate %s; want: %s", p.name, got, want)
				}
			}
		})
	}
}

// becomes sends a probe and tells what becomes of it.
func (r *road) becomes(t *testing.T, p probe) string {
	t.Helper()
	p.letter.key, p.letter.subject = "probe-"+p.name, "Thu "+p.name
	m := p.letter.mail()
	m.Params = params(m)
	c, err := r.dial(inside)
	must(t, err)
	n := len(r.gate.Messages())
	a := sendOn(t, c, m)
	c.Quit() // a server may have closed the connection after it refused
	saw := "does not see it"
	// The log line is written after the reply, but before the gate's session ends.
	must(t, peer.Wait(patience, "the gate's sessions to end", func() bool {
		sessions, err := r.gate.Metric("congthu_sessions")
		return err == nil && sessions == 0
	}))
	if all := r.gate.Messages(); len(all) > n {
		switch {
		case all[n]["disposition"] == "refuse":
			saw = "refuses it"
		case all[n]["sha256"] == fmt.Sprintf("%x", sha256.Sum256(m.Bytes)):
			saw = "sees it"
		default:
			saw = "sees it changed"
		}
	}
	if !a.Last().OK() {
		if len(r.sink.ByKey(p.letter.key)) != 0 {
			t.Errorf("%s: answered %s and delivered", p.name, a.Last())
		}
		return saw + "; does not arrive"
	}
	got := func() []peer.Delivery { return r.sink.ByKey(p.letter.key) }
	must(t, r.mta.WaitEmpty(patience))
	switch d := got(); {
	case len(d) == 0:
		return saw + "; does not arrive"
	case bytes.HasSuffix(d[0].Bytes, m.Bytes):
		return saw + "; arrives"
	default:
		at := max(0, bytes.Index(d[0].Bytes, []byte("X-Peer-Key")))
		t.Logf("%s: %s", p.name, difference(d[0].Bytes[at:], m.Bytes))
		return saw + "; arrives changed"
	}
}
